"""What an operator decides about one ejabberd, and where its files are."""

from __future__ import annotations

import re
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from ejabberd.account_database import AccountDatabase
from ejabberd.accounts import check_domain
from vedette.errors import ConfigurationError

SETTINGS_FILE = "vedette-xmpp.json"
"""The settings as `init` saved them; holds the API's secret, mode 0600."""


@dataclass(frozen=True, kw_only=True)
class XmppSettings:
    """What an operator decides about one server."""

    domain: str
    """The XMPP domain: what stands after the @ of every JID."""
    hosts: tuple[str, ...] = ()
    """More names and addresses by which clients reach it, for its certificate."""
    listen: str = "127.0.0.1"
    """Address to listen on for clients; `::` for all."""
    port: int = 5222
    """Port for clients (RFC 6120 section 3.2)."""
    api_port: int = 0
    """Port of the administration API on 127.0.0.1; 0: a free one is chosen."""
    node_port: int = 0
    """Port of the Erlang node (ejabberdctl uses it); 0: a free one is chosen."""
    node: str = "ejabberd@localhost"
    """Name of the Erlang node."""
    node_interface: str = "127.0.0.1"
    """Address of the Erlang node; another than loopback only in a cluster on a private network."""
    revoked: tuple[str, ...] = ()
    """Accounts that were removed: their client certificates must not let them in again."""
    accounts: str = field(default="", repr=False)
    """PostgreSQL with accounts and rosters, `postgresql://user:password@host/database`; "": in Mnesia instead."""
    api_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """Secret path of the administration API: whoever can read the configuration may administer."""

    def __post_init__(self) -> None:
        check_domain(self.domain)
        for name in ("port", "api_port", "node_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise ConfigurationError("xmpp", name, "must be 0 to 65535")
        check_node(self.node)
        if self.accounts:
            AccountDatabase.parse(self.accounts)

    def with_ports(self) -> Self:
        """Return the settings with a free port for each that is 0."""
        wanted = [name for name in ("port", "api_port", "node_port") if getattr(self, name) == 0]
        values = asdict(self) | dict(zip(wanted, _free_ports(len(wanted)), strict=True))
        return type(self)(**values)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a server's files are under its folder."""

    folder: Path
    """What `--folder` names."""

    @property
    def settings(self) -> Path:
        """The saved settings."""
        return self.folder / SETTINGS_FILE

    @property
    def config(self) -> Path:
        """The folder for `ejabberdctl --config-dir`."""
        return self.folder / "config"

    @property
    def spool(self) -> Path:
        """Mnesia: accounts, rosters, nodes."""
        return self.folder / "spool"

    @property
    def logs(self) -> Path:
        """The server's logs."""
        return self.folder / "logs"

    @property
    def tls(self) -> Path:
        """The private CA, the server's certificate and the clients'."""
        return self.folder / "tls"

    @property
    def pid(self) -> Path:
        """The running server's process id."""
        return self.spool / "ejabberd.pid"


def check_node(name: str) -> str:
    """Return the name if it can be an Erlang node's.

    Raises:
        ConfigurationError: it is not of the form name@host.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+@[A-Za-z0-9_.-]+", name):
        raise ConfigurationError("xmpp", "node", f"{name!r} is not of the form name@host")
    return name


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(opened.getsockname()[1]) for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()
