"""Whom a TLS client believes: the system's roots, or a file of its own."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path

from vedette.errors import ConfigurationError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies chain and host name, TLS 1.2 or newer.

    The agents of a process share it (20 ms of CPU each with the system's roots); a changed CA file gives another.

    Raises:
        ConfigurationError: the CA file cannot be read.
    """
    try:
        changed = 0 if ca_file is None else ca_file.stat().st_mtime_ns
        return _tls_context(ca_file, changed)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(str(ca_file), "", f"cannot be used as CA file: {error}") from error


@functools.lru_cache(maxsize=4)
def _tls_context(ca_file: Path | None, _changed: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
