"""The credentials file that `vedette enroll` writes, mode 0600: what an agent needs to be believed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.configuration.loading import load
from vedette.errors import ConfigurationError
from vedette.messages.card import Role

Jid = Annotated[StrictStr, Field(pattern=r"^[^@/\s]{1,255}@[^@/\s]{1,255}$")]
Address = Annotated[StrictStr, Field(pattern=r"^[^\s/]+:\d{1,5}$")]

HubUrl = Annotated[StrictStr, Field(pattern=r"^https?://[^\s/@?#]+/?$", max_length=512)]


class RegistryKey(BaseModel):
    """The registry that the agent believes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jid: Jid
    """Bare JID."""
    public_key: StrictStr
    """Base64 of its raw Ed25519 public key."""


class Credentials(BaseModel):
    """What enrolment gives an agent; paths are relative to the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jid: Jid
    """Bare JID of its account."""
    role: Role
    """The role that it was enrolled in; no other is accepted from it."""
    password: Annotated[StrictStr, Field(min_length=1, repr=False)]
    """The account's password: 256 random bits."""
    key: StrictStr
    """File of its Ed25519 signing key (PKCS #8 PEM)."""
    registry: RegistryKey
    """Whom it asks who is who."""
    server: Address
    """Host and port of the XMPP server."""
    servers: tuple[Address, ...] = ()
    """Further nodes of its cluster: an agent goes to another when its own dies."""
    ca: StrictStr | None = None
    """PEM roots for the server's certificate; null means the system's."""
    hub: HubUrl | None = None
    """Address of the hub's API, where large payloads are handed in; null: they are cut."""
    api_key: Annotated[Annotated[StrictStr, Field(min_length=1, max_length=256)] | None, Field(repr=False)] = None
    """The key for it: 256 random bits."""
    hub_ca: StrictStr | None = None
    """PEM roots for the hub's certificate; null means the system's."""


def load_credentials(path: Path) -> Credentials:
    """Read a credentials file.

    Raises:
        ConfigurationError: names the file, the key and the reason, or that others can read it.
    """
    credentials = load(path, Credentials)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(str(path), "", "can be read by others; run chmod 600 on it")
    return credentials


def save_credentials(path: Path, credentials: Credentials) -> None:
    """Write a credentials file with mode 0600, replacing an older one atomically.

    Raises:
        ConfigurationError: it cannot be written.
    """
    part = path.with_suffix(".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(credentials.model_dump(mode="json"), file, indent=2)
            file.write("\n")
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be written: {error.strerror}") from error
