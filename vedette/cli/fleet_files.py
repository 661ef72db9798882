"""The files of a fleet besides its store: which go into a safety copy, and which of them are secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from registry.backup import FleetEntry
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.probe import load_probe
from vedette.errors import ConfigurationError

MAX_FILE = 64 * 1024 * 1024
"""Bytes of a file that is copied; keys and accounts have a few kilobytes."""

REDACTED = "REMOVED-FROM-SAFETY-COPY"
"""What stands for a secret in a copy without secrets."""

_FILE = "sqlite:///"
_SQLITE = b"SQLite format 3\0"
_PUBLIC = frozenset({"roots.pem", "tsa.pem"})
"""Files of the local authority that everybody may see."""

# A database is copied with what is in its log; the log itself, put beside another state of it, would damage that.
_PASSING = ("-wal", "-shm", "-journal", ".zip", ".lock", ".log")
"""Ends of names of files that belong to the moment."""


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    secret: bool = False
    within: tuple[str, ...] = ()


class FleetFiles:
    """The files of one fleet."""

    def __init__(self, *, configuration: FleetConfiguration, paths: FleetPaths) -> None:
        self._configuration = configuration
        self._paths = paths
        self.left_out: list[str] = []
        """Files that were not copied, and why."""

    def entries(self, *, secrets: bool) -> list[FleetEntry]:
        """Return what goes into a safety copy; without `secrets`, with what is secret taken out.

        Raises:
            ConfigurationError: a file that the configuration names cannot be used.
        """
        found: dict[str, _File] = {}
        for file in (*self._configured(), *self._data()):
            found.setdefault(self._origin(file.path), file)
        wanted = {origin: file for origin, file in found.items() if secrets or not file.secret}
        entries = [self._entry(origin, file, secrets=secrets) for origin, file in wanted.items()]
        return [entry for entry in entries if entry is not None]

    def _configured(self) -> Iterator[_File]:
        """Yield the configuration, every file that it names, and the roots that it named once."""
        configuration, near = self._configuration, self._paths.near
        yield _File(path=self._paths.file, within=_secrets_of(configuration))
        for name in configuration.probes:
            probe = load_probe(near(name))
            yield _File(path=near(name), within=_secrets_of(probe))
            if probe.credentials is not None:
                yield _File(path=(near(name).parent / probe.credentials).resolve(), secret=True)
        api, xmpp = configuration.api, configuration.xmpp
        roots = [name for section in configuration.tsa for name in (section.roots, section.untrusted)]
        for public in (configuration.trust, xmpp.ca, api.certificate, api.roots, *roots):
            if public is not None:
                yield _File(path=near(public))
        # Also those of authorities that are configured no more: what they proved is verified with them.
        for path in sorted(self._paths.external_roots.glob("*.pem")):
            if path.is_file():
                yield _File(path=path)
        if api.key is not None:
            yield _File(path=near(api.key), secret=True)

    def _data(self) -> Iterator[_File]:
        """Yield what lies in the data folder, but for store, graph, documents, and what belongs to the moment.

        Outboxes stay where they are: one from yesterday would give numbers away a second time.
        """
        paths = self._paths
        # With their locks, and with what was moved aside of them.
        databases = [Path(url.removeprefix(_FILE)).name for url in (paths.store_url, paths.graph_url) if _FILE in url]
        for folder in (paths.data, paths.credentials, paths.tsa, paths.xmpp):
            for path in sorted(folder.glob("*")):
                if path.name.startswith((*databases, ".")) or path.name.endswith(_PASSING):
                    continue
                if path.is_symlink() or not path.is_file():
                    continue
                yield _File(path=path, secret=not (folder == paths.tsa and path.name in _PUBLIC))

    def _origin(self, path: Path) -> str:
        base = self._paths.file.parent
        return str(path.relative_to(base) if path.is_relative_to(base) else path)

    def _entry(self, origin: str, file: _File, *, secrets: bool) -> FleetEntry | None:
        try:
            if file.path.stat().st_size > MAX_FILE:
                self.left_out.append(f"{file.path}: is larger than {MAX_FILE} bytes")
                return None
            data = _read(file.path)
        except FileNotFoundError:
            self.left_out.append(f"{file.path}: is not there")
            return None
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(str(file.path), "", f"cannot be read: {error}") from error
        redacted = False
        for secret in () if secrets else file.within:
            if secret.encode() not in data:
                # Written in another way than it reads: better no copy than one that gives it away.
                self.left_out.append(f"{file.path}: holds a secret that could not be taken out")
                return None
            data, redacted = data.replace(secret.encode(), REDACTED.encode()), True
        return FleetEntry(origin=origin, data=data, secret=file.secret, redacted=redacted)


def _read(path: Path) -> bytes:
    """Return a file's bytes; of a database that may be written now, one state."""
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            file.seek(0)
            return file.read()
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=30.0)) as live, closing(sqlite3.connect(":memory:")) as copy:
        live.backup(copy)
        return bytes(copy.serialize())


def _secrets_of(model: BaseModel) -> tuple[str, ...]:
    """Return every secret that a configuration holds, passwords of URLs included."""
    found: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, BaseModel):
                found += _secrets_of(one)
            elif isinstance(one, SecretStr):
                found.append(one.get_secret_value())
            elif isinstance(one, str) and "://" in one and "@" in one:
                found += _password_of(one)
    return tuple(dict.fromkeys(secret for secret in found if secret))


def _password_of(url: str) -> list[str]:
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return []
    # As it is written: the parsed one has lost its percent signs.
    written = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return [written or str(password)] if password else []
