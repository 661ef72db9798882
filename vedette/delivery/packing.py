"""Packing items into a signed batch, and opening one: the two ends of a delivery, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from vedette.errors import RefusedError
from vedette.messages.batch import Manifest, Signed, open_signed, parse_model
from vedette.messages.envelope import encode_body
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_BODY
from vedette.sealing.envelope import Binding, is_envelope, opened
from vedette.sealing.keys import SealingKeys
from vedette.signing import SigningKey, VerifyingKey

PACK_BYTES = MAX_BODY * 5 // 8
"""Bytes of item JSON that are put in one batch: base64 makes 4/3 of it, and some room is left."""


@dataclass(frozen=True, kw_only=True)
class OutgoingItem:
    """One committed item of an outbox, ready to travel."""

    seq: int
    """Its `origin_seq`."""
    uuid: str
    """Its uuid."""
    digest: str
    """What the manifest lists, hexadecimal."""
    data: bytes
    """The item as JSON."""


@dataclass(frozen=True, kw_only=True)
class PackedBatch:
    """A signed batch as it travels."""

    manifest_sha256: str
    """SHA-256 of the signed manifest, hexadecimal."""
    text: str
    """Body of the message."""
    encoding: str | None
    """The body's encoding."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest: Signed
    items: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class OpenedBatch:
    """A batch whose signature holds; items that do not are refused one by one."""

    signed: Signed
    """The manifest with its signature, as kept for bundles."""
    manifest: Manifest
    """The same, parsed."""
    items: tuple[ReceivedItem, ...]
    """What is in order."""
    refused: tuple[tuple[str, str, str], ...]
    """Uuid, field and reason of what is not."""
    sealed: frozenset[str] = frozenset()
    """Uuids of those that came sealed: what is said of them may not quote them."""


def pack(items: Sequence[OutgoingItem], *, agent: str, epoch: str, key: SigningKey) -> PackedBatch:
    """Return a signed batch of the items.

    Raises:
        RefusedError: the body is larger than a stanza may carry.
    """
    manifest = Manifest(
        agent=agent,
        epoch=epoch,
        first=items[0].seq,
        last=items[-1].seq,
        items=[(item.uuid, item.digest) for item in items],
    )
    signed = Signed.seal(manifest, key)
    body = {"manifest": signed.model_dump(), "items": [orjson.Fragment(item.data) for item in items]}
    text, encoding = encode_body(body)
    return PackedBatch(manifest_sha256=signed.sha256, text=text, encoding=encoding)


def read_batch(value: Any) -> tuple[Signed, list[dict[str, Any]]]:
    """Return the signed manifest and the raw items of a body, nothing of it believed yet.

    Raises:
        RefusedError: it does not have the form of a batch.
    """
    body = parse_model(_Body, value)
    return body.manifest, body.items


def open_batch(
    signed: Signed,
    items: list[dict[str, Any]],
    *,
    sender: str,
    key: VerifyingKey,
    receiver: str = "",
    sealing: SealingKeys | None = None,
) -> OpenedBatch:
    """Check a batch with the sender's enrolled key, then each item against the manifest.

    Args:
        signed: the manifest.
        items: what came with it; some may be sealed.
        sender: bare JID that it came from.
        key: the sender's.
        receiver: bare JID that it came to.
        sealing: opens what is sealed to the receiver; None: nothing is.

    Raises:
        SignatureError: the manifest was not signed with the enrolled key.
        RefusedError: the batch as a whole is not what its manifest says.
    """
    manifest = open_signed(Manifest, signed, key)
    if manifest.agent != sender:
        raise RefusedError("manifest.agent", f"is {manifest.agent[:128]}, but {sender} sent it")
    if len(items) != len(manifest.items):
        raise RefusedError("items", f"{len(items)} came, the manifest lists {len(manifest.items)}")
    good: list[ReceivedItem] = []
    refused: list[tuple[str, str, str]] = []
    sealed = frozenset(manifest.items[at][0] for at, data in enumerate(items) if is_envelope(data))
    for (uuid, digest), data in zip(manifest.items, items, strict=True):
        try:
            binding = Binding(use="delivery", sender=sender, receiver=receiver, uuid=uuid, digest=digest)
            good.append(_check_item(opened(data, binding, keys=sealing), uuid, digest))
        except RefusedError as error:
            refused.append((uuid, error.field[:1000], error.reason[:1000]))
    return OpenedBatch(signed=signed, manifest=manifest, items=tuple(good), refused=tuple(refused), sealed=sealed)


def _check_item(data: dict[str, Any], uuid: str, digest: str) -> ReceivedItem:
    received = ReceivedItem(data)
    if received.uuid != uuid:
        raise RefusedError("meta.uuid", f"is {received.uuid[:64]}, the manifest lists {uuid[:64]}")
    if received.digest.hex() != digest:
        raise RefusedError("digest", "the item is not the one that the manifest lists")
    return received
