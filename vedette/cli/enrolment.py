"""Enrolling agents: account, role in the directory, signing key, credentials file; and undoing it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ejabberd.accounts import Accounts, check_name, new_password
from registry.audit import Audit, AuditEntry
from registry.callers import ITSELF, Actor
from registry.database import Database
from registry.directory import Directory
from registry.keys import KeyRefusedError, Keys, Scope
from vedette.clock import Clock
from vedette.configuration.credentials import Credentials, RegistryKey, load_credentials, save_credentials
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError, RefusedError
from vedette.messages.card import Role
from vedette.signing import SigningKey

MACHINE_FILE = Path("/etc/vedette/vedette.yml")
"""The configuration that the Debian package installs."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An agent that is to be enrolled."""

    name: str
    """The part of its JID before the @."""
    role: Role
    """What it does."""
    password: str | None = None
    """The account's password where a configuration fixes it; None makes a random one."""
    unsigned: bool = False
    """Whether bare SCANDALE messages are accepted from it, too."""


class Enrolment:
    """Enrols agents of one fleet; running it again changes nothing but the server's address."""

    def __init__(
        self,
        *,
        configuration: FleetConfiguration,
        paths: FleetPaths,
        database: Database,
        accounts: Accounts,
        server: str,
        others: tuple[str, ...] = (),
        ca: Path | None,
        clock: Clock,
        hub: str | None = None,
        by: Actor = ITSELF,
    ) -> None:
        """Describe the fleet; `hub` is the address of the API, None where it is not known yet; `by` is who enrols."""
        self._by = by
        self._audit = Audit(database=database, clock=clock)
        self._hub = hub
        self._keys = Keys(database=database, clock=clock)
        self._configuration = configuration
        self._paths = paths
        self._directory = Directory(database=database, clock=clock)
        self._accounts = accounts
        self._server = server
        self._others = others
        self._ca = ca

    async def enrol(self, wanted: Wanted) -> Path:
        """Enrol an agent and return its credentials file.

        Raises:
            RefusedError: the name or password cannot be used, or the name is a person's.
            ConfigurationError: a file cannot be written.
            StoreError: the store failed.
        """
        check_name(wanted.name)
        if self.jid(wanted.name) in {person.jid for person in self._configuration.people}:
            # An agent must not get a person's rights, nor a person lose the account to it.
            raise RefusedError("name", f"{wanted.name} is in the list 'people'; take another name")
        key = self._key(wanted.name)
        known = self._known(wanted.name)
        password = wanted.password or (known.password if known is not None else new_password())
        self._accounts.create(wanted.name, password)
        credentials = Credentials(
            jid=self.jid(wanted.name),
            role=wanted.role,
            password=password,
            key=f"{wanted.name}.key",
            registry=self._registry_key(),
            server=self._server,
            servers=self._others,
            ca=None if self._ca is None else str(self._ca),
            hub=self._hub,
            hub_ca=self._hub_roots(),
            api_key=await self._api_key(wanted, known),
        )
        file = self._paths.credentials_of(wanted.name)
        save_credentials(file, credentials)
        if known is None or known.password != password:
            await self._record("account.make", credentials.jid)
        await self._enter(credentials, key, unsigned=wanted.unsigned)
        return file

    async def revoke(self, name: str) -> None:
        """Undo an enrolment: no account, no role, no credentials; what the agent sent stays.

        Raises:
            RefusedError: it is not enrolled.
            StoreError: the store failed.
        """
        # The enrolment last: who was cut off in the middle says `revoke` again, and the rest is done.
        count = await self._keys.revoke_agent(self.jid(check_name(name)), by=self._by)
        self._accounts.remove(name)
        await self._directory.revoke(self.jid(name), by=self._by)
        await self._record("account.remove", self.jid(name), f"API keys revoked: {count}")
        for file in (self._paths.credentials_of(name), self._paths.credentials / f"{name}.key"):
            with contextlib.suppress(FileNotFoundError):
                file.unlink()

    def jid(self, name: str) -> str:
        """Return the bare JID of an agent of this fleet."""
        return f"{name}@{self._configuration.xmpp.domain}"

    async def _enter(self, credentials: Credentials, key: SigningKey, *, unsigned: bool) -> None:
        entry = await self._directory.find(credentials.jid)
        wanted = (credentials.role, key.verifying.text, unsigned)
        if entry is None or (entry.role, entry.public_key, entry.unsigned_allowed) != wanted:
            await self._directory.enrol(
                credentials.jid,
                role=credentials.role,
                public_key=key.verifying.text,
                unsigned_allowed=unsigned,
                by=self._by,
            )

    async def _record(self, action: str, jid: str, detail: str = "") -> None:
        entry = AuditEntry(who=self._by.who, action=action, object=jid, origin=self._by.origin, detail=detail)
        await self._audit.record(entry)

    async def _api_key(self, wanted: Wanted, known: Credentials | None) -> str | None:
        """Return the key that the agent has, if it is still good, else a new one; who has the store needs none.

        Who reads items into the graph reads the documents that they refer to; a gateway resolves the documents that
        its messages name, and reads findings; an engine that has not the folder of the documents reads them, too.
        """
        away = any(one.name == wanted.name and one.documents == "elsewhere" for one in self._configuration.engines)
        if wanted.role in (Role.REGISTRY, Role.AGGREGATION, Role.MISP) and not away:
            return None
        jid = self.jid(wanted.name)
        reads = away or wanted.role in (Role.RT, Role.GATEWAY)
        scopes = {Scope.INGEST, Scope.READ} if reads else {Scope.INGEST}
        if known is not None and known.api_key is not None:
            with contextlib.suppress(KeyRefusedError):
                key = await self._keys.check(known.api_key)
                if key.agent == jid and key.scopes >= scopes:
                    return known.api_key
        return await self._keys.issue(name=f"enrolment of {wanted.name}", scopes=scopes, agent=jid)

    def _hub_roots(self) -> str | None:
        roots = self._configuration.api.roots
        return None if roots is None else str(self._paths.near(roots))

    def _key(self, name: str) -> SigningKey:
        file = self._paths.credentials / f"{name}.key"
        if file.exists():
            return SigningKey.load(file)
        key = SigningKey.generate()
        key.save(file)
        return key

    def _known(self, name: str) -> Credentials | None:
        file = self._paths.credentials_of(name)
        return load_credentials(file) if file.exists() else None

    def _registry_key(self) -> RegistryKey:
        name = self._configuration.registry.name
        return RegistryKey(jid=self.jid(name), public_key=self._key(name).verifying.text)


def default_fleet_file(file: Path | None, *, of_machine: Path = MACHINE_FILE) -> Path:
    """Return the configuration file: the given one, or `vedette.yml` here, or that of the machine.

    Raises:
        ConfigurationError: there is none.
    """
    if file is None:
        here = Path("vedette.yml")
        # A folder that may not even be looked into, as root's is for `sudo -u vedette`, has none.
        file = next((known for known in (here, of_machine) if os.path.isfile(known)), None)  # noqa: PTH113
        if file is None:
            raise ConfigurationError(str(here), "", "does not exist; name one with -c FILE")
    elif not file.is_file():
        raise ConfigurationError(str(file), "", "does not exist; check the path")
    return file
