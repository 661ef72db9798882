"""The settings of a destination, held against what its exporter takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from vedette.configuration.loading import did_you_mean
from vedette.errors import ConfigurationError
from vedette.sharing.exporter import Exporter


def check_settings(exporter: Exporter, settings: Iterable[str], *, place: str) -> None:
    """Check that an exporter knows all settings, and that none is missing.

    Args:
        exporter: what reads them.
        settings: their names.
        place: the destination's name, for messages.

    Raises:
        ConfigurationError: names the setting and the reason.
    """
    given, known = set(settings), exporter.required | exporter.optional
    for key in sorted(given - known):
        reason = f"is no setting of the exporter {exporter.name!r}" + did_you_mean(key, known)
        raise ConfigurationError(f"sharing.destinations: {place}", key[:64], reason)
    for key in sorted(exporter.required - given):
        raise ConfigurationError(
            f"sharing.destinations: {place}", key, f"is required by the exporter {exporter.name!r}"
        )
