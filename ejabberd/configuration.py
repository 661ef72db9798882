"""The folder of a production ejabberd: made, loaded and changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import asdict, fields, replace
from pathlib import Path

from ejabberd import erlang
from ejabberd.authority import Authority
from ejabberd.rendering import render_control, render_server
from ejabberd.settings import Layout, XmppSettings
from vedette.errors import ConfigurationError

SERVICE_USER = "ejabberd"
"""The system user that the server runs as when root starts it (Debian's package makes it)."""

_KEPT = ("api_secret", "api_port", "node", "node_interface", "node_port", "revoked", "accounts")
"""Settings that `init` takes over from an earlier run where it is given none; its options are the others."""


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
    _write(layout.config / erlang.FILE, erlang.beside_ejabberd(clustered=bool(settings.accounts)))
    _write(layout.config / "vm.args", erlang.AT_START)
    _hand_over(layout, certificate, key)


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
