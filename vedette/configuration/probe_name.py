"""What a probe's account is called, before anybody has started it."""

from __future__ import annotations

from pathlib import Path

from vedette.configuration.credentials import load_credentials
from vedette.configuration.probe import ProbeConfiguration


def probe_name(configuration: ProbeConfiguration, file: Path) -> str:
    """Return the probe's account name: of its JID, else of its credentials, else of its file.

    Raises:
        ConfigurationError: its credentials cannot be read.
    """
    jid = configuration.jid
    if jid is None and configuration.credentials is not None and configuration.credentials.is_file():
        jid = load_credentials(configuration.credentials).jid
    return (jid or file.stem).split("@", maxsplit=1)[0]
