"""Which XMPP server carries a fleet: its address, its CA, and who manages its accounts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ejabberd.accounts import Accounts, EmbeddedAccounts
from ejabberd.api import EjabberdAccounts
from ejabberd.authority import Authority
from ejabberd.configuration import load
from ejabberd.settings import Layout
from vedette.configuration.fleet import EJABBERD, EMBEDDED, FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError

DEFAULT_PORT = 5222
"""Port of XMPP clients (RFC 6120 section 14.7)."""

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to connect to where all is listened on


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """Where the fleet's XMPP server is and how it is trusted."""

    server: str
    """Host and port."""
    others: tuple[str, ...] = ()
    """Host and port of the cluster's further nodes."""
    ca: Path | None
    """PEM roots; None: the system's."""


def port_file(paths: FleetPaths) -> Path:
    """Return the file in which the embedded server's port is kept."""
    return paths.run / "xmpp.json"


def last_port(paths: FleetPaths) -> int:
    """Return the embedded server's port of the last time, 0 if there was none."""
    try:
        return int(json.loads(port_file(paths).read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def carrier_of(configuration: FleetConfiguration, paths: FleetPaths) -> Carrier:
    """Return where the configured server is.

    Raises:
        ConfigurationError: it is an embedded one that never ran, or an ejabberd that was never initialised.
    """
    section = configuration.xmpp
    if section.server == EMBEDDED:
        port = section.port or last_port(paths)
        if not port:
            raise ConfigurationError(
                str(paths.file), "xmpp.port", "is not known yet; start the fleet once with vedette up, or set it"
            )
        return Carrier(server=f"127.0.0.1:{port}", ca=Authority(paths.xmpp).ca_file)
    if section.server == EJABBERD:
        folder = paths.near(section.folder)
        settings = load(folder)
        host = _WILDCARDS.get(settings.listen, settings.listen)
        others = tuple(_host_and_port(address) for address in section.others)
        return Carrier(server=f"{host}:{settings.port}", others=others, ca=Layout(folder=folder).tls / "ca.pem")
    first, *others_given = map(_host_and_port, section.addresses)
    ca = None if section.ca is None else paths.near(section.ca)
    return Carrier(server=first, others=tuple(others_given), ca=ca)


def accounts_of(configuration: FleetConfiguration, paths: FleetPaths) -> Accounts | None:
    """Return who makes accounts on the configured server; None where that is not ours to do.

    Raises:
        ConfigurationError: the ejabberd was never initialised.
    """
    if configuration.xmpp.server == EMBEDDED:
        return EmbeddedAccounts(paths.xmpp)
    if configuration.xmpp.server == EJABBERD:
        return EjabberdAccounts(paths.near(configuration.xmpp.folder))
    return None


def _host_and_port(address: str) -> str:
    host, _, given = address.removeprefix("xmpp://").rstrip("/").partition(":")
    return f"{host}:{given or DEFAULT_PORT}"
