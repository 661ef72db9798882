"""`PACKAGES`: what is installed: dpkg, rpm, Python distributions and npm's, as a list and then as differences."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from vedette.canonical import parse_json
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.snapshots import Listing, Snapshot, SnapshotError
from vedette.errors import RefusedError
from vedette.tools import packages
from vedette.tools.observation import ObservationError
from vedette.tools.packages import PackagesArguments, PackagesForm

KINDS = ("dpkg", "rpm", "pip", "npm")
"""Whose packages there are."""

MODULES = (Path("/usr/local/lib/node_modules"), Path("/usr/lib/node_modules"), Path("/usr/share/nodejs"))
"""Where npm's global packages are."""

_MAX_PACKAGES = 50_000
_MAX_MANIFEST = 1024 * 1024


class Packages(Snapshot):
    """Lists what is installed."""

    summary = "Installed packages (packages:dpkg,rpm,pip,npm; a path with =): all of them, then what changed"
    form = "packages/1"

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the list of kinds."""
        try:
            _asked(source.source_uri)
        except ValueError as error:
            return f"source-URI: {error}"
        return None

    async def take(self, desk: Desk) -> Listing:
        """Return names and versions by kind; a kind that is not there is left out.

        Raises:
            SnapshotError: a database cannot be read, or none is there.
        """
        asked = _asked(desk.source.source_uri)
        try:
            found = await _of_tool(desk, asked)
            folder = asked.get("pip")
            if folder is not None:
                found["pip"] = await asyncio.to_thread(_python, desk.folder / folder)
            if "npm" in asked:
                at = asked["npm"]
                places = MODULES if at is None else (desk.folder / at,)
                found["npm"] = await asyncio.to_thread(_npm, places)
        except (ObservationError, OSError, ValidationError) as error:
            raise SnapshotError(f"{desk.source.source_uri}: {error}") from error
        named = {kind: names for kind, names in found.items() if names}
        if not named:
            raise SnapshotError(
                f"{desk.source.source_uri}: no package database of {', '.join(asked)} on this machine"
            )
        return named


async def _of_tool(desk: Desk, asked: dict[str, Path | None]) -> Listing:
    """Return what the probes' tool `packages` finds."""
    sources: list[str] = [kind for kind in ("dpkg", "rpm") if kind in asked]
    if "pip" in asked and asked["pip"] is None:
        sources.append("python")
    if not sources:
        return {}
    status = asked.get("dpkg")
    given = {"sources": sources} | ({} if status is None else {"dpkg_status": desk.folder / status})
    arguments = PackagesArguments.model_validate(given)
    form = await packages.Packages().observe(target="packages", arguments=arguments, clock=desk.clock)
    if not isinstance(form, PackagesForm):  # pragma: no cover
        return {}
    return {"dpkg": form.dpkg or {}, "rpm": form.rpm or {}, "pip": form.python or {}}


def _asked(uri: str) -> dict[str, Path | None]:
    """Return the kinds that are asked for, each with where it is.

    Raises:
        ValueError: one is not known.
    """
    head, _, rest = uri.partition(":")
    if head != "packages":
        raise ValueError("must be packages: for all, or such as packages:dpkg,pip=/opt/app/lib/site-packages")
    asked: dict[str, Path | None] = {}
    for word in filter(None, rest.split(",")):
        kind, _, path = word.partition("=")
        if kind not in KINDS or (path and kind == "rpm"):
            raise ValueError(f"{word[:60]!r} is none of {', '.join(KINDS)}, with a path after = (rpm has none)")
        asked[kind] = Path(path) if path else None
    return asked or dict.fromkeys(KINDS)


def _python(folder: Path) -> dict[str, str]:
    """Return the distributions of a folder such as `lib/python3.11/site-packages`."""
    if not folder.is_dir():
        raise SnapshotError(f"{folder}: is no folder")
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=[str(folder)]):
        name = distribution.metadata["Name"] if distribution.metadata else None
        if name and len(found) < _MAX_PACKAGES:
            found.setdefault(name, distribution.version)
    return found


def _npm(places: tuple[Path, ...]) -> dict[str, str]:
    """Return the packages of folders such as `node_modules`, those with a scope included."""
    found: dict[str, str] = {}
    for place in places:
        for folder in _packages(place):
            if len(found) >= _MAX_PACKAGES:
                return found
            name, version = _manifest(folder / "package.json")
            if name:
                found.setdefault(name, version)
    return found


def _packages(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        return
    for folder in sorted(place.iterdir()):
        if folder.name.startswith("@") and folder.is_dir():
            yield from sorted(folder.iterdir())
        else:
            yield folder


def _manifest(file: Path) -> tuple[str, str]:
    """Return name and version of a package; nothing where it is none."""
    try:
        with file.open("rb") as opened:
            value = parse_json(opened.read(_MAX_MANIFEST))
    except (OSError, RefusedError):
        return "", ""
    name, version = (value.get("name"), value.get("version")) if isinstance(value, dict) else (None, None)
    return (name, str(version or "")) if isinstance(name, str) else ("", "")
