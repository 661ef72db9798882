"""Opening the fleet's store for a command."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.database import Database
from vedette.cli.enrolment import default_fleet_file
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.errors import ConfigurationError


def open_fleet(file: Path | None) -> tuple[FleetConfiguration, FleetPaths]:
    """Return the configuration that a command works on.

    Raises:
        ConfigurationError: there is none, or it is wrong, or the fleet is another user's.
    """
    configuration, paths = load_fleet(default_fleet_file(file))
    _check_owner(paths.data)
    return configuration, paths


def _check_owner(data: Path) -> None:
    """Keep root from leaving files, such as a write-ahead log, that the fleet's own user cannot open afterwards."""
    if os.geteuid() != 0 or not data.is_dir():
        return
    number = data.stat().st_uid
    if number != 0:
        try:
            owner = pwd.getpwuid(number).pw_name
        except KeyError:
            owner = f"#{number}"
        raise ConfigurationError(str(data), "", f"belongs to {owner}; run it as that user: sudo -u {owner} vedette …")


@contextmanager
def open_store(paths: FleetPaths) -> Iterator[Database]:
    """Open the store for the time of a command.

    Raises:
        StoreError: it does not exist, is not current, or cannot be reached.
    """
    with Database(paths.store_url) as database:
        yield database
