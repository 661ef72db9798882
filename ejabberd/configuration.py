"""The production ejabberd's configuration, rendered from a few typed settings (ejabberd 23.01 and later)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import yaml

from ejabberd.account_database import AccountDatabase
from ejabberd.accounts import check_domain
from ejabberd.authority import Authority
from vedette.errors import ConfigurationError

SERVICE_USER = "ejabberd"
"""The system user that the server runs as when root starts it (Debian's package makes it)."""

MAX_STANZA = 1024 * 1024
"""Bytes of one stanza: a larger one closes its stream."""

SETTINGS_FILE = "vedette-xmpp.json"
"""The settings as `init` saved them; holds the API's secret, mode 0600."""

_DURABLE = (
    "spawn(fun() -> Watch = fun Again(Table) -> case mnesia:subscribe({table, Table, simple}) of {ok, _} -> ok; "
    "_ -> timer:sleep(100), Again(Table) end end, Watch(FIRST), Watch(SECOND), "
    "(fun Loop() -> receive _ -> mnesia:sync_log(), Loop() end end)() end)."
)
"""Erlang that flushes Mnesia's log at each change of accounts and rosters, or of who is removed where accounts are in
PostgreSQL; by itself it waits up to 2 seconds, and an account that was just made would be gone after a crash."""

_KEPT = ("api_secret", "api_port", "node", "node_interface", "node_port", "revoked", "accounts")
"""Settings that `init` takes over from an earlier run where it is given none; its options are the others."""

REVOKED_GROUP = "revoked"
"""The group of removed accounts on a cluster: every node knows its members at once, a file only its own."""


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


def initialise(folder: Path, settings: XmppSettings) -> XmppSettings:
    """Render everything a server needs into the folder and return the settings with their ports.

    What exists is kept: the CA, accounts, and of the settings the secret, the node, its ports and who is revoked.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    layout = Layout(folder=folder.absolute())
    if layout.settings.exists():
        old = load(folder)
        own = {entry.name for entry in fields(settings) if getattr(settings, entry.name) == entry.default}
        kept = {name: getattr(old, name) for name in _KEPT if name in own or name == "api_secret"}
        settings = type(settings)(**asdict(settings) | {key: value for key, value in kept.items() if value})
    settings = settings.with_ports()
    try:
        for path in (layout.config, layout.spool, layout.logs, layout.tls):
            path.mkdir(parents=True, exist_ok=True, mode=0o755 if path == layout.tls else 0o700)
        _render(layout, settings)
    except OSError as error:
        raise ConfigurationError(str(folder), "", f"cannot be written: {error.strerror}") from error
    return settings


def revoke(folder: Path, name: str, *, revoked: bool) -> bool:
    """Keep an account's client certificates out, or let them in again; False if nothing changed.

    ejabberd takes whom a certificate of the CA names, account or not, so removing the account is not
    enough. The running server must be told to read its configuration again (`reload_config`).

    Raises:
        ConfigurationError: the folder is not one of `initialise`, or cannot be written.
    """
    settings = load(folder)
    if (name in settings.revoked) == revoked:
        return False
    names = {*settings.revoked, name} if revoked else {*settings.revoked} - {name}
    try:
        _render(Layout(folder=folder.absolute()), replace(settings, revoked=tuple(sorted(names))))
    except OSError as error:
        raise ConfigurationError(str(folder), "", f"cannot be written: {error.strerror}") from error
    return True


def load(folder: Path) -> XmppSettings:
    """Return the settings that `initialise` saved.

    Raises:
        ConfigurationError: there are none, or they are damaged.
    """
    path = Layout(folder=folder).settings
    try:
        values = json.loads(path.read_bytes())
        known = {entry.name for entry in fields(XmppSettings)}
        values = {key: value for key, value in values.items() if key in known}
        return XmppSettings(**values | {"hosts": tuple(values["hosts"]), "revoked": tuple(values["revoked"])})
    except OSError as error:
        hint = "run `vedette xmpp init` first" if isinstance(error, FileNotFoundError) else error.strerror
        raise ConfigurationError(str(path), "", f"cannot be read: {hint}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(str(path), "", "is damaged; run `vedette xmpp init` again") from error


def render_server(settings: XmppSettings, layout: Layout, *, certificate: Path, key: Path) -> str:
    """Return the text of `ejabberd.yml`."""
    configuration = {
        "hosts": [settings.domain],
        "loglevel": "warning",
        "log_rotate_size": 10485760,
        "log_rotate_count": 3,
        "certfiles": [str(certificate), str(key)],
        "ca_file": str(Authority(layout.tls).ca_file),
        "c2s_cafile": str(Authority(layout.tls).ca_file),
        "listen": _listeners(settings),
        **_authentication(settings),
        **_access(settings),
        "queue_type": "ram",
        # A process that cannot keep up ends with its clients, who send again, before the machine does.
        "max_fsm_queue": 10000,
        "s2s_access": "none",
        "default_db": "mnesia",
        "modules": _modules(settings),
    }
    head = "# Made by `vedette xmpp init`; a change here is lost when it runs again.\n"
    return head + yaml.safe_dump(configuration, sort_keys=False, default_flow_style=False)


def render_control(settings: XmppSettings, layout: Layout) -> str:
    """Return the text of `ejabberdctl.cfg`, a shell fragment."""
    # A fixed distribution port makes epmd, and its open port 4369, unnecessary.
    values = {
        "ERLANG_NODE": settings.node,
        "ERL_DIST_PORT": str(settings.node_port),
        "INET_DIST_INTERFACE": settings.node_interface,
        "ERL_OPTIONS": "-env ERL_CRASH_DUMP_BYTES 0",
        "SPOOL_DIR": str(layout.spool),
        "LOGS_DIR": str(layout.logs),
        "EJABBERD_PID_PATH": str(layout.pid),
    }
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def check_node(name: str) -> str:
    """Return the name if it can be an Erlang node's.

    Raises:
        ConfigurationError: it is not of the form name@host.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+@[A-Za-z0-9_.-]+", name):
        raise ConfigurationError("xmpp", "node", f"{name!r} is not of the form name@host")
    return name


def service_user() -> str | None:
    """Return the user that the server runs as: `ejabberd` when we are root, else None (ourselves).

    Raises:
        ConfigurationError: we are root and there is no such user.
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        import pwd

        return pwd.getpwnam(SERVICE_USER).pw_name
    raise ConfigurationError("xmpp", "", f"the user {SERVICE_USER} does not exist; install the package ejabberd")


def _render(layout: Layout, settings: XmppSettings) -> None:
    certificate, key = Authority(layout.tls).server(settings.domain, names=settings.hosts)
    _write(layout.settings, json.dumps(asdict(settings), indent=2))
    _write(layout.config / "ejabberd.yml", render_server(settings, layout, certificate=certificate, key=key))
    _write(layout.config / "ejabberdctl.cfg", render_control(settings, layout))
    _write(layout.config / "inetrc", '{lookup,["file","native"]}.\n{host,{127,0,0,1}, ["localhost"]}.\n')
    _write(layout.config / "vm.args", f'-eval "{_durable(settings)}"\n')
    _hand_over(layout, certificate, key)


def _durable(settings: XmppSettings) -> str:
    first, second = ("sr_group", "sr_user") if settings.accounts else ("passwd", "roster")
    return _DURABLE.replace("FIRST", first).replace("SECOND", second)


def _listeners(settings: XmppSettings) -> list[dict[str, Any]]:
    clients = {
        "port": settings.port,
        "ip": settings.listen,
        "module": "ejabberd_c2s",
        "backlog": 256,  # the default of 5 turns away a fleet that comes back at once
        "access": "c2s",
        "shaper": "c2s_shaper",
        "max_stanza_size": MAX_STANZA,
        "starttls_required": True,
        # Needed for SASL EXTERNAL; who has no certificate still logs in by SCRAM (XEP-0178).
        "tls_verify": True,
        "tls_compression": False,
    }
    administration = {
        "port": settings.api_port,
        "ip": "127.0.0.1",
        "module": "ejabberd_http",
        "tls": False,
        "request_handlers": {f"/{settings.api_secret}": "mod_http_api"},
        "tag": "administration",
    }
    return [clients, administration]


def _authentication(settings: XmppSettings) -> dict[str, Any]:
    plus = [f"SCRAM-SHA-{bits}-PLUS" for bits in ("1", "256", "512")]
    database = AccountDatabase.parse(settings.accounts).rendered() if settings.accounts else {}
    return {
        "auth_method": "sql" if settings.accounts else "internal",
        **database,
        "auth_password_format": "scram",
        "auth_scram_hash": "sha256",
        # Channel binding of 23.01 fails with TLS 1.3 clients; PLAIN would show a mistaken server the password.
        "disable_sasl_mechanisms": [*plus, "DIGEST-MD5", "PLAIN", "X-OAUTH2"],
    }


def _access(settings: XmppSettings) -> dict[str, Any]:
    acl: dict[str, Any] = {"local": {"user_regexp": ""}, "loopback": {"ip": ["127.0.0.0/8", "::1/128"]}}
    entry: list[dict[str, str]] = [{"allow": "local"}]
    if settings.revoked:
        acl["revoked"] = {"user": [f"{name}@{settings.domain}" for name in settings.revoked]}
        entry.insert(0, {"deny": "revoked"})
    if settings.accounts:
        acl["removed"] = {"shared_group": REVOKED_GROUP}
        entry.insert(0, {"deny": "removed"})
    return {
        "acl": acl,
        "access_rules": {"c2s": entry, "local": [{"allow": "local"}]},
        "shaper_rules": {"c2s_shaper": "none", "max_user_sessions": 20},
        "api_permissions": {
            "administration": {
                "from": ["mod_http_api", {"tag": "administration"}],
                "who": {"access": {"allow": {"acl": "loopback"}}},
                "what": [
                    "register",
                    "unregister",
                    "change_password",
                    "kick_user",
                    "registered_users",
                    "reload_config",
                    "connected_users_number",
                    "stats",
                    "status",
                    "stop",
                    "leave_cluster",
                    "list_cluster",
                    "srg_create",
                    "srg_user_add",
                    "srg_user_del",
                ],
            },
            "console": {"from": ["ejabberd_ctl"], "who": "all", "what": "*"},
        },
    }


def _modules(settings: XmppSettings) -> dict[str, dict[str, Any]]:
    shared: dict[str, dict[str, Any]] = {"mod_shared_roster": {"db_type": "mnesia"}} if settings.accounts else {}
    nodes = {"access_createnode": "local", "max_items_node": 1000, "plugins": ["flat"], "last_item_cache": False}
    return {
        # Clients such as profanity speak of commands to no agent unless the server knows the word.
        "mod_adhoc": {},
        "mod_admin_extra": {},
        "mod_caps": {},
        "mod_disco": {},
        "mod_http_api": {},
        # A cut cable is noticed after 10 seconds of silence and 10 without an answer.
        "mod_ping": {"send_pings": True, "ping_interval": 10, "ping_ack_timeout": 10, "timeout_action": "kill"},
        "mod_pubsub": nodes,
        "mod_roster": {"versioning": False, "db_type": "sql" if settings.accounts else "mnesia"},
        **shared,
        "mod_stats": {},
        # Acknowledgements without resumption: a resumable session would be shown present while it is dead.
        "mod_stream_mgmt": {"resume_timeout": 0, "ack_timeout": 20, "max_ack_queue": 5000, "queue_type": "ram"},
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(opened.getsockname()[1]) for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _hand_over(layout: Layout, certificate: Path, key: Path) -> None:
    user = service_user()
    if user is None:
        return
    for folder in (layout.config, layout.spool, layout.logs):
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user, user)
    for path in (certificate, key):
        shutil.chown(path, user, user)
