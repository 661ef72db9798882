"""The destinations of a fleet, as its configuration has them: checked, and spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from registry.exports import Exports
from vedette.configuration.sharing import DestinationSection
from vedette.sharing.exporter import Collections, Destination, Exporter, ExporterCatalogue, Outfit
from vedette.sharing.feeds import EXPORTER, feed_folder
from vedette.sharing.settings import check_settings

_MASK: Final = "[secret]"
_MAX_SECRET: Final = 4_096
_LEAST_SECRET: Final = 6
"""Characters that a secret has at least: a shorter one would mask half of a message."""


class ExportDestinations:
    """Makes the destinations that exports are sent to."""

    def __init__(
        self,
        *,
        exports: Exports,
        near: Path,
        data: Path,
        catalogue: ExporterCatalogue | None = None,
        collections: Collections | None = None,
    ) -> None:
        """Describe it; no exporter is loaded yet.

        Args:
            exports: the store's, with the configuration.
            near: the folder that paths in the configuration are relative to.
            data: the data folder.
            catalogue: the exporters; None: those that are installed.
            collections: those of our TAXII server; None: there is none.
        """
        self._exports = exports
        self._near = near
        self._data = data
        self._catalogue = catalogue or ExporterCatalogue()
        self._collections = collections

    def exporter(self, section: DestinationSection) -> Exporter:
        """Return a destination's exporter, its settings checked.

        Raises:
            ConfigurationError: there is no such exporter, or a setting is missing or not known.
        """
        place = f"sharing.destinations: {section.name}"
        exporter = self._catalogue.exporter(section.exporter, place=place)
        check_settings(exporter, section.settings, place=section.name)
        return exporter

    def connect(self, name: str) -> Destination:
        """Return a destination; nothing is asked of it yet.

        Raises:
            RefusedError: there is none of this name.
            ConfigurationError: its exporter or a setting cannot be used.
            ExportError: its exporter has no destinations.
        """
        section = self._exports.sharing.destination(name)
        return self.exporter(section).connect(
            Outfit(
                clock=self._exports.clock,
                name=name,
                settings=self._settings(section),
                folder=self._near,
                memory=self._exports.memory(name),
                collections=self._collections,
            )
        )

    def masked(self, name: str, text: str) -> str:
        """Return a text without a destination's secrets: what a broken exporter says could hold one."""
        for file in self._secret_files(name):
            with suppress(OSError, UnicodeDecodeError):
                with (self._near / file).open("rb") as opened:
                    secret = opened.read(_MAX_SECRET).decode().strip()
                if len(secret) >= _LEAST_SECRET:
                    text = text.replace(secret, _MASK)
        return text

    def _settings(self, section: DestinationSection) -> Mapping[str, Any]:
        if section.exporter != EXPORTER:
            return section.settings
        return {**section.settings, "path": str(feed_folder(section, near=self._near, data=self._data))}

    def _secret_files(self, name: str) -> list[str]:
        settings = self._exports.sharing.destination(name).settings
        return [
            value for key, value in settings.items() if key.endswith("_file") and isinstance(value, str) and value
        ]
