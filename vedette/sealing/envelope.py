"""The envelope of an item: what is seen of it on the way is its uuid, its digest and, nearly, its size.

What is sealed, before encryption: two big-endian 32-bit lengths, the item's JSON without `payload.raw`, the payload's
bytes, and zeros up to a length of which the size says little (PADMÉ: Nikitin et al., PoPETs 2019, section 4).
Nothing is compressed: the length of compressed text speaks of the text.

The items of a message are encrypted with one random key, which is sealed to the receiver with HPKE. HPKE's `info`
binds it to sender, receiver and direction, and each item's additional data to these and the item, so that an
envelope opens nowhere else. The digest in it covers the whole meta and the payload; `meta.sealed`, random, is why
nobody can find a short payload by trying digests: those are in manifests and receipts, which everybody on the way
may read.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.canonical import canonical_json, parse_json
from vedette.errors import RefusedError
from vedette.messages.batch import parse_model
from vedette.messages.limits import MAX_BODY
from vedette.sealing.keys import ContentKey, SealingKeys

MARK: Final = "sealed"
"""Field of the meta that has an item travel sealed."""

UNTOLD: Final = "the item is sealed, so the reason does not travel: whoever refused it shows it"
"""What is said in place of a reason, which could quote the content."""

_MARKED: Final = b'"sealed":"'
_LENGTHS: Final = struct.Struct(">II")


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """What an envelope belongs to; with anything else it does not open."""

    use: Literal["delivery", "queue"]
    """Whether an agent delivers it to an engine, or an engine hands it out."""
    sender: str
    """Bare JID."""
    receiver: str
    """Bare JID."""
    uuid: str
    """The item's."""
    digest: str
    """The item's, hexadecimal: its whole meta and payload."""

    @property
    def parties(self) -> bytes:
        """The canonical JSON that is HPKE's `info`: without the item."""
        named = {"use": self.use, "sender": self.sender, "receiver": self.receiver}
        return canonical_json({"kind": "vedette-sealed-key/1"} | named)

    @property
    def whole(self) -> bytes:
        """The canonical JSON that is the additional data of the item's encryption."""
        names = ("use", "sender", "receiver", "uuid", "digest")
        return canonical_json({"kind": "vedette-sealed/1"} | {name: getattr(self, name) for name in names})


class _Box(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{16}$")]
    wrapped: Annotated[StrictStr, Field(max_length=1024)]
    box: Annotated[StrictStr, Field(max_length=MAX_BODY)]


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sealed: _Box


def new_mark() -> str:
    """Return what `meta.sealed` of an item is set to: 128 random bits, hexadecimal."""
    return secrets.token_hex(16)


def is_marked(data: bytes) -> bool:
    """Tell whether an item, or its statement, as canonical JSON says that it travels sealed; most cost no parsing."""
    if _MARKED not in data:
        return False
    return bool(parse_json(data)["meta"].get(MARK))


def is_envelope(data: Mapping[str, Any]) -> bool:
    """Tell whether what came is an envelope and not an item, which has a meta."""
    return len(data) == 1 and "sealed" in data


def told(field: str, reason: str, *, sealed: bool) -> str:
    """Return what is said of a refusal on the way back, where everybody reads it; what `field` is about is sealed.

    That an envelope does not open quotes nothing of what is in it.
    """
    return UNTOLD if sealed and field.partition(".")[0] != MARK else reason


def seal_item(item: Mapping[str, Any], binding: Binding, *, key: ContentKey) -> dict[str, Any]:
    """Return the envelope that travels instead of an item; the key was made for the same sender and receiver."""
    box = key.encrypt(_framed(item), bound=binding.whole)
    texts = {"wrapped": base64.b64encode(key.wrapped).decode(), "box": base64.b64encode(box).decode()}
    return {"sealed": {"key": key.key_id, **texts}}


def open_item(envelope: Mapping[str, Any], binding: Binding, *, keys: SealingKeys) -> dict[str, Any]:
    """Return the item of an envelope; that it is the one of the digest is still to be checked.

    Raises:
        RefusedError: it was sealed to another key or for another item, was changed, or holds no item.
    """
    sealed = parse_model(_Envelope, envelope).sealed
    key = keys.content_key(sealed.key, _bytes("wrapped", sealed.wrapped), info=binding.parties)
    return _unframed(key.decrypt(_bytes("box", sealed.box), bound=binding.whole))


def _bytes(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(f"sealed.{name}", "not base64") from error


def opened(data: dict[str, Any], binding: Binding, *, keys: SealingKeys | None) -> dict[str, Any]:
    """Return the item that came, taken out of its envelope where it has one.

    Raises:
        RefusedError: as `open_item`, or it is sealed and there are no keys.
    """
    if not is_envelope(data):
        return data
    if keys is None:
        raise RefusedError(MARK, "is sealed, and nothing is opened here")
    return open_item(data, binding, keys=keys)


def padded_length(length: int) -> int:
    """Return the length that `length` bytes are padded to: at most 12 % more, of few different lengths. Pure."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    free = exponent - exponent.bit_length()
    mask = (1 << free) - 1
    return (length + mask) & ~mask


def _framed(item: Mapping[str, Any]) -> bytes:
    payload = dict(item["payload"])
    raw = base64.b64decode(payload.pop("raw", ""))
    head = orjson.dumps({**item, "payload": payload})
    framed = _LENGTHS.pack(len(head), len(raw)) + head + raw
    return framed.ljust(padded_length(len(framed)), b"\0")


def _unframed(framed: bytes) -> dict[str, Any]:
    if len(framed) < _LENGTHS.size:
        raise RefusedError("sealed", "holds no item")
    head_length, raw_length = _LENGTHS.unpack_from(framed)
    ends = _LENGTHS.size + head_length
    if ends + raw_length > len(framed):
        raise RefusedError("sealed", "holds less than it says")
    item = parse_json(framed[_LENGTHS.size : ends])
    payload = item.get("payload") if isinstance(item, dict) else None
    if not isinstance(payload, dict):
        raise RefusedError("sealed", "holds no item")
    if "document" not in payload:
        payload["raw"] = base64.b64encode(framed[ends : ends + raw_length]).decode()
    return dict(item)
