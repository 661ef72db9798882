"""The log of a fleet's processes, as the configuration says."""

from __future__ import annotations

from vedette import log
from vedette.cli.running import open_log
from vedette.configuration.fleet import FleetConfiguration, FleetPaths


def configure_log(configuration: FleetConfiguration, paths: FleetPaths, *, level: str) -> None:
    """Send this process's log where the configuration says.

    Raises:
        ConfigurationError: the file cannot be opened.
    """
    section, file = configuration.log, None
    if section.file is not None:
        file = open_log(paths.near(section.file), section, place=str(paths.file), key="log.file")
    log.configure(level=level, as_json=configuration.log_json, file=file)
