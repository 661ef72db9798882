"""What MISP knows: types of attributes, templates of objects, names of relationships; from the data in PyMISP.

Read when it is first asked for, and without importing PyMISP, which takes a hundred times the memory.
Sources: `describeTypes.json`, and https://github.com/MISP/misp-objects as PyMISP carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from vedette.sharing.exporter import ExportError


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributeType:
    """A type of attribute."""

    category: str
    """The category that it has where nothing else is said."""
    categories: frozenset[str]
    """Those that it may have."""
    alarms: bool
    """Whether sensors can look for values of it at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """What an attribute may be to its object."""

    type: str
    """Type of such attributes."""
    category: str
    """Their category."""
    multiple: bool
    """Whether an object may have several."""
    usual: tuple[str, ...]
    """Values that its template proposes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """What objects of a name are made of."""

    name: str
    uuid: str
    version: str
    meta_category: str
    description: str
    relations: Mapping[str, Relation]
    required: frozenset[str]
    """Relations that an object must have."""
    one_of: frozenset[str]
    """Relations of which an object must have one; empty: none."""


def package_data(package: str) -> Path:
    """Return the folder of a package's data, without importing it.

    Raises:
        ExportError: it is not installed.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ExportError(f"{package} is not installed; install Vedette's requirements again")
    return Path(found.submodule_search_locations[0]) / "data"


@cache
def attribute_types() -> Mapping[str, AttributeType]:
    """Return the types of attributes by name.

    Raises:
        ExportError: PyMISP's data cannot be read.
    """
    described = read_data(package_data("pymisp") / "describeTypes.json")["result"]
    allowed = {name: frozenset(types) for name, types in described["category_type_mappings"].items()}
    return {
        type: AttributeType(
            category=usual["default_category"],
            categories=frozenset(name for name, types in allowed.items() if type in types),
            alarms=bool(usual["to_ids"]),
        )
        for type, usual in described["sane_defaults"].items()
    }


@cache
def template(name: str) -> Template:
    """Return a template of objects.

    Raises:
        ExportError: PyMISP has none of this name, or it cannot be read.
    """
    read = read_data(package_data("pymisp") / "misp-objects" / "objects" / name / "definition.json")
    return Template(
        name=read["name"],
        uuid=read["uuid"],
        version=str(read["version"]),
        meta_category=read["meta-category"],
        description=read["description"],
        relations={relation: _relation(said) for relation, said in read["attributes"].items()},
        required=frozenset(read.get("required") or ()),
        one_of=frozenset(read.get("requiredOneOf") or ()),
    )


@cache
def relationship_names() -> frozenset[str]:
    """Return the names that references between objects have.

    Raises:
        ExportError: PyMISP's data cannot be read.
    """
    read = read_data(package_data("pymisp") / "misp-objects" / "relationships" / "definition.json")
    return frozenset(one["name"] for one in read["values"])


def read_data(path: Path) -> Any:
    """Return what a file of a package's data says.

    Raises:
        ExportError: it cannot be read.
    """
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ExportError(f"{path.name} of {path.parent.name}: cannot be read ({error}); install it again") from error


def _relation(said: Mapping[str, Any]) -> Relation:
    type = said["misp-attribute"]
    known = attribute_types()[type]
    wanted = [name for name in said.get("categories") or () if name in known.categories]
    return Relation(
        type=type,
        category=wanted[0] if wanted else known.category,
        multiple=bool(said.get("multiple")),
        usual=tuple(said.get("sane_default") or said.get("values_list") or ()),
    )
