"""Sharing: what leaves of an investigation, exports asked for and decided about, and how the destinations fare."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.items import LARGEST
from vedette.client.listing import rows
from vedette.client.model import Model, parsed


class Withheld(Model):
    """Something that is not shared, and why."""

    what: str
    """What it is."""
    reason: str
    """Why, and what to do."""
    vertex: str
    """Id of the vertex, where it is one."""


class Change(Model):
    """One thing that an export does at its destination."""

    action: str
    """add, change, remove or restore."""
    what: str
    """What it is about."""
    before: str
    """What is there; empty where nothing is."""
    after: str
    """What will be there."""


class Plan(Model):
    """What an export would do."""

    digest: str
    """What is approved: nothing else is sent."""
    changes: tuple[Change, ...]
    """The first of them."""
    total: int
    """How many there are; 0: the destination has it all."""
    withheld: tuple[Withheld, ...]
    """What is left out."""
    notes: tuple[str, ...]
    """What a person must know."""


class Exported(Model):
    """What an export did."""

    sent: int
    """Changes that the destination confirmed."""
    unchanged: int
    """Things that were there already."""
    requests: int
    """Requests that changed something."""
    withheld: tuple[Withheld, ...]
    """What was left out, and what the destination did not confirm."""
    address: str
    """Where a person finds it; may be empty."""
    notes: tuple[str, ...]
    """What a person must know."""


class Export(Model):
    """A request to bring an investigation to a destination, and what has become of it."""

    uuid: str
    """Its name."""
    state: str
    """waiting, running, planned, approval, done, failed or rejected."""
    select: str
    """Canonical text of the selection."""
    key: str
    """What the investigation is known by."""
    title: str
    """Of the investigation; empty before it was gathered."""
    destination: str
    """Where to."""
    share: str
    """Name of the share that it is of; empty: none."""
    dry_run: bool
    """Whether it is only planned."""
    approval: bool
    """Whether a person must approve the plan."""
    requested_by: str
    """Who wants it."""
    requested_at: int
    """Microseconds since 1970; so are the other times."""
    woken_at: int
    """When it was asked for last."""
    not_before: int
    """When its turn comes."""
    attempts: int
    """How often it was begun."""
    started_at: int | None
    """When it was begun last."""
    ended_at: int | None
    """When it ended; None: it is open."""
    decided_by: str
    """Who approved or rejected it."""
    approved: str
    """Digest of the plan that was approved."""
    reason: str
    """Why it waits, failed or was rejected."""
    plan: Plan | None
    """What it would do; None in lists."""
    exported: Exported | None
    """What it did; None in lists."""


class Destination(Model):
    """How a destination fares."""

    name: str
    """Its name in the configuration."""
    exporter: str
    """Its kind; empty: it is not configured any more."""
    waiting: int
    """Exports that wait or run."""
    approvals: int
    """Exports that wait for a person."""
    failed: int
    """Exports that were given up."""
    oldest_waiting_at: int | None
    """Microseconds since 1970; so are the other times."""
    last_done_at: int | None
    """When one was done last."""
    last_failed_at: int | None
    """When an attempt failed last."""
    last_reason: str
    """Why it did."""
    sent: int
    """Changes confirmed since ever."""
    withheld: tuple[tuple[str, int], ...]
    """Reasons why things were left out in the last exports, and how often."""


class Investigation(Model):
    """What would leave of a selection; of facts, edges, outputs and proofs the first, and all counts."""

    uuid: str
    """Its id everywhere."""
    key: str
    """What it is known by."""
    kind: str
    """item, target, job, window, search or neighbourhood."""
    title: str
    """One line for a person."""
    tlp: str
    """Traffic Light Protocol: clear, green, amber, amber+strict or red."""
    pap: str | None
    """Permissible actions, where that is said."""
    first_seen: int
    """Earliest observation in it, microseconds since 1970; 0: nothing is in it."""
    last_seen: int
    """Latest observation in it."""
    counts: dict[str, int]
    """How many facts, edges, scans, proofs and withheld there are."""
    facts: tuple[dict[str, Any], ...]
    """The first facts: the vertex, and what decides how it is shared."""
    edges: tuple[dict[str, Any], ...]
    """The first edges between them."""
    scans: tuple[dict[str, Any], ...]
    """The first outputs of tools, without their bytes."""
    proofs: tuple[dict[str, Any], ...]
    """The first proofs, without bundles."""
    withheld: tuple[Withheld, ...]
    """The first of what is left out."""


class Sharing:
    """The sharing of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def destinations(self) -> AsyncIterator[Destination]:
        """Iterate over the destinations, in the order of the configuration."""
        return rows(self._connection, "/v1/destinations", Destination)

    def list(
        self,
        *,
        state: str | None = None,
        destination: str | None = None,
        share: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Export]:
        """Iterate over exports, newest first, without plans and outcomes."""
        query = {"state": state, "destination": destination, "share": share}
        return rows(self._connection, "/v1/exports", Export, query=query, limit=limit)

    async def get(self, uuid: str) -> Export:
        """Return an export with its plan, or with what was done.

        Raises:
            ApiError: 404, there is none of this uuid.
        """
        return parsed(Export, await self._connection.get(path_of("v1", "exports", uuid)))

    async def request(
        self, select: str, destination: str, *, share: str = "", dry_run: bool = False, approval: bool = False
    ) -> Export:
        """Ask for an export; one that waits already for the same is woken and returned.

        Args:
            select: which investigation, such as `target=192.0.2.7`.
            destination: name of a destination of the hub's configuration.
            share: name of the share that it is of.
            dry_run: plan it only.
            approval: send it once a person has approved the plan.

        Raises:
            ApiError: 422, no such selection, destination or share.
        """
        body: dict[str, Any] = {"select": select, "destination": destination, "share": share}
        body |= {"dry_run": dry_run, "approval": approval}
        return parsed(Export, await self._connection.send("POST", path_of("v1", "exports"), body))

    async def approve(self, uuid: str, *, digest: str) -> Export:
        """Let the plan be carried out that has this digest.

        Raises:
            ApiError: 404 there is none of this uuid, 409 its plan is another by now, or waits for nobody.
        """
        return await self._decide(uuid, "approve", {"digest": digest})

    async def reject(self, uuid: str, *, why: str) -> Export:
        """Let it not be carried out.

        Raises:
            ApiError: 404 there is none of this uuid, 409 it runs or has ended.
        """
        return await self._decide(uuid, "reject", {"why": why})

    async def retry(self, uuid: str) -> Export:
        """Do one that has ended again.

        Raises:
            ApiError: 404 there is none of this uuid, 409 it has not ended.
        """
        return await self._decide(uuid, "retry", None)

    async def look(self, select: str, *, destination: str | None = None, limit: int | None = None) -> Investigation:
        """Return what would leave; nothing is sent.

        Args:
            select: which investigation.
            destination: whose policy says what may leave; None: what may leave into a file.
            limit: rows of each kind at most.

        Raises:
            ApiError: 422 no such selection or destination, 429 too many are looked at.
        """
        query = {"select": select, "destination": destination, "limit": limit}
        return parsed(Investigation, await self._connection.get("/v1/investigations", query))

    async def file(
        self, select: str, form: str, *, destination: str | None = None, most: int = LARGEST
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the same as a file: `misp`, `stix`, `csv` or `ndjson`.

        Raises:
            ApiError: 422 no such selection, destination or form, 429 too many are looked at.
        """
        query = {"select": select, "destination": destination, "format": form}
        headers = {"Accept": "*/*"}
        async with self._connection.open(
            "GET", "/v1/investigations", query, headers=headers, silence=_GATHERING
        ) as response:
            async for piece in self._connection.pieces(response, most=most):
                yield piece

    async def _decide(self, uuid: str, what: str, body: dict[str, str] | None) -> Export:
        return parsed(Export, await self._connection.send("POST", path_of("v1", "exports", uuid, what), body))


_GATHERING = 300.0
"""Seconds that a hub may take to gather and write a large investigation before its first byte."""
