"""Sections of sources: Stucco's `stucco.yml` as it is, read from a file or a URL; etcd's v2 keys count as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from vedette.canonical import parse_json
from vedette.collection.configuration import DEPRECATED, SourceConfiguration
from vedette.configuration.collector import CollectorSection
from vedette.configuration.loading import did_you_mean, load, parse, reason_of
from vedette.errors import ConfigurationError, RefusedError

MAX_SOURCES = 10_000
"""Sources of a section."""

_DEPTH = 16
_UNUSED = frozenset({"outputLog", "outputDir"})


class _Whole(BaseModel):
    """A whole file: everything in it that is no section is somebody else's."""

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A named list of sources."""

    name: str
    """Such as `demo`."""
    place: str
    """File or URL that it is from."""
    sources: tuple[SourceConfiguration, ...]
    """In the file's order."""
    warnings: tuple[str, ...]
    """What was understood, but should be written differently."""


def load_sections(path: Path) -> dict[str, Section]:
    """Return the sections of a file.

    Raises:
        ConfigurationError: names file, section, key and reason.
    """
    return _sections(load(path, _Whole).model_dump(), str(path))


def read_sections(text: str, place: str) -> dict[str, Section]:
    """Return the sections of what a URL gave: YAML or JSON as in a file, or the answer of etcd's v2 keys API.

    Raises:
        ConfigurationError: names place, section, key and reason.
    """
    value = parse(text, place, _Whole).model_dump()
    node = value.get("node")
    if isinstance(node, dict) and "action" in value:
        unfolded = _unfolded(node, place)
        value = unfolded if isinstance(unfolded, dict) else {}
    return _sections(value, place)


def choose_section(sections: dict[str, Section], name: str | None, *, place: str) -> Section:
    """Return the section of a name; without one, the only section that there is.

    Raises:
        ConfigurationError: there is no such section, or several to choose from.
    """
    if name is None:
        if len(sections) != 1:
            raise ConfigurationError(
                place, "", f"has {len(sections)} sections; say which{did_you_mean('', sections)}"
            )
        return next(iter(sections.values()))
    if name not in sections:
        raise ConfigurationError(place, name[:64], "there is no such section" + did_you_mean(name, sections))
    return sections[name]


def section_of(collector: CollectorSection, *, file: Path) -> Section:
    """Return what a collector collects that `file` describes.

    Raises:
        ConfigurationError: its file of sources is wrong, or has no such section.
    """
    sources = (file.parent / collector.sources).resolve()
    return choose_section(load_sections(sources), collector.section, place=str(sources))


def holds_sections(path: Path) -> bool:
    """Tell whether a YAML or JSON file is one of sources, and not another configuration.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    return bool(_found(load(path, _Whole).model_dump()))


def _sections(value: dict[str, Any], place: str) -> dict[str, Section]:
    found = _found(value)
    if not found:
        raise ConfigurationError(
            place, "", "has no section with 'collectors', such as default: demo: collectors: […]"
        )
    return {name: _section(name, entries, place) for name, entries in found.items()}


def _found(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what looks like a section: under `default`, as Stucco has it, or at the top."""
    default = value.get("default")
    inner = default if isinstance(default, dict) else {}
    found = {
        str(name): part
        for name, part in (*value.items(), *inner.items())
        if isinstance(part, dict) and "collectors" in part
    }
    return found or ({"default": value} if "collectors" in value and not _is_of_a_fleet(value["collectors"]) else {})


def _is_of_a_fleet(entries: Any) -> bool:
    """Tell whether a list `collectors` is that of a fleet's `vedette.yml`, whose entries name files of sources."""
    return isinstance(entries, list) and any(isinstance(entry, dict) and "sources" in entry for entry in entries)


def _section(name: str, value: dict[str, Any], place: str) -> Section:
    for key in value:
        if key != "collectors" and key not in _UNUSED:
            raise ConfigurationError(
                place, f"{name}.{key}", "is not known here" + did_you_mean(str(key), ["collectors"])
            )
    entries = value["collectors"] or []
    if not isinstance(entries, list):
        raise ConfigurationError(place, f"{name}.collectors", "must be a list of sources")
    if len(entries) > MAX_SOURCES:
        raise ConfigurationError(place, f"{name}.collectors", f"has more than {MAX_SOURCES} sources")
    sources: dict[str, SourceConfiguration] = {}
    warnings: list[str] = []
    for number, entry in enumerate(entries):
        source, said = _source(entry, f"{name}.collectors.{number}", place)
        if source.identity in sources:
            said.append(
                f"{name}.collectors.{number}: {source.source_name} is there twice with this URI; the first counts"
            )
        else:
            sources[source.identity] = source
        warnings += said
    return Section(name=name, place=place, sources=tuple(sources.values()), warnings=tuple(warnings))


def _source(entry: Any, key: str, place: str) -> tuple[SourceConfiguration, list[str]]:
    if not isinstance(entry, dict):
        raise ConfigurationError(place, key, "must be an object of keys and values")
    warnings = []
    old = str(entry.get("type", "")).strip().upper()
    if old in DEPRECATED:
        instead = DEPRECATED[old]
        entry = instead | entry | {"type": instead["type"]}
        warnings.append(f"{key}.type: {old} is deprecated; it is read as {instead['type']}")
    # What is written without a value is Stucco's way of leaving it out.
    given = {name: part for name, part in entry.items() if part is not None}
    try:
        return SourceConfiguration.model_validate(given), warnings
    except ValidationError as error:
        wrong, reason = reason_of(error, SourceConfiguration)
        known = [field.alias or name for name, field in SourceConfiguration.model_fields.items()]
        if reason.startswith("unknown key"):
            word = wrong.rpartition(".")[2]
            reason = f"unknown key {word[:60]!r}" + did_you_mean(word, known)
        raise ConfigurationError(place, f"{key}.{wrong}" if wrong else key, reason) from error


def _unfolded(node: dict[str, Any], place: str, depth: int = 0) -> Any:
    """Return a tree of etcd v2 as values: a folder of numbers is a list, a text that is JSON is what it says."""
    if depth > _DEPTH:
        raise ConfigurationError(place, "", f"has folders in folders, more than {_DEPTH} deep")
    if not node.get("dir"):
        return _value(node.get("value"))
    children: dict[str, Any] = {}
    for child in node.get("nodes") or []:
        if not isinstance(child, dict) or not isinstance(child.get("key"), str):
            raise ConfigurationError(place, "node", "is not a tree of etcd's v2 keys API")
        children[child["key"].rstrip("/").rpartition("/")[2]] = _unfolded(child, place, depth + 1)
    if children and all(name.isascii() and name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children


def _value(text: Any) -> Any:
    # Stucco's loader puts lists in as JSON.
    if isinstance(text, str) and text[:1] in ("[", "{"):
        try:
            return parse_json(text)
        except RefusedError:
            return text
    return text
