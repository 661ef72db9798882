"""TLS connections for observing: verified where possible, recorded in any case."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vedette.tools.observation import failure

ConnectionT = TypeVar("ConnectionT")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether a server's certificate is trusted."""

    verified: bool
    """Chain, validity and name are good."""
    reason: str | None
    """Why not."""


def verifying_context(ca: Path | None) -> ssl.SSLContext:
    """Return a context that trusts `ca` only, or the system's authorities without one.

    Raises:
        OSError: `ca` cannot be read or holds no certificate (`ssl.SSLError`).
    """
    return ssl.create_default_context(cafile=ca)


def recording_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate and old protocols: to look at, never to trust."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


async def connect_recording(
    connect: Callable[[ssl.SSLContext], Awaitable[ConnectionT]], *, ca: Path | None
) -> tuple[ConnectionT, Verification]:
    """Connect with verification, and without it where only that fails.

    OpenSSL drops the chain of a failed handshake, so an untrusted server is asked a second time.

    Raises:
        OSError: the connection fails even without verification.
    """
    try:
        return await connect(verifying_context(ca)), Verification(verified=True, reason=None)
    except ssl.SSLError as error:
        reason = failure(error).removeprefix("the certificate is not trusted: ")
    return await connect(recording_context()), Verification(verified=False, reason=reason)


def peer_chain(connection: Any) -> list[bytes]:
    """Return the DER bytes of each certificate that the server sent, its own first.

    `connection` is an `ssl.SSLObject` or `ssl.SSLSocket`. The chain is public from Python 3.13 on; before, the
    same call is within the object.
    """
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return [bytes(certificate) for certificate in public() or ()]
    within = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
    if within is not None:
        pems = [certificate.public_bytes() for certificate in within() or ()]
        return [ssl.PEM_cert_to_DER_cert(pem) for pem in pems]
    own = connection.getpeercert(binary_form=True)
    return [own] if own else []
