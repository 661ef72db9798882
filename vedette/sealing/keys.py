"""The X25519 keys (RFC 7748) that items are sealed to, with HPKE in base mode (RFC 9180).

A receiver's private keys are in the memory of its process and nowhere else: it makes one when it starts and one each
day, and its signed card, or its signed request, says which. What was recorded on the way cannot be read any more once
the process has ended or the key was replaced, whatever is stolen later.
"""

from __future__ import annotations

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vedette.canonical import sha256_hex
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.signing import raw_key

SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
"""DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM: 0x0020, 0x0001, 0x0002 of RFC 9180 section 7."""

KEY_FIELD: Final = "sealed.key"
"""Where a receiver points that does not have the key: ask the registry for its present one."""

KEY_SIZE = 32
"""Bytes of a public key."""

SECRET_SIZE = 32
"""Bytes of a content key."""

REPLACED_AFTER = 24 * 3600.0
"""Seconds after which a receiver takes another key."""

KEPT_AFTER = 3600.0
"""Seconds that a replaced key still opens what is on its way; a sender asks for the present one long before."""


NONCE_SIZE = 12
"""Bytes of an AES-GCM nonce."""

_REMEMBERED = 16
_SHUT = "does not open: it was changed on the way, or sealed for another item, sender or receiver"


class SealingKey:
    """The public half of a receiver's key."""

    def __init__(self, key: X25519PublicKey) -> None:
        self._key = key
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.text = base64.b64encode(raw).decode()
        """Base64 of the 32 bytes, as cards and requests carry it."""
        self.id = sha256_hex(raw)[:16]
        """Names the key in an envelope: the first 16 digits of its SHA-256."""

    @classmethod
    def from_text(cls, text: str) -> SealingKey:
        """Return the key from its base64 text.

        Raises:
            RefusedError: it is not base64 of 32 bytes.
        """
        return cls(X25519PublicKey.from_public_bytes(raw_key(text, field="sealing_key", size=KEY_SIZE)))

    def content_key(self, *, info: bytes) -> ContentKey:
        """Return a new content key for the key's owner alone, bound to `info`, which does not travel.

        Raises:
            RefusedError: the key is one with which nothing can be kept secret (RFC 9180 section 7.1.4).
        """
        secret = AESGCM.generate_key(bit_length=256)
        try:
            wrapped = SUITE.encrypt(secret, self._key, info)
        except ValueError as error:
            raise RefusedError("sealing_key", "is not a usable X25519 key") from error
        return ContentKey(key_id=self.id, wrapped=wrapped, secret=secret)


class ContentKey:
    """A random AES-256-GCM key for the items of one message, which travels with them, sealed with HPKE.

    A key agreement takes 40 times as long as to encrypt an item of 1 KiB, so the items of a message share one. The
    nonce of each is random: of a key that serves for hundreds, two are never the same (NIST SP 800-38D section 8.3).
    """

    def __init__(self, *, key_id: str, wrapped: bytes, secret: bytes) -> None:
        self.key_id = key_id
        """Names the receiver's key that it is sealed to."""
        self.wrapped = wrapped
        """The key as it travels: HPKE's enc || ciphertext."""
        self._cipher = AESGCM(secret)

    def encrypt(self, data: bytes, *, bound: bytes) -> bytes:
        """Return `data` encrypted, authenticated together with `bound`: nonce || ciphertext."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, data, bound)

    def decrypt(self, box: bytes, *, bound: bytes) -> bytes:
        """Return what was encrypted.

        Raises:
            RefusedError: it was changed, or encrypted together with something else.
        """
        try:
            return self._cipher.decrypt(box[:NONCE_SIZE], box[NONCE_SIZE:], bound)
        except (InvalidTag, ValueError) as error:
            raise RefusedError("sealed.box", _SHUT) from error


class SealingKeys:
    """The private keys of a receiver; never printed, never written."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[X25519PrivateKey, float]] = {}
        self._opened: dict[tuple[str, bytes, bytes], ContentKey] = {}
        self._current = self._make()

    def __repr__(self) -> str:
        return f"SealingKeys({self._current.id})"

    @property
    def current(self) -> SealingKey:
        """What is to be sealed to now; from time to time it is another."""
        now = self._clock.monotonic()
        _, made = self._keys[self._current.id]
        if now - made >= REPLACED_AFTER:
            self._current = self._make()
        for name, (_, made) in list(self._keys.items()):
            if name != self._current.id and now - made >= REPLACED_AFTER + KEPT_AFTER:
                del self._keys[name]
                self._opened.clear()
        return self._current

    def content_key(self, key_id: str, wrapped: bytes, *, info: bytes) -> ContentKey:
        """Return a content key that came; the last ones are remembered, because many items share one.

        Raises:
            RefusedError: it was sealed to another key, was changed, or was bound to another `info`.
        """
        known = self._opened.get((key_id, wrapped, info))
        if known is not None:
            return known
        while len(self._opened) >= _REMEMBERED:
            del self._opened[next(iter(self._opened))]
        opened = ContentKey(key_id=key_id, wrapped=wrapped, secret=self._unwrap(key_id, wrapped, info))
        self._opened[key_id, wrapped, info] = opened
        return opened

    def _unwrap(self, key_id: str, wrapped: bytes, info: bytes) -> bytes:
        found = self._keys.get(key_id)
        if found is None:
            raise RefusedError(KEY_FIELD, f"{key_id!r} is no key of this process; seal it again to the present one")
        try:
            secret = SUITE.decrypt(wrapped, found[0], info)
        except (InvalidTag, ValueError) as error:
            raise RefusedError("sealed.wrapped", _SHUT) from error
        if len(secret) != SECRET_SIZE:
            raise RefusedError("sealed.wrapped", f"holds {len(secret)} bytes, not a key of {SECRET_SIZE}")
        return secret

    def _make(self) -> SealingKey:
        private = X25519PrivateKey.generate()
        public = SealingKey(private.public_key())
        self._keys[public.id] = (private, self._clock.monotonic())
        return public
