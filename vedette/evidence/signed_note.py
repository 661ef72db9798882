"""Signed notes as C2SP specifies them (https://c2sp.org/signed-note), with Ed25519: text that names who signed it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from vedette.canonical import sha256
from vedette.errors import EvidenceError, RefusedError, SignatureError
from vedette.signing import PUBLIC_KEY_SIZE, SIGNATURE_SIZE, SigningKey, VerifyingKey

MAX_NOTE = 64 * 1024
"""Bytes of a note."""

ED25519 = b"\x01"
"""Signature type identifier of Ed25519 over the note's text."""

_MARK = "\u2014 "
_KEY_ID = 4
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, kw_only=True)
class NoteKey:
    """A key that notes are verified with, under its name."""

    name: str
    """As signature lines have it."""
    key: VerifyingKey
    """The Ed25519 public key."""

    @property
    def id(self) -> bytes:
        """First four bytes of SHA-256(name || 0x0A || 0x01 || public key): names the key in a signature line."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.key.raw)[:_KEY_ID]

    @property
    def text(self) -> str:
        """The key on one line, `name+id+key`, as other tools for notes take it."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.key.raw).decode()}"

    @classmethod
    def from_text(cls, text: str) -> NoteKey:
        """Return the key of a line `name+id+key`.

        Raises:
            EvidenceError: it is not one, or the id is another key's.
        """
        # Base64 may hold a plus, names and ids may not.
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or _NAME.fullmatch(parts[0]) is None:
            raise EvidenceError("key: must be name+id+key, as 'checkpoint verify' prints it")
        raw = _decode(parts[2], "key")
        if len(raw) != 1 + PUBLIC_KEY_SIZE or raw[:1] != ED25519:
            raise EvidenceError("key: is not an Ed25519 key")
        try:
            found = cls(name=parts[0], key=VerifyingKey.from_text(base64.b64encode(raw[1:]).decode()))
        except (RefusedError, ValueError) as error:
            raise EvidenceError(f"key: {error}") from error
        if found.id.hex() != parts[1]:
            raise EvidenceError(f"key: its id is {found.id.hex()}, not {parts[1][:16]}")
        return found


def sign_note(text: str, *, name: str, key: SigningKey) -> bytes:
    """Return a note of a text that ends in a newline, signed under a name.

    Raises:
        EvidenceError: text or name cannot be in a note.
    """
    if not text.endswith("\n") or _CONTROL.search(text) is not None:
        raise EvidenceError("note: the text must end in a newline and hold no control characters")
    if _NAME.fullmatch(name) is None:
        raise EvidenceError("note: the name must not be empty nor hold spaces or a plus")
    signature = NoteKey(name=name, key=key.verifying).id + key.sign(text.encode())
    return f"{text}\n{_MARK}{name} {base64.b64encode(signature).decode()}\n".encode()


def open_note(data: bytes, key: NoteKey) -> str:
    """Return the text of a note that the key signed; signatures of others are ignored, as the specification wants.

    Raises:
        EvidenceError: it is not a note, or the key's signature is missing or wrong.
    """
    text, lines = split_note(data)
    verified = False
    for line in lines:
        name, signature = _read_signature(line)
        if name != key.name or signature[:_KEY_ID] != key.id:
            continue
        if len(signature) != _KEY_ID + SIGNATURE_SIZE:
            raise EvidenceError(f"note: the signature of {name} is not {SIGNATURE_SIZE} bytes")
        try:
            key.key.verify(signature[_KEY_ID:], text.encode())
        except SignatureError as error:
            raise EvidenceError(f"note: the signature of {name} does not verify") from error
        verified = True
    if not verified:
        raise EvidenceError(f"note: is not signed by {key.name} with the key {key.id.hex()}")
    return text


def split_note(data: bytes) -> tuple[str, list[str]]:
    """Return a note's text and its signature lines, nothing of it verified.

    Raises:
        EvidenceError: it is not a note.
    """
    if len(data) > MAX_NOTE:
        raise EvidenceError(f"note: is larger than {MAX_NOTE} bytes")
    try:
        note = data.decode()
    except UnicodeDecodeError as error:
        raise EvidenceError("note: is not UTF-8") from error
    text, mark, signatures = note.rpartition("\n\n")
    if not mark or not signatures.endswith("\n") or _CONTROL.search(note) is not None:
        raise EvidenceError("note: must be text, an empty line and signature lines, without control characters")
    return text + "\n", signatures[:-1].split("\n")


def _read_signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space or _NAME.fullmatch(name) is None:
        raise EvidenceError("note: a line after the text is not a signature")
    signature = _decode(encoded, f"note: the signature of {name}")
    if len(signature) <= _KEY_ID:
        raise EvidenceError(f"note: the signature of {name} is too short")
    return name, signature


def _decode(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError(f"{what} is not base64") from error
