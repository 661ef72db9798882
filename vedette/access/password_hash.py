"""Hashes of passwords: Argon2id (RFC 9106) with parameters that a release may raise."""

from __future__ import annotations

import base64
import hashlib
import secrets

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from vedette.errors import VedetteError

PASSES, MEMORY_KIB, LANES = 3, 65_536, 4
"""RFC 9106's second recommended option (4, "memory-constrained")."""


class PasswordHashError(VedetteError):
    """A stored hash is not one: the store was damaged, or written by a newer release."""


class Passwords:
    """Hashes passwords and checks them; each takes about 0.2 s of a core and 64 MiB."""

    def __init__(self, *, passes: int = PASSES, memory_kib: int = MEMORY_KIB, lanes: int = LANES) -> None:
        """Set the parameters; tests have cheaper ones."""
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=32, salt_len=16, type=Type.ID
        )
        self._nobody = _impossible(passes, memory_kib, lanes)

    def hash(self, password: str) -> str:
        """Return a hash to store."""
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether a password is the one that was hashed; without a hash it takes as long to say no.

        Raises:
            PasswordHashError: what is stored is no hash.
        """
        try:
            return self._hasher.verify(stored or self._nobody, password)
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            raise PasswordHashError("a stored password hash cannot be read; set the password anew") from error

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def no_password() -> str:
    """Return what is stored for who has not chosen a password yet: a hash that none has."""
    return _impossible(PASSES, MEMORY_KIB, LANES)


def device_mark(stored: str, *, user: str) -> str:
    """Return what a browser keeps after a login, to be known again: made from the hash, so it ends with the password.

    It opens nothing; it only keeps strangers' wrong guesses from slowing its holder down.
    """
    # The hash with its salt holds 384 random bits, which make it a key.
    digest = hashlib.blake2b(
        user.encode(), key=hashlib.sha256(stored.encode()).digest(), person=b"vedette device"
    ).digest()
    return base64.urlsafe_b64encode(digest[:32]).rstrip(b"=").decode()


def _impossible(passes: int, memory_kib: int, lanes: int) -> str:
    """Return a hash that no password has, but that takes as long to check."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}"
