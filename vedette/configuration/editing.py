"""Changing the list `tsa` of a `vedette.yml` and nothing else of it: comments, order and form stay the user's.

Lines are put in or taken out, and the result is read again: unless it is exactly the old configuration with the
change, the file is left alone and the user is told what to write.
"""

from __future__ import annotations

from typing import Any

import yaml

from vedette.configuration.fleet import FleetConfiguration
from vedette.configuration.loading import parse
from vedette.errors import ConfigurationError

KEY = "tsa"
LOCAL = {"name": "local"}
"""What stands in the list where the file has none."""


class EditError(ConfigurationError):
    """A file is not changed, because that cannot be done without touching more of it; `advice` is what to do."""

    def __init__(self, place: str, reason: str, *, advice: str) -> None:
        self.advice = advice
        super().__init__(place, KEY, reason)


def with_authority(text: str, entry: dict[str, Any], *, place: str) -> str:
    """Return a configuration with one more authority.

    Raises:
        ConfigurationError: it cannot be read, or the result would not be valid.
        EditError: it is written in a way that cannot be added to.
    """
    advice = f"add this under 'tsa:' yourself:\n{_block([entry], 2)}"
    root, old = _composed(text, place, advice)
    lines, end = text.splitlines(keepends=True), _line_end(text)
    node = _value(root)
    if node is None:
        # The default list stands for the local authority, which a list of one's own would end.
        wanted = [LOCAL, entry]
        if not lines[-1].endswith(("\n", "\r")):
            lines[-1] += end
        lines.append(f"{KEY}:\n{_block(wanted, 2)}".replace("\n", end))
    else:
        block = _block_list(node, place, advice)
        wanted = [*old[KEY], entry]
        at = _last_line(block.value[-1]) + 1
        if not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += end
        lines.insert(at, _block([entry], block.start_mark.column).replace("\n", end))
    return _checked("".join(lines), {**old, KEY: wanted}, place, advice)


def without_authority(text: str, name: str, *, place: str) -> str:
    """Return a configuration without one of its authorities; the comments around it stay.

    Raises:
        ConfigurationError: it cannot be read, or has no authority of that name beside another one.
        EditError: it is written in a way that cannot be taken from.
    """
    advice = f"take '{name}' out of 'tsa:' yourself"
    root, old = _composed(text, place, advice)
    names = [authority.name for authority in parse(text, place, FleetConfiguration, syntax="yaml").tsa]
    if name not in names:
        raise ConfigurationError(place, KEY, f"has no authority {name!r}; it has {', '.join(names)}")
    if len(names) == 1:
        raise ConfigurationError(place, KEY, f"{name!r} is the only authority; add another one first")
    node = _value(root)
    if node is None:
        raise EditError(place, "the list is not in the file", advice=advice)
    block = _block_list(node, place, advice)
    lines, number = text.splitlines(keepends=True), names.index(name)
    first, last = _dash_line(lines, block, number), _last_line(block.value[number])
    del lines[first : last + 1]
    wanted = [entry for entry in old[KEY] if entry["name"] != name]
    return _checked("".join(lines), {**old, KEY: wanted}, place, advice)


def _composed(text: str, place: str, advice: str) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """Return the file as YAML nodes and as values."""
    parse(text, place, FleetConfiguration, syntax="yaml")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise EditError(place, "is JSON, or on one line", advice=advice)
    return root, dict(yaml.safe_load(text))


def _value(root: yaml.MappingNode) -> yaml.Node | None:
    return next((value for key, value in root.value if key.value == KEY), None)


def _block_list(node: yaml.Node, place: str, advice: str) -> yaml.SequenceNode:
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise EditError(place, "is not written as a list with one entry below the other", advice=advice)
    return node


def _last_line(node: yaml.Node) -> int:
    """Return the last line that belongs to a node; comments behind it do not."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        return max(map(_last_line, parts))
    line, column = int(node.end_mark.line), int(node.end_mark.column)
    return line - 1 if column == 0 and line > node.start_mark.line else line


def _dash_line(lines: list[str], node: yaml.SequenceNode, number: int) -> int:
    """Return the line on which an entry's dash is: its content may begin further down."""
    line = int(node.value[number].start_mark.line)
    column = node.start_mark.column
    while line > node.start_mark.line and lines[line][column : column + 1] != "-":
        line -= 1
    return line


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _block(entries: list[dict[str, Any]], indent: int) -> str:
    """Return entries of a list, each line indented."""
    text = yaml.safe_dump(entries, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1_000)
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))


def _checked(text: str, wanted: dict[str, Any], place: str, advice: str) -> str:
    """Return the text, if it says what is wanted and nothing else."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EditError(place, "is written in a way that cannot be changed safely", advice=advice) from error
    if found != wanted:
        raise EditError(place, "is written in a way that cannot be changed safely", advice=advice)
    parse(text, place, FleetConfiguration, syntax="yaml")
    return text
