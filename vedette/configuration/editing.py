"""Changing a list of a `vedette.yml`, `tsa` or `people`, and nothing else: comments, order and form stay the user's.

Lines are put in or taken out, and the result is read again: unless it is exactly the old configuration with the
change, the file is left alone and the user is told what to write.
"""

from __future__ import annotations

from typing import Any

import yaml

from vedette.configuration.fleet import FleetConfiguration
from vedette.configuration.loading import parse
from vedette.errors import ConfigurationError

AUTHORITIES = "tsa"
PEOPLE = "people"
LOCAL = {"name": "local"}
"""What stands in the list of authorities where the file has none."""


class EditError(ConfigurationError):
    """A file is not changed, because that cannot be done without touching more of it; `advice` is what to do."""

    def __init__(self, place: str, key: str, reason: str, *, advice: str) -> None:
        self.advice = advice
        super().__init__(place, key, reason)


def with_authority(text: str, entry: dict[str, Any], *, place: str) -> str:
    """Return a configuration with one more authority.

    Raises:
        ConfigurationError: it cannot be read, or the result would not be valid.
        EditError: it is written in a way that cannot be added to.
    """
    # The default list stands for the local authority, which a list of one's own would end.
    return _with_entry(text, AUTHORITIES, entry, default=[LOCAL], place=place)


def with_person(text: str, entry: dict[str, Any], *, place: str) -> str:
    """Return a configuration with one more person.

    Raises:
        ConfigurationError: it cannot be read, or the result would not be valid.
        EditError: it is written in a way that cannot be added to.
    """
    return _with_entry(text, PEOPLE, entry, default=[], place=place)


def _with_entry(text: str, key: str, entry: dict[str, Any], *, default: list[dict[str, Any]], place: str) -> str:
    advice = f"add this under '{key}:' yourself:\n{_block([entry], 2)}"
    root, old = _composed(text, key, place, advice)
    lines, end = text.splitlines(keepends=True), _line_end(text)
    node = _value(root, key)
    if node is None:
        wanted = [*default, entry]
        if not lines[-1].endswith(("\n", "\r")):
            lines[-1] += end
        lines.append(f"{key}:\n{_block(wanted, 2)}".replace("\n", end))
    else:
        block = _block_list(node, key, place, advice)
        wanted = [*old[key], entry]
        at = _last_line(block.value[-1]) + 1
        if not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += end
        lines.insert(at, _block([entry], block.start_mark.column).replace("\n", end))
    return _checked("".join(lines), {**old, key: wanted}, key, place, advice)


def without_authority(text: str, name: str, *, place: str) -> str:
    """Return a configuration without one of its authorities; the comments around it stay.

    Raises:
        ConfigurationError: it cannot be read, or has no authority of that name beside another one.
        EditError: it is written in a way that cannot be taken from.
    """
    names = [authority.name for authority in parse(text, place, FleetConfiguration, syntax="yaml").tsa]
    if name not in names:
        raise ConfigurationError(place, AUTHORITIES, f"has no authority {name!r}; it has {', '.join(names)}")
    if len(names) == 1:
        raise ConfigurationError(place, AUTHORITIES, f"{name!r} is the only authority; add another one first")
    return _without_entry(text, AUTHORITIES, names.index(name), called=name, place=place)


def without_person(text: str, jid: str, *, place: str) -> str:
    """Return a configuration without one of its people; the comments around them stay.

    Raises:
        ConfigurationError: it cannot be read, or has nobody of that JID.
        EditError: it is written in a way that cannot be taken from.
    """
    people = [person.jid for person in parse(text, place, FleetConfiguration, syntax="yaml").people]
    if jid not in people:
        raise ConfigurationError(place, PEOPLE, f"has nobody called {jid!r}; see: vedette xmpp person list")
    return _without_entry(text, PEOPLE, people.index(jid), called=jid, place=place)


def _without_entry(text: str, key: str, number: int, *, called: str, place: str) -> str:
    advice = f"take '{called}' out of '{key}:' yourself"
    root, old = _composed(text, key, place, advice)
    node = _value(root, key)
    if node is None:
        raise EditError(place, key, "the list is not in the file", advice=advice)
    block = _block_list(node, key, place, advice)
    lines = text.splitlines(keepends=True)
    first, last = _dash_line(lines, block, number), _last_line(block.value[number])
    wanted = {**old, key: [entry for place_of, entry in enumerate(old[key]) if place_of != number]}
    if not wanted[key]:
        # Without entries the key would stand for nothing, which is no list.
        del wanted[key]
        first = next(one.start_mark.line for one, _ in root.value if one.value == key)
    del lines[first : last + 1]
    return _checked("".join(lines), wanted, key, place, advice)


def _composed(text: str, key: str, place: str, advice: str) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """Return the file as YAML nodes and as values."""
    parse(text, place, FleetConfiguration, syntax="yaml")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise EditError(place, key, "is JSON, or on one line", advice=advice)
    return root, dict(yaml.safe_load(text))


def _value(root: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for one, value in root.value if one.value == key), None)


def _block_list(node: yaml.Node, key: str, place: str, advice: str) -> yaml.SequenceNode:
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise EditError(place, key, "is not written as a list with one entry below the other", advice=advice)
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


def _checked(text: str, wanted: dict[str, Any], key: str, place: str, advice: str) -> str:
    """Return the text, if it says what is wanted and nothing else."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EditError(place, key, "is written in a way that cannot be changed safely", advice=advice) from error
    if (found or {}) != wanted:
        raise EditError(place, key, "is written in a way that cannot be changed safely", advice=advice)
    parse(text, place, FleetConfiguration, syntax="yaml")
    return text
