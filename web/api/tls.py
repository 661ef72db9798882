"""TLS as the API offers it: what is known to be weak is not (RFC 9325)."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import uvicorn

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""TLS 1.2's ciphers that are authenticated and forward secret (RFC 9325, 4.2); TLS 1.3 has no others."""


def tls_context(_config: uvicorn.Config, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return the server's context: uvicorn's own, narrowed."""
    context = make()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context
