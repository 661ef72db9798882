"""What a name and a password must be like (NIST SP 800-63B-4, 3.1.1.2: long, and no rules of composition)."""

from __future__ import annotations

import re
import unicodedata

from vedette.errors import RefusedError

MIN_PASSWORD = 12
"""Characters that a password has at least."""

MAX_PASSWORD = 256
"""Characters that are looked at: hashing takes longer the more there are."""

MIN_DIFFERENT = 5
"""Different characters that a password has at least: `aaaaaaaaaaaa` is long, too."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def check_name(name: str) -> str:
    """Return a user's name in the form in which it is stored.

    Raises:
        RefusedError: it cannot be one.
    """
    lower = normal_name(name)
    if not _NAME.match(lower):
        raise RefusedError("name", "must be up to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit")
    return lower


def normal_name(name: str) -> str:
    """Return a name as it is looked up: people write it in capitals or with a space behind it."""
    return name[: MAX_PASSWORD + 1].strip().lower()


def check_password(password: str, *, name: str) -> str:
    """Return a new password in the form in which it is hashed.

    Raises:
        RefusedError: it is too short, too long, too plain, or the name.
    """
    normal = normal_password(password)
    if len(normal) < MIN_PASSWORD:
        raise RefusedError("password", f"must have at least {MIN_PASSWORD} characters")
    if len(normal) > MAX_PASSWORD:
        raise RefusedError("password", f"must have at most {MAX_PASSWORD} characters")
    if any(unicodedata.category(character) == "Cc" for character in normal):
        raise RefusedError("password", "must not hold control characters")
    if len(set(normal)) < MIN_DIFFERENT:
        raise RefusedError("password", f"must have at least {MIN_DIFFERENT} different characters")
    plain = normal.casefold()
    if name.casefold() in plain and len(plain) - len(name) < MIN_PASSWORD // 2:
        raise RefusedError("password", "must not be the name with a few characters more")
    return normal


def normal_password(password: str) -> str:
    """Return a password in one form of Unicode (RFC 8265, 4.2): keyboards differ in how they send an umlaut."""
    return unicodedata.normalize("NFC", password.encode("utf-8", "replace").decode())
