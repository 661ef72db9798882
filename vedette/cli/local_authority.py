"""Starting the local time-stamping authority of a fleet, beside its hub or beside an engine on another host."""

from __future__ import annotations

import sys

from vedette.cli.supervisor import Supervisor
from vedette.clock import Clock
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError
from vedette.evidence.authority.identity import load_or_create_identity


async def start_local_authority(
    supervisor: Supervisor, configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock, create: bool = True
) -> str:
    """Start the local time-stamping authority and return its URL, "" if none is configured.

    Without `create` its key must be there: another host's engine stamps with the same one, which all believe.

    Raises:
        ConfigurationError: its key is not there.
        ProcessFailedError: it did not start.
    """
    if not any(section.local for section in configuration.tsa):
        return ""
    if not create and not paths.roots.is_file():
        reason = f"{paths.tsa} has no local authority; copy that folder from the host of the hub"
        raise ConfigurationError(str(paths.file), "tsa", reason)
    load_or_create_identity(paths.tsa, clock=clock)
    argv = [sys.executable, "-m", "vedette.evidence.authority", "--folder", str(paths.tsa)]
    report = await supervisor.start("tsa", argv)
    url = str(report["url"])
    port = url.rstrip("/").rsplit(":", maxsplit=1)[1].split("/")[0]
    supervisor.replace_argv("tsa", [*argv, "--port", port])
    return url
