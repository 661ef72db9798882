"""A consumer's durable queue over XMPP: what it asks of an engine, signed, and what the engine hands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, StrictInt, StrictStr

from vedette.errors import RefusedError
from vedette.messages.batch import Digest, Signed, open_signed, parse_model
from vedette.messages.item import Count, Instant, Name, ReceivedItem, Text
from vedette.messages.limits import MAX_BATCH_ITEMS
from vedette.sealing.envelope import MARK, Binding, is_envelope, opened, seal_item, told
from vedette.sealing.keys import ContentKey, SealingKey, SealingKeys
from vedette.signing import SigningKey, VerifyingKey

MAX_WAIT = 25
"""Seconds that an engine may keep a fetch waiting: below every time limit on the way."""

MAX_HELD = 1000
"""Items that a consumer may have at once."""

_Ids = Annotated[list[Count], Field(max_length=MAX_HELD)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: Name
    """Which queue."""
    consumer: Name
    """Bare JID of who asks: what is signed serves for nobody else."""


class Bind(_Request):
    """Make the queue if there is none and hold what matches from now on; binding again changes nothing."""

    kind: Literal["vedette-queue-bind/1"] = "vedette-queue-bind/1"
    patterns: Annotated[list[StrictStr], Field(min_length=1, max_length=64)]
    """Topic patterns, added to those that the queue has."""
    shared: StrictBool = True
    """Whether a new queue is for all agents of the consumer's role, or for it alone."""
    from_start: StrictBool = False
    """Whether to hold also what was committed before, for patterns that are new."""


class Unbind(_Request):
    """Take patterns away; what is held stays held."""

    kind: Literal["vedette-queue-unbind/1"] = "vedette-queue-unbind/1"
    patterns: Annotated[list[StrictStr], Field(min_length=1, max_length=64)]
    """Topic patterns."""


class Fetch(_Request):
    """Hand out items, as soon as there are some; answered empty after `wait` seconds."""

    kind: Literal["vedette-queue-fetch/1"] = "vedette-queue-fetch/1"
    life: Name
    """Random, made when the consumer's process started."""
    held: _Ids = []
    """What it still has; all else that it should have is taken back."""
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_BATCH_ITEMS)] = 100
    """Items at most."""
    lease_seconds: Annotated[StrictInt, Field(ge=1, le=600)] = 60
    """After so long without an answer they are handed out again."""
    wait: Annotated[StrictInt, Field(ge=0, le=MAX_WAIT)] = 20
    """Seconds to wait for something."""
    sealing_key: Text = ""
    """Base64 of the raw X25519 public key that sealed items are handed out to; empty: it can open none."""


class Acknowledge(_Request):
    """Forget items: they were handled."""

    kind: Literal["vedette-queue-acknowledge/1"] = "vedette-queue-acknowledge/1"
    life: Name
    """Of the consumer that has them."""
    ids: _Ids
    """Which."""


class Reject(_Request):
    """Take items back; blamed ones wait, come again, and are given up after some attempts."""

    kind: Literal["vedette-queue-reject/1"] = "vedette-queue-reject/1"
    life: Name
    """Of the consumer that has them."""
    failures: Annotated[list[tuple[Count, Text]], Field(max_length=MAX_HELD)]
    """Which, and why each could not be handled."""
    blamed: StrictBool = True
    """False where it was not the items' fault, such as a store that failed: not counted as an attempt."""


class QueueRequest(RootModel[Annotated[Bind | Unbind | Fetch | Acknowledge | Reject, Field(discriminator="kind")]]):
    """Anything that a consumer asks."""

    model_config = ConfigDict(frozen=True)


class Settled(BaseModel):
    """The engine's answer to all but a fetch."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    settled: Count
    """Patterns that are new, or items that were still the consumer's."""
    dead: _Ids = []
    """Items that are dead letters now."""
    depth: Count | None = None
    """Items that the queue held when the engine counted last, for the consumer's page; None: it did not yet."""


