"""What tools put out, and the proofs of items, as an investigation has them: within limits, the rest said why not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from sqlalchemy import Connection, select

from registry import tables
from registry.content import ContentFolder
from registry.database import Database
from registry.graph_reading_nodes import chunks
from registry.payload_rows import inline_payload
from registry.proofs import Proofs
from registry.sharing_items import SelectedItem, read_stamps
from vedette.canonical import sha256_hex
from vedette.clock import Clock
from vedette.errors import EvidenceError, RefusedError, StoreError
from vedette.evidence.bundle import build_bundle
from vedette.pieces import pieces
from vedette.sharing.investigation import Proof, Scan, Service, Stamp
from vedette.sharing.judging import Judge
from vedette.sharing.scans import file_name, is_of_tool, services_of, tool_of

MAX_OUTPUT: Final = 10 * 1024 * 1024
"""Bytes of one output, or one bundle, that is shared; of a larger one the hash is."""

MAX_TOGETHER: Final = 64 * 1024 * 1024
"""Bytes of all outputs of an investigation, and of all its bundles."""

MAX_SCANS: Final = 2_000
"""Outputs of tools in an investigation: the latest."""

MAX_PROOFS: Final = 2_000
"""Items of an investigation whose proofs go along: the latest."""

MAX_BUNDLES: Final = 200
"""Bundles that are made for an investigation: of the latest items."""

_AT_ONCE: Final = 20


class Outputs:
    """Reads outputs and proofs of a store's items."""

    def __init__(self, *, database: Database, documents: ContentFolder | None, clock: Clock) -> None:
        """Describe it.

        Args:
            database: the store's.
            documents: where payloads are that are not in the store; None: nowhere.
            clock: the time.
        """
        self._database = database
        self._documents = documents
        self._proofs = Proofs(database=database, engine="", clock=clock, documents=documents)

    async def scans(
        self, items: Iterable[SelectedItem], *, vertices: Mapping[str, Collection[str]], judge: Judge
    ) -> list[Scan]:
        """Return what tools put out, by time and uuid.

        Args:
            items: of these, those that are of a tool.
            vertices: ids of what each of them mentions.
            judge: learns what is left out.

        Raises:
            StoreError: the store cannot be read.
        """
        known = sorted((one for one in items if is_of_tool(one.meta)), key=lambda one: (one.observed_at, one.uuid))
        for one in known[:-MAX_SCANS]:
            judge.withhold(
                "output of a tool", f"output of item {one.uuid}", f"only the latest {MAX_SCANS} are shared"
            )
        room, found = MAX_TOGETHER, list[Scan]()
        for some in pieces(known[-MAX_SCANS:], _AT_ONCE):
            payloads = await self._database.read(partial(_payloads, items=some))
            for one in some:
                raw = payloads[one.uuid]
                if raw is None:
                    raw = await self._document(one, judge)
                services = await asyncio.to_thread(_services, raw, one, judge)
                if raw is not None and len(raw) > room:
                    judge.withhold(
                        "output of a tool",
                        f"output of item {one.uuid}",
                        f"all together are over {MAX_TOGETHER} bytes",
                    )
                    raw = None
                room -= len(raw or b"")
                found.append(_scan(one, raw, services, vertices.get(one.uuid, ())))
        return found

    async def _document(self, item: SelectedItem, judge: Judge) -> bytes | None:
        """Return an output that is kept as a document; None where it is not to be had."""
        name, documents = f"output of item {item.uuid}", self._documents
        if item.size > MAX_OUTPUT:
            judge.withhold("output of a tool", name, f"it has more than {MAX_OUTPUT} bytes; its SHA-256 is shared")
            return None
        try:
            if documents is not None and documents.size_of(item.payload_sha256) is not None:
                return await asyncio.to_thread(documents.read, item.payload_sha256, limit=MAX_OUTPUT)
            reason = "it was deleted, or is not on this machine; its SHA-256 is shared"
        except StoreError as error:
            reason = str(error)
        judge.withhold("output of a tool", name, reason)
        return None

    async def proofs(
        self, items: Iterable[SelectedItem], *, bundles: bool, judge: Judge, cut: Collection[str] = ()
    ) -> list[Proof]:
        """Return the proofs of items, by uuid.

        Args:
            items: whose.
            bundles: whether the zips for a third party are made.
            judge: learns what is left out.
            cut: uuids of the items of which something may not leave.

        Raises:
            StoreError: the store cannot be read.
        """
        known = sorted(items, key=lambda one: (one.observed_at, one.uuid), reverse=True)
        for one in known[MAX_PROOFS:]:
            judge.withhold(
                "proof", f"proof of item {one.uuid}", f"only those of the latest {MAX_PROOFS} items are shared"
            )
        known = known[:MAX_PROOFS]
        stamps = await self._database.read(lambda connection: read_stamps(connection, known))
        made = await self._bundles(known, judge, cut) if bundles else {}
        proofs = [_proof(one, stamps.get(one.uuid, ()), made.get(one.uuid)) for one in known]
        return sorted(proofs, key=lambda one: one.item)

    async def _bundles(self, items: Sequence[SelectedItem], judge: Judge, cut: Collection[str]) -> dict[str, bytes]:
        made: dict[str, bytes] = {}
        room = MAX_TOGETHER
        for one in items:
            if not one.state.is_stamped:
                continue
            name, reason = f"bundle of item {one.uuid}", ""
            if len(made) >= MAX_BUNDLES or room <= 0:
                reason = f"at most {MAX_BUNDLES} of together {MAX_TOGETHER} bytes; see: vedette bundle"
            elif one.size > MAX_OUTPUT:
                reason = f"its payload has more than {MAX_OUTPUT} bytes; see: vedette bundle"
            else:
                try:
                    contents = await self._proofs.bundle_contents(one.uuid)
                    objection = judge.objection_to_payload(contents.payload or b"", cut=one.uuid in cut)
                    if objection:
                        judge.withhold("payload of a bundle", f"payload in the {name}", objection)
                        contents = replace(contents, payload=None)
                    made[one.uuid] = await asyncio.to_thread(build_bundle, contents)
                    room -= len(made[one.uuid])
                except EvidenceError as error:
                    reason = str(error)
            if reason:
                judge.withhold("bundle", name, reason)
        return made


