"""Items: what was collected, its bytes, its proof and its bundle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from vedette.client.address import Query, path_of
from vedette.client.connection import Connection
from vedette.client.files import write_new
from vedette.client.listing import rows
from vedette.client.model import Model, parsed

LARGEST = 4 * 1024**3
"""Bytes of a payload, document or bundle that are taken, unless said."""


class Item(Model):
    """A line of the list."""

    uuid: str
    """The item's uuid."""
    log_index: int
    """Its place in its engine's log."""
    agent: str
    """Bare JID of the sender."""
    type: str
    """`meta.type`."""
    format: str
    """Format of the payload."""
    target: str | None
    """`meta.target`."""
    source: str | None
    """`meta.source`."""
    check: str | None
    """`meta.check`."""
    ts: int
    """`meta.ts`, seconds since 1970."""
    collected_at: int | None
    """Microseconds since 1970 by the agent's clock."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    verdict: str | None
    """`meta.verdict`."""
    exit_code: int | None
    """`meta.exit_code`."""
    size: int
    """Bytes of the decoded payload."""
    unsigned: bool
    """Whether it came without a signed manifest."""
    skew: bool
    """Whether the agent's clock was wrong by more than a day."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    state: str
    """How far proved."""


class Token(Model):
    """One authority's time-stamp over an item's batch."""

    tsa: str
    """Name of the authority."""
    external: bool
    """False: the time is self-asserted."""
    gen_time: int
    """Microseconds since 1970 by the authority's clock."""
    obtained_at: int
    """Microseconds since 1970 by the engine's clock, when it came."""
    policy: str
    """OID of its policy."""
    serial: str
    """Its serial number, decimal."""
    token: str
    """DER of the TimeStampToken in base64."""


class PayloadDeletion(Model):
    """That a payload was deleted; statement and proof stay."""

    deleted_at: int
    """Microseconds since 1970."""
    deleted_by: str
    """Who deleted it."""
    reason: str
    """Why."""
    policy: str
    """Name of the policy that said so; empty where a person did."""


class ItemProof(Model):
    """How far an item is proved, and by whom."""

    uuid: str
    """The item's uuid."""
    state: str
    """How far."""
    reason: str
    """Why it failed, or why it waits; empty otherwise."""
    engine: str
    """Bare JID of the engine whose log it is in."""
    epoch: str
    """Epoch of that log."""
    log_index: int
    """Its place there."""
    batch: int | None
    """Number of its batch; None while it is in none."""
    statement: str
    """Statement v1 in base64: the bytes whose SHA-256 is the leaf."""
    tokens: tuple[Token, ...]
    """What authorities said, first come first."""


class ItemDetail(ItemProof):
    """All that is known of an item, its payload apart."""

    agent: str
    """Bare JID of the sender."""
    version: str
    """Version of the item form."""
    format: str
    """Format of the payload."""
    meta: dict[str, Any]
    """The item's meta as it came, whole."""
    content_type: str
    """MIME type of the payload."""
    size: int
    """Bytes of the decoded payload."""
    payload_sha256: str
    """SHA-256 of the decoded payload, hexadecimal."""
    inline: bool
    """Whether the bytes are in the store; else they are a document, or deleted."""
    deleted: PayloadDeletion | None
    """When and why the payload was deleted; None while it is there."""
    collected_at: int | None
    """Microseconds since 1970 by the agent's clock."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""
    skew: bool
    """Whether the two disagree by more than a day."""
    unsigned: bool
    """Whether it came without a signed manifest."""
    manifest_sha256: str | None
    """SHA-256 of the manifest that it came with, hexadecimal."""


class Items:
    """The items of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        agent: str | None = None,
        type: str | None = None,
        payload_format: str | None = None,
        check: str | None = None,
        target: str | None = None,
        source: str | None = None,
        verdict: str | None = None,
        state: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Item]:
        """Iterate over items, newest first; what is None does not matter.

        Args:
            agent: bare JID of the sender.
            type: `meta.type`.
            payload_format: such as `nmap-xml`.
            check: `meta.check`.
            target: `meta.target`.
            source: a routing key, or a pattern with `*` and `#`.
            verdict: such as `deviates`.
            state: how far proved.
            since: microseconds since 1970: received then or later.
            until: microseconds since 1970: received before.
            limit: items at most.
        """
        query = {
            "agent": agent,
            "type": type,
            "payload_format": payload_format,
            "check": check,
            "target": target,
            "source": source,
            "verdict": verdict,
            "state": state,
            "since": since,
            "until": until,
        }
        return rows(self._connection, "/v1/items", Item, query=query, limit=limit)

    async def get(self, uuid: str) -> ItemDetail:
        """Return all that is known of an item.

        Raises:
            ApiError: 404, there is none.
        """
        return parsed(ItemDetail, await self._connection.get(path_of("v1", "items", uuid)))

    async def proof(self, uuid: str) -> ItemProof:
        """Return an item's statement and time-stamp tokens.

        Raises:
            ApiError: 404, there is none.
        """
        return parsed(ItemProof, await self._connection.get(path_of("v1", "items", uuid, "proof")))

    async def payload(self, uuid: str, to: Path, *, most: int = LARGEST) -> int:
        """Write an item's payload into a new file, compared with its SHA-256; returns its size.

        Raises:
            ApiError: 404 there is none, 410 it was deleted.
            ConfigurationError: the file exists or cannot be written, or the bytes are not the item's.
        """
        known = await self.get(uuid)
        return await self._download(uuid, "payload", to, most=most, sha256=known.payload_sha256)

    async def bundle(self, uuid: str, to: Path, *, most: int = LARGEST) -> int:
        """Write the zip with which anybody can verify an item into a new file; returns its size.

        Raises:
            ApiError: 404 there is none, 409 it is not proved yet.
            ConfigurationError: the file exists or cannot be written.
        """
        return await self._download(uuid, "bundle", to, most=most, sha256=None)

    async def delete(self, uuid: str, *, reason: str, unproved: bool = False) -> PayloadDeletion:
        """Delete an item's payload for good; the item, its statement, its proof and a tombstone stay.

        Args:
            uuid: the item.
            reason: why; it is in the tombstone and in bundles.
            unproved: even if its proof is not there yet.

        Raises:
            ApiError: 404 there is none, 409 it is on hold, not proved, or deleted before.
        """
        path = path_of("v1", "items", uuid, "payload")
        query: Query = {"reason": reason, "unproved": unproved}
        return parsed(PayloadDeletion, await self._connection.send("DELETE", path, query=query))

    async def post(self, item: Mapping[str, Any]) -> str:
        """Hand in an item in SCANDALE's standard form, and return its uuid; the same twice is no error.

        Raises:
            ApiError: it is not one, or another item has its uuid.
        """
        answer = await self._connection.send("POST", "/items/", dict(item))
        return parsed(_Posted, answer).scan_data.meta.uuid

    async def _download(self, uuid: str, what: str, to: Path, *, most: int, sha256: str | None) -> int:
        path = path_of("v1", "items", uuid, what)
        async with self._connection.open("GET", path, headers={"Accept": "*/*"}) as response:
            return await write_new(to, self._connection.pieces(response, most=most), sha256=sha256)


class _PostedMeta(Model):
    uuid: str


class _PostedData(Model):
    meta: _PostedMeta


class _Posted(Model):
    scan_data: _PostedData
