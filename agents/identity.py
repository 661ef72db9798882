"""Who an agent is: account, role, signing key, and the registry that it believes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agents.connection import ServerAddress
from behaviours.peers import Peer
from vedette.configuration.credentials import Credentials, load_credentials
from vedette.documents.client import DocumentClient
from vedette.errors import ConfigurationError
from vedette.messages.card import Role
from vedette.signing import SigningKey, VerifyingKey


@dataclass(frozen=True, kw_only=True)
class DocumentService:
    """Where an agent hands in large payloads, or reads them."""

    url: str
    """Address of the hub's API."""
    api_key: str = field(repr=False)
    """Allows that."""
    ca_file: Path | None = None
    """PEM roots for its certificate; None: the system's."""

    def client(self) -> DocumentClient:
        """Return a client of it; nothing is connected yet."""
        return DocumentClient(url=self.url, api_key=self.api_key, ca=self.ca_file)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everything that enrolment gave an agent."""

    jid: str
    """Bare JID."""
    role: Role
    """What it does."""
    password: str = field(repr=False)
    """The account's password."""
    key: SigningKey
    """Signs its cards, batches and receipts."""
    registry: Peer
    """The registry, whose key came with the credentials."""
    server: ServerAddress
    """Where the XMPP server listens."""
    documents: DocumentService | None = None
    """Where large payloads go; None: nowhere, they are cut."""

    @property
    def name(self) -> str:
        """The part before the @."""
        return self.jid.split("@")[0]

    @classmethod
    def load(cls, path: Path) -> Identity:
        """Read a credentials file and the key beside it.

        Raises:
            ConfigurationError: names the file, the key and the reason.
        """
        return cls.of(load_credentials(path), folder=path.parent)

    @classmethod
    def of(cls, credentials: Credentials, *, folder: Path) -> Identity:
        """Return the identity that credentials describe; paths in them are relative to `folder`.

        Raises:
            ConfigurationError: the signing key cannot be read.
        """
        return cls(
            jid=credentials.jid,
            role=credentials.role,
            password=credentials.password,
            key=SigningKey.load(folder / credentials.key),
            registry=Peer(
                jid=credentials.registry.jid,
                role=Role.REGISTRY,
                key=VerifyingKey.from_text(credentials.registry.public_key),
            ),
            server=ServerAddress.parse(
                credentials.server,
                others=credentials.servers,
                ca_file=None if credentials.ca is None else folder / credentials.ca,
            ),
            documents=_documents(credentials, folder),
        )


def identity_of(name: str, credentials: Path, role: Role) -> Identity:
    """Return who the agent of a name and role is.

    Raises:
        ConfigurationError: there are no credentials, or they are of another agent or role.
    """
    if not credentials.is_file():
        reason = f"does not exist; make it with: vedette enroll {name} --role {role.value}"
        raise ConfigurationError(str(credentials), "", reason)
    identity = Identity.load(credentials)
    if identity.role is not role:
        reason = f"is {identity.role.value}; enrol it with: vedette enroll {identity.name} --role {role.value}"
        raise ConfigurationError(str(credentials), "role", reason)
    if identity.name != name:
        raise ConfigurationError(str(credentials), "jid", f"is {identity.jid}, but the {role.value} is called {name}")
    return identity


def _documents(credentials: Credentials, folder: Path) -> DocumentService | None:
    if credentials.hub is None or credentials.api_key is None:
        return None
    ca_file = None if credentials.hub_ca is None else folder / credentials.hub_ca
    return DocumentService(url=credentials.hub, api_key=credentials.api_key, ca_file=ca_file)