def _payloads(connection: Connection, items: Sequence[SelectedItem]) -> dict[str, bytes | None]:
    table, found = tables.item, dict[str, bytes | None]()
    for some in chunks([one.uuid for one in items]):
        query = select(table.c.uuid, inline_payload()).where(table.c.uuid.in_(some))
        found |= {row.uuid: None if row.payload is None else bytes(row.payload) for row in connection.execute(query)}
    return found


def _services(raw: bytes | None, item: SelectedItem, judge: Judge) -> Sequence[Service]:
    if raw is None:
        return ()
    try:
        return services_of(raw, item.format)
    except RefusedError as error:
        judge.withhold("services of an output", f"services of item {item.uuid}", error.reason)
        return ()


def _scan(item: SelectedItem, raw: bytes | None, services: Sequence[Service], vertices: Iterable[str]) -> Scan:
    tool, content_type = tool_of(item.meta), item.meta.get("content_type")
    content_type = content_type if isinstance(content_type, str) else "application/octet-stream"
    return Scan(
        item=item.uuid,
        agent=item.agent,
        tool=tool,
        target=item.target or "",
        command=tuple(map(str, item.meta["command"])),
        exit_code=item.exit_code,
        verdict=item.verdict or "",
        observed_at=item.observed_at,
        raw=raw,
        sha256=item.payload_sha256,
        size=item.size,
        content_type=content_type,
        file_name=file_name(tool, item.uuid, content_type),
        services=tuple(services),
        vertices=tuple(sorted(vertices)),
    )


def _proof(item: SelectedItem, stamps: tuple[Stamp, ...], bundle: bytes | None) -> Proof:
    return Proof(
        item=item.uuid,
        state=item.state.value,
        statement=bytes(item.statement),
        statement_sha256=sha256_hex(bytes(item.statement)),
        payload_sha256=item.payload_sha256,
        agent=item.agent,
        received_at=item.received_at,
        stamps=stamps,
        bundle=bundle,
    )
