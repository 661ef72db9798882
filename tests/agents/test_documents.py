"""Large payloads by reference: from a probe through spool, upload and intake to a bundle that verifies."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agents.field import make_probe
from agents.identity import DocumentService
from agents.probe import ProbeAgent
from registry.content import ContentFolder
from registry.documents import Documents
from registry.keys import Keys, Scope
from registry.proofs import Proofs
from tests.agents.station import Station, make_item
from vedette.clock import SystemClock
from vedette.configuration.probe import ProbeConfiguration
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role
from web.api.access import Rules
from web.api.application import create_app
from web.api.documents import DocumentRoutes
from web.api.health import HealthRoutes
from web.api.server import ApiServer

Until = Callable[..., Awaitable[None]]
MIB = 1024 * 1024
LIMIT = 32 * MIB


class Service:
    """The document service of a station."""

    def __init__(self, station: Station, *, limit: int, port: int = 0) -> None:
        self.folder = ContentFolder(station.folder / "documents", limit=limit)
        self.documents = Documents(database=station.database, folder=self.folder, clock=SystemClock())
        self.keys = Keys(database=station.database, clock=SystemClock())
        routes = [HealthRoutes(ready=self._ready), DocumentRoutes(documents=self.documents)]
        app = create_app(rules=Rules(keys=self.keys), routes=routes)
        self.server = ApiServer(app=app, port=port)

    async def _ready(self) -> None:
        return

    async def start(self) -> None:
        await self.documents.open()
        await self.server.start()

    async def for_agent(self, jid: str) -> DocumentService:
        """Return where and with what key an agent hands in."""
        key = await self.keys.issue(name="test", scopes=[Scope.INGEST], agent=jid)
        return DocumentService(url=self.server.url, api_key=key)


Serve = Callable[..., Awaitable[Service]]


@pytest.fixture
async def serve(station: Station) -> AsyncIterator[Serve]:
    running: list[Service] = []

    async def start(*, limit: int = LIMIT, port: int = 0) -> Service:
        service = Service(station, limit=limit, port=port)
        await service.start()
        running.append(service)
        return service

    yield start
    for service in running:
        await service.server.stop()


async def start_probe(station: Station, service: DocumentService | None, code: str, **more: Any) -> ProbeAgent:
    """Start a probe that runs a Python program once."""
    identity = await station.identity("prober", Role.PROBE, documents=service)
    fields = {"command": [sys.executable, "-c", code], "jid": identity.jid, "passwd": "unused", **more}
    probe = make_probe(
        ProbeConfiguration.model_validate(fields),
        file=station.folder / "probe.json",
        identity=identity,
        outbox=station.folder / "prober.db",
        clock=station.clock,
        once=True,
    )
    await station.start(probe)
    return probe


async def finish(probe: ProbeAgent) -> None:
    await probe.stop()
    await probe.outbox.close()


def uploads(probe: ProbeAgent) -> Counter[str]:
    """Return how the probe's uploads went."""
    assert probe.uploading is not None
    return probe.uploading.counters


def spooled(probe: ProbeAgent) -> list[Path]:
    """Return the files in the probe's spool, half-written ones included."""
    assert probe.spool is not None
    return [path for path in probe.spool.folder.parent.rglob("*") if path.is_file()]