class HandOut(BaseModel):
    """What an engine hands out, signed by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-queue-hand-out/1"] = "vedette-queue-hand-out/1"
    """Says what is signed."""
    engine: Name
    """Bare JID of the engine."""
    queue: Name
    """Which queue."""
    consumer: Name
    """Bare JID of who asked."""
    conversation: Text
    """The fetch's, so that an old answer cannot be replayed."""
    items: Annotated[list[tuple[Count, Name, Digest, Count, Instant]], Field(max_length=MAX_BATCH_ITEMS)]
    """Id in the queue, uuid, digest, attempts and time of commit of each item, in the order of `items`."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    hand_out: Signed
    items: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedItem:
    """An item that a consumer was given."""

    id: int
    """Names it in the answer."""
    attempts: int
    """How often it was handed out, this time included."""
    received_at: int
    """Microseconds since 1970: when the engine committed it."""
    item: ReceivedItem
    """The item, validated; its digest is the one that the engine signed."""

    @property
    def uuid(self) -> str:
        """The item's uuid."""
        return self.item.uuid


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedHandOut:
    """What a consumer was given, its signature checked."""

    items: tuple[QueuedItem, ...]
    """What is in order."""
    failures: tuple[tuple[int, str], ...]
    """Id and reason of what is not."""


def hand_out_body(
    hand_out: HandOut, items: Sequence[dict[str, Any]], *, key: SigningKey, sealing: SealingKey | None = None
) -> dict[str, Any]:
    """Return the body of an answer to a fetch; marked items are sealed to the consumer's key.

    For a consumer without a key an item that must not be seen travels as nothing: so it is a dead letter, with that
    as its reason, and not in the clear.
    """
    shared: ContentKey | None = None
    if sealing is not None and any(item["meta"].get(MARK) for item in items):
        shared = sealing.content_key(info=_binding(hand_out).parties)
    travelling = [
        _sealed(item, _binding(hand_out, uuid, digest), shared) if item["meta"].get(MARK) else item
        for (_, uuid, digest, _, _), item in zip(hand_out.items, items, strict=True)
    ]
    return {"hand_out": Signed.seal(hand_out, key).model_dump(), "items": travelling}


def _sealed(item: dict[str, Any], binding: Binding, key: ContentKey | None) -> dict[str, Any]:
    return {"sealed": None} if key is None else seal_item(item, binding, key=key)


def _binding(hand_out: HandOut, uuid: str = "", digest: str = "") -> Binding:
    return Binding(use="queue", sender=hand_out.engine, receiver=hand_out.consumer, uuid=uuid, digest=digest)


def open_hand_out(
    value: Any,
    *,
    engine: str,
    queue: str,
    consumer: str,
    conversation: str,
    key: VerifyingKey,
    sealing: SealingKeys | None = None,
) -> OpenedHandOut:
    """Check an answer to a fetch, then each item against what the engine signed.

    Raises:
        SignatureError: it was not signed with the engine's key.
        RefusedError: it is the answer to something else.
    """
    body = parse_model(_Body, value)
    signed = open_signed(HandOut, body.hand_out, key)
    if (signed.engine, signed.queue, signed.consumer, signed.conversation) != (engine, queue, consumer, conversation):
        raise RefusedError("hand_out", "answers another fetch than ours")
    if len(signed.items) != len(body.items):
        raise RefusedError("items", f"{len(body.items)} came, {len(signed.items)} are signed for")
    items: list[QueuedItem] = []
    failures: list[tuple[int, str]] = []
    for (item_id, uuid, digest, attempts, received_at), data in zip(signed.items, body.items, strict=True):
        try:
            received = _check(opened(data, _binding(signed, uuid, digest), keys=sealing), uuid, digest)
        except RefusedError as error:
            failures.append(
                (item_id, f"{error.field}: {told(error.field, error.reason, sealed=is_envelope(data))}"[:1000])
            )
        else:
            items.append(QueuedItem(id=item_id, attempts=attempts, received_at=received_at, item=received))
    return OpenedHandOut(items=tuple(items), failures=tuple(failures))


def _check(data: dict[str, Any], uuid: str, digest: str) -> ReceivedItem:
    received = ReceivedItem(data)
    if (received.uuid, received.digest.hex()) != (uuid, digest):
        raise RefusedError("digest", f"the item is not {uuid[:64]} as it was committed")
    return received
