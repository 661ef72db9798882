"""What one host of several needs besides the program: its files, credentials and CA, in one archive, nothing else.

The archive's paths are relative to the folder of `hosts.yml` where all lies in it, else to the root of the file
system. Its members are readable by their owner only.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from vedette.configuration.credentials import Credentials, load_credentials
from vedette.configuration.hosts import Hosts, agents_of, share_of
from vedette.configuration.probe import load_probe
from vedette.errors import ConfigurationError

_KEPT = ("data", "xmpp", "fetching", "log_json", "log")
"""Sections of the fleet's configuration that a host without store and hub needs as they are."""

_CA = "xmpp-ca.pem"
_HUB_CA = "hub-ca.pem"


class HostPack:
    """The archive for one host."""

    def __init__(self, *, hosts: Hosts, name: str) -> None:
        """Describe the archive for the host `name`.

        Raises:
            ConfigurationError: there is no such host, or it is the hub's.
        """
        self._hosts = hosts
        self._paths = hosts.paths
        self._name = name
        self._section = hosts.section(name)
        self._share = share_of(hosts.fleet, self._section)
        if self._section.hub:
            reason = f"{name} runs the hub, where credentials are made: it has all that it needs"
            raise ConfigurationError(str(hosts.file), f"hosts.{name}", reason)

    def write(self, file: Path) -> list[str]:
        """Write the archive, mode 0600, and return the paths in it.

        Raises:
            ConfigurationError: something that the host needs is not there, or the file cannot be written.
        """
        members: dict[Path, bytes] = {}
        for path, data in self._members():
            members.setdefault(path, data)
        base = self._base(list(members))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, data in sorted(members.items()):
                member = tarfile.TarInfo(str(path.relative_to(base)))
                member.size, member.mode = len(data), 0o600
                archive.addfile(member, io.BytesIO(data))
        part = file.with_name(f"{file.name}.part")
        try:
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as output:
                output.write(packed.getvalue())
            part.replace(file)
        except OSError as error:
            raise ConfigurationError(str(file), "", f"cannot be written: {error.strerror or error}") from error
        return [str(path.relative_to(base)) for path in sorted(members)]

    def _base(self, paths: list[Path]) -> Path:
        folder = self._hosts.file.parent
        return folder if all(path.is_relative_to(folder) for path in paths) else Path("/")

    def _members(self) -> Iterator[tuple[Path, bytes]]:
        hosts, paths = self._hosts, self._paths
        only = {
            "fleet": hosts.configuration.fleet,
            "hosts": {self._name: self._section.model_dump(mode="json", exclude_defaults=True)},
        }
        yield hosts.file, yaml.safe_dump(only, sort_keys=False).encode()
        yield paths.file, self._fleet_file()
        for path in self._named():
            yield path, _read(path)
        for name in agents_of(self._share, paths):
            yield from _credentials(self._paths.credentials_of(name))
        for name in self._share.probes:
            given = load_probe(paths.near(name)).credentials
            if given is not None:
                yield from _credentials((paths.near(name).parent / given).resolve())

    def _fleet_file(self) -> bytes:
        """Return the fleet's configuration: of it only what concerns the host, where it opens no store."""
        data = _read(self._paths.file)
        if self._section.needs_store:
            return data
        # What it says was found right when it was loaded.
        given: dict[str, Any] = yaml.safe_load(data.decode("utf-8-sig"))
        kept = {key: given[key] for key in _KEPT if key in given}
        for key, names in (("collectors", self._section.collectors), ("gateways", self._section.gateways)):
            kept[key] = [section for section in given.get(key) or [] if section["name"] in names]
        rest = {"probes": self._share.probes, "rt": {"agents": 0}}
        return yaml.safe_dump({**kept, **rest}, sort_keys=False).encode()

    def _named(self) -> Iterator[Path]:
        """Yield the files that the host's part of the configuration names."""
        near, share = self._paths.near, self._share
        for name in share.probes:
            yield near(name)
            probe = load_probe(near(name))
            if probe.ca is not None:
                yield (near(name).parent / probe.ca).resolve()
        for gateway in share.gateways:
            yield from (near(name) for name in (gateway.credentials_file, gateway.ca) if name is not None)
        yield from (near(collector.sources) for collector in share.collectors)
        if self._section.engines:
            roots = [name for section in share.tsa for name in (section.roots, section.untrusted)]
            yield from (near(name) for name in roots if name is not None)
            if any(section.local for section in share.tsa):
                # All engines stamp with the one key that everybody believes.
                names = ("*.pem", "tsa.key")
                yield from sorted(path for name in names for path in self._paths.tsa.glob(name) if path.is_file())


def _credentials(file: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield an agent's credentials, with the roots that they name beside them, and its key."""
    if not file.is_file():
        raise ConfigurationError(str(file), "", "does not exist; start the hub once, which enrols all hosts' agents")
    credentials, folder = load_credentials(file), file.parent
    changes = {}
    for field, given, brought in (("ca", credentials.ca, _CA), ("hub_ca", credentials.hub_ca, _HUB_CA)):
        if given is not None:
            changes[field] = brought
            yield folder / brought, _read(folder / given)
    yield folder / credentials.key, _read(folder / credentials.key)
    yield file, _written(credentials.model_copy(update=changes))


def _written(credentials: Credentials) -> bytes:
    return credentials.model_dump_json(indent=2).encode() + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be read: {error.strerror or error}") from error
