"""The section `api`: who reaches the hub, and what it takes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from vedette.messages.limits import MAX_DOCUMENT


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError("must be an address or a network, such as 192.0.2.1 or 192.0.2.0/24") from error
    return value


Port = Annotated[int, Field(ge=0, le=65535, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]

Network = Annotated[StrictStr, AfterValidator(_network)]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ApiSection(BaseModel):
    """The hub's HTTP API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: StrictStr = "127.0.0.1"
    """Address that it listens on; other machines need one of theirs, and then TLS."""
    port: Port = 0
    """Port; 0 takes a free one, the same again at the next start if it is still free."""
    url: Annotated[StrictStr, Field(pattern=r"^https?://[^\s/@?#]+/?$")] | None = None
    """Address that agents use, where it is another one: behind a proxy, or by name."""
    certificate: StrictStr | None = None
    """PEM file of the certificate and those above it, relative to the file: makes it TLS."""
    key: StrictStr | None = None
    """PEM file of the certificate's private key, relative to the file."""
    roots: StrictStr | None = None
    """PEM roots that agents trust for it, relative to the file; null means the system's."""
    open_reading: StrictBool = False
    """Lets anybody who reaches it read everything that is stored, without a key or a login; nothing else."""
    trusted_proxies: list[Network] = []
    """Addresses or networks of proxies in front of it, whose `X-Forwarded-For` says who the client is."""
    session_idle: Seconds = 3600.0
    """Seconds without a request after which a person must log in again."""
    session_lifetime: Seconds = 86_400.0
    """Seconds after which a person must log in again in any case."""
    document_limit: Annotated[int, Field(ge=1, le=MAX_DOCUMENT, strict=True)] = 256 * 1024 * 1024
    """Bytes that a document may have."""
    reserve: Annotated[int, Field(ge=0, strict=True)] = 256 * 1024 * 1024
    """Bytes that documents leave free on the disk, which the store is usually on, too."""
    document_quota: Annotated[int, Field(ge=0, strict=True)] | None = 64 * 1024**3
    """Bytes of documents that one agent or key may have stored; null means no limit."""
    document_quotas: dict[StrictStr, Annotated[int, Field(ge=0, strict=True)]] = {}
    """Other quotas: an agent's JID, or `key NAME`, and its bytes."""

    @model_validator(mode="after")
    def _keys_are_not_sent_in_clear(self) -> ApiSection:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.certificate is None and self.host not in _LOOPBACK:
            raise ValueError(
                f"host {self.host} needs certificate and key: API keys must not cross a network in clear"
            )
        return self
