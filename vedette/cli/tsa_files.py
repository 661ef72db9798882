"""The files that a time-stamping authority's configuration is in: `vedette.yml` and its roots beside it."""

from __future__ import annotations

from pathlib import Path

from vedette.errors import ConfigurationError
from vedette.files import write_whole


def write_roots(path: Path, pem: bytes) -> None:
    """Write an authority's roots; those that are there already are never changed silently.

    Raises:
        ConfigurationError: other roots are there, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() != pem:
                reason = "holds other roots, which verify what was stamped before; move it away first"
                raise ConfigurationError(str(path), "", reason)
            return
        write_whole(path, [pem], mode=0o644)
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be written: {error.strerror}") from error


def replace_text(path: Path, old: str, new: str) -> None:
    """Replace a file's text at one stroke, keeping its mode.

    Raises:
        ConfigurationError: it is not the text any more that was read, or it cannot be written.
    """
    try:
        if path.read_bytes() != old.encode():
            raise ConfigurationError(str(path), "", "was changed by somebody else meanwhile; try again")
        write_whole(path, [new.encode()], mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be written: {error.strerror}") from error


def read_text(path: Path) -> str:
    """Return a configuration's text, byte for byte.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(str(path), "", f"is not UTF-8 (byte {error.start})") from error