async def test_twenty_mebibytes_become_a_bundle_that_verifies(
    station: Station, serve: Serve, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    service = await serve()
    code = f"import sys; sys.stdout.write('line of output\\n' * ({20 * MIB} // 15))"
    probe = await start_probe(station, await service.for_agent(station.jid("prober")), code)
    await until(lambda: any(event["event"] == "stamped" for event in station.progress))

    item = await station.items.get(probe.running.last_uuid)
    payload = b"line of output\n" * (20 * MIB // 15)
    sha256 = hashlib.sha256(payload).hexdigest()
    assert item["payload"] == {"document": sha256}
    assert (item["meta"]["sha256"], item["meta"]["size"]) == (sha256, len(payload))
    assert "truncated" not in item["meta"]
    proofs = Proofs(database=station.database, engine="", clock=station.clock, documents=service.folder)
    bundle = build_bundle(await proofs.bundle_contents(probe.running.last_uuid))
    verdict = verify_bundle(bundle, roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons
    assert payload in bundle

    without = await station.proofs.bundle_contents(probe.running.last_uuid)
    assert without.payload is None
    verdict = verify_bundle(build_bundle(without), roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons
    assert sha256.encode() in build_bundle(without)

    await until(lambda: spooled(probe) == [])
    await finish(probe)


async def test_other_items_do_not_wait_for_an_upload(station: Station, serve: Serve, until: Until) -> None:
    await station.start_hub()
    service = await serve()
    address = await service.for_agent(station.jid("prober"))
    await service.server.stop()
    probe = await start_probe(station, address, f"print('x' * {MIB})")
    await until(lambda: probe.running.last_uuid)
    await probe.outbox.add([make_item(b"small") for _ in range(5)])
    probe.delivering.wake()
    await until(lambda: probe.delivering.counters["confirmed"] == 5)
    assert (await probe.outbox.status()).items == 1
    await until(lambda: uploads(probe)["failed"] > 0)

    await serve(port=int(address.url.rsplit(":", maxsplit=1)[1]))
    await until(lambda: probe.delivering.counters["confirmed"] == 6)
    assert await station.count() == 6
    await finish(probe)


async def test_a_restart_uploads_what_was_spooled_and_removes_orphans(
    station: Station, serve: Serve, until: Until
) -> None:
    await station.start_hub()
    service = await serve()
    address = await service.for_agent(station.jid("prober"))
    await service.server.stop()
    first = await start_probe(station, address, f"print('x' * {MIB})")
    await until(lambda: first.running.last_uuid)
    uuid = first.running.last_uuid
    await finish(first)
    kept = spooled(first)
    assert len(kept) == 1
    assert first.spool is not None
    (first.spool.folder / "output-left").write_bytes(b"half")
    orphan = first.spool.folder.parent / "00" / ("0" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"orphan")

    await serve(port=int(address.url.rsplit(":", maxsplit=1)[1]))
    second = make_probe(
        ProbeConfiguration.model_validate({"command": ["true"], "jid": first.identity.jid, "passwd": "unused"}),
        file=station.folder / "probe.json",
        identity=first.identity,
        outbox=station.folder / "prober.db",
        clock=station.clock,
        once=True,
    )
    await station.start(second)
    assert spooled(second) == kept
    await until(lambda: second.delivering.counters["confirmed"] == 2)
    assert (await station.items.get(uuid))["meta"]["size"] == MIB + 1
    await finish(second)


async def test_an_item_whose_document_is_unknown_is_refused_and_uploaded_again(
    station: Station, serve: Serve, until: Until
) -> None:
    await station.start_hub()
    service = await serve()
    probe = await start_probe(
        station, await service.for_agent(station.jid("prober")), f"import time; time.sleep(1); print('x' * {MIB})"
    )
    sha256 = hashlib.sha256(b"x" * MIB + b"\n").hexdigest()
    # The hub has it, and loses it before the item comes: as after restoring a safety copy.
    await until(lambda: probe.running.last_uuid)
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    await service.documents.delete(sha256, by="test", reason="lost")
    data = make_item(b"", sha256=sha256, size=MIB + 1)
    data["payload"] = {"document": sha256}
    assert probe.spool is not None
    file = probe.spool.folder / "again"
    file.write_bytes(b"x" * MIB + b"\n")
    await probe.spool.add(data, file)
    await probe.outbox.uploaded(sha256)
    probe.delivering.wake()
    await until(lambda: probe.delivering.counters["refused"] == 1)
    (refusal, *_) = await station.refusals.last()
    assert refusal.field == "payload.document"
    assert "upload it" in refusal.reason
    await until(lambda: probe.delivering.counters["confirmed"] == 2)
    assert await station.count() == 2
    await finish(probe)


async def test_what_the_service_never_takes_becomes_a_dead_letter_in_the_end(
    station: Station, serve: Serve, until: Until
) -> None:
    await station.start_hub()
    service = await serve(limit=MIB)
    probe = await start_probe(station, await service.for_agent(station.jid("prober")), f"print('x' * {2 * MIB})")
    await until(lambda: uploads(probe)["refused"] == 2)
    assert (await probe.outbox.status()).items == 1
    uuid = probe.running.last_uuid
    for _ in range(3):
        await probe.outbox.refuse(uuid, "payload.document", "answered 413")
    (letter,) = await probe.outbox.dead_letters()
    assert letter.uuid == uuid
    assert len(spooled(probe)) == 1
    await probe.outbox.discard(uuid, "too large to be of use")
    await until(lambda: spooled(probe) == [])
    await finish(probe)


async def test_a_revoked_key_keeps_everything_until_there_is_another(
    station: Station, serve: Serve, until: Until
) -> None:
    await station.start_hub()
    service = await serve()
    address = await service.for_agent(station.jid("prober"))
    await service.keys.revoke_agent(station.jid("prober"))
    probe = await start_probe(station, address, f"print('x' * {MIB})")
    await until(lambda: uploads(probe)["failed"] >= 2)
    assert list(service.folder.ids()) == []
    assert len(spooled(probe)) == 1
    assert (await probe.outbox.status()).items == 1
    await finish(probe)


async def test_without_a_service_what_is_too_large_is_cut_as_before(station: Station, until: Until) -> None:
    await station.start_hub()
    probe = await start_probe(station, None, f"print('x' * {MIB})")
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    meta = (await station.items.get(probe.running.last_uuid))["meta"]
    assert meta["truncated"] is True
    await finish(probe)


async def test_a_parsed_output_that_is_too_large_becomes_a_document_too(
    station: Station, serve: Serve, until: Until
) -> None:
    await station.start_hub()
    service = await serve()
    probe = await start_probe(
        station,
        await service.for_agent(station.jid("prober")),
        f"print('{{\"key\": \"' + 'x' * {MIB} + '\"}}')",
        result_parser="json",
        expected_value={"key": "x" * MIB},
    )
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    item = await station.items.get(probe.running.last_uuid)
    assert "parse_error" not in item["meta"]
    assert item["meta"]["size"] > MIB
    assert "document" in item["payload"]
    assert item["meta"]["verdict"] == "as expected"
    assert list(service.folder.partial.iterdir()) == []
    await finish(probe)
