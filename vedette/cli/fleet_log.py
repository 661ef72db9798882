"""The log of a fleet's processes, as the configuration says."""

from __future__ import annotations

from vedette import log
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError
from vedette.log_file import LogFile

_MEBIBYTE = 2**20


def configure_log(configuration: FleetConfiguration, paths: FleetPaths, *, level: str) -> None:
    """Send this process's log where the configuration says.

    Raises:
        ConfigurationError: the file cannot be opened.
    """
    section, file = configuration.log, None
    if section.file is not None:
        path = paths.near(section.file)
        try:
            file = LogFile(path, size=int(section.size * _MEBIBYTE), count=section.count)
        except OSError as error:
            reason = f"{path} cannot be opened: {error.strerror or error}"
            raise ConfigurationError(str(paths.file), "log.file", reason) from error
    log.configure(level=level, as_json=configuration.log_json, file=file)
