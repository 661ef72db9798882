"""`packages`: what is installed on this machine, with versions: dpkg, rpm and Python distributions."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from vedette.clock import Clock
from vedette.tools.interface import Arguments, Limits
from vedette.tools.observation import Observation, ObservationError, StandardForm
from vedette.tools.process import executable, run_command

Source = Literal["dpkg", "rpm", "python"]

MAX_STATUS = 64 * 1024 * 1024
"""Bytes of dpkg's status file."""

_RPM_TIME = 30.0
_RPM_OUTPUT = 4 * 1024 * 1024


class PackagesArguments(Arguments):
    """Where to look."""

    sources: Annotated[
        tuple[Source, ...], Field(min_length=1, max_length=3, validation_alias=AliasChoices("sources", "source"))
    ] = ("dpkg", "rpm", "python")
    """Which package databases."""
    dpkg_status: Path = Path("/var/lib/dpkg/status")
    """dpkg's database (deb822; dpkg's own `status` file)."""


class PackagesForm(StandardForm):
    """Standard form of `packages`: each maps a name to its version.

    A name that is installed for several architectures appears as `name:architecture`, once for each.
    """

    form: str = "packages/1"
    dpkg: dict[str, str] | None = None
    """Debian packages; None where dpkg is not there or was not asked for."""
    rpm: dict[str, str] | None = None
    """RPM packages, likewise."""
    python: dict[str, str] | None = None
    """Python distributions of the probe's own environment; None where not asked for."""


class Packages(Observation[PackagesArguments]):
    """Lists installed packages."""

    name = "packages"
    summary = "Installed packages with versions: dpkg, rpm, Python"
    Arguments = PackagesArguments
    Form = PackagesForm

    def objection(self, target: str) -> str | None:
        """Return None: it looks at this machine, and the target is only a label."""
        return None

    async def observe(self, *, target: str, arguments: PackagesArguments, clock: Clock) -> PackagesForm:
        """Read what was asked for."""
        asked = arguments.sources
        # In threads, because reading thousands of entries would hold up everything else in this process.
        dpkg = await asyncio.to_thread(_dpkg, arguments.dpkg_status) if "dpkg" in asked else None
        rpm = await _rpm(clock) if "rpm" in asked else None
        python = await asyncio.to_thread(_python) if "python" in asked else None
        missing = dpkg is None and rpm is None and python is None
        return PackagesForm(
            target=target,
            error=f"no package database of {', '.join(asked)} on this machine" if missing else None,
            dpkg=dpkg,
            rpm=rpm,
            python=python,
        )


def _dpkg(status: Path) -> dict[str, str] | None:
    try:
        with status.open("rb") as file:
            data = file.read(MAX_STATUS + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ObservationError(f"{status}: {error.strerror}") from error
    if len(data) > MAX_STATUS:
        raise ObservationError(f"{status} is larger than {MAX_STATUS} bytes")
    return _by_name(parse_status(data.decode("utf-8", errors="replace")))


def parse_status(text: str) -> list[tuple[str, str, str]]:
    """Return name, architecture and version of each installed package of a dpkg status file.

    What is only configured, half installed or removed is left out (dpkg(1), "Package states").
    """
    found = []
    for paragraph in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if ": " in line and not line.startswith((" ", "\t"))
        )
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            found.append((fields["Package"], fields.get("Architecture", ""), fields.get("Version", "")))
    return found


async def _rpm(clock: Clock) -> dict[str, str] | None:
    if executable("rpm") is None:
        return None
    wanted = "%{NAME}\\t%{ARCH}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"
    limits = Limits(time_limit=_RPM_TIME, output_limit=_RPM_OUTPUT)
    result = await run_command(["rpm", "-qa", "--queryformat", wanted], limits=limits, clock=clock)
    if result.exit_code != 0 or result.truncated:
        raise ObservationError(f"rpm -qa failed ({result.exit_code}): {result.stderr[:200]}")
    rows = (line.split("\t") for line in result.payload.decode("utf-8", errors="replace").splitlines())
    return _by_name([(row[0], row[1], row[2]) for row in rows if len(row) == 3])


def _python() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # A broken installation has no name; it is no package that anyone could look for.
        name = distribution.metadata["Name"] if distribution.metadata else None
        if name:
            # The first on sys.path is the one that is imported.
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))


def _by_name(rows: list[tuple[str, str, str]]) -> dict[str, str]:
    often = Counter(name for name, _, _ in rows)
    named = {name if often[name] == 1 else f"{name}:{architecture}": version for name, architecture, version in rows}
    return dict(sorted(named.items()))
