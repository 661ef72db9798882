"""A whole fleet in real processes: large results over HTTP, a hub killed meanwhile, and its memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from registry.content import ContentFolder
from registry.database import Database
from registry.items import ItemFilter, Items
from registry.keys import FRESH, Keys, Scope
from registry.proofs import Proofs
from tests.timing import PATIENCE, bound
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.cli.fleet import Fleet
from vedette.clock import SystemClock
from vedette.configuration.credentials import load_credentials
from vedette.configuration.fleet import load_fleet
from vedette.evidence.bundle import build_bundle
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role

MIB = 1024 * 1024


def write_fleet(folder: Path, *, program: str | None = None) -> Path:
    """Write a fleet with at most one probe, which runs a Python program once."""
    file = folder / "vedette.yml"
    probes = [] if program is None else ["probe1.json"]
    file.write_text(yaml.safe_dump({"batch": {"items": 1000, "seconds": 0.5}, "probes": probes}))
    if program is not None:
        probe = {"jid": "probe1@localhost", "credentials": "var/credentials/probe1.json"}
        (folder / "probe1.json").write_text(json.dumps({**probe, "command": [sys.executable, "-c", program]}))
    return file


class Running:
    """A fleet that runs."""

    def __init__(self, file: Path) -> None:
        self.configuration, self.paths = load_fleet(file)
        self.events: list[dict[str, Any]] = []
        self.fleet = Fleet(
            configuration=self.configuration,
            paths=self.paths,
            clock=SystemClock(),
            on_event=lambda _process, event: self.events.append(event),
        )

    @property
    def api(self) -> str:
        """Address of the API, as the hub reported it."""
        return str(self.fleet.supervisor.report("hub")["api"])

    def partials(self) -> list[Path]:
        """Return the uploads in progress at the hub."""
        return list((self.paths.documents / "partial").glob("*"))


@pytest.fixture
async def running(
    tmp_path: Path, put_databases: Callable[[Path], None], request: pytest.FixtureRequest
) -> AsyncIterator[Running]:
    put_databases(tmp_path)
    fleet = Running(write_fleet(tmp_path, program=getattr(request, "param", None)))
    try:
        await fleet.fleet.start()
        yield fleet
    finally:
        await fleet.fleet.stop()


async def wait_for(condition: Any, *, seconds: float = PATIENCE, every: float = 0.02) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(every)


def has_bytes(path: Path) -> bool:
    """Tell whether something was written; the file may go meanwhile."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def stamped(running: Running) -> bool:
    """Tell whether an item was stamped."""
    return any(event.get("event") == "stamped" for event in running.events)


@pytest.mark.parametrize("running", [f"print('x' * {60 * MIB})"], indirect=True)
async def test_a_hub_killed_during_an_upload_gets_it_whole_afterwards(running: Running) -> None:
    # Who is held up here may find it uploaded already; then the hub is killed after it.
    await wait_for(lambda: any(map(has_bytes, running.partials())) or stamped(running), every=0.002)
    hub = running.fleet.supervisor.pids["hub"]
    os.kill(hub, signal.SIGKILL)
    address = running.api
    keeper = running.fleet.supervisor
    await wait_for(lambda: keeper.pids.get("hub", hub) != hub and "api" in keeper.report("hub"))
    await wait_for(lambda: stamped(running))
    assert running.api == address
    assert running.partials() == []

    payload = b"x" * (60 * MIB) + b"\n"
    with Database(running.paths.store_url) as database:
        (item,) = (await Items(database=database).page(wanted=ItemFilter())).items
        assert (item.size, item.payload_sha256) == (len(payload), hashlib.sha256(payload).hexdigest())
        folder = ContentFolder(running.paths.documents, limit=2**30)
        proofs = Proofs(database=database, engine="", clock=SystemClock(), documents=folder)
        bundle = build_bundle(await proofs.bundle_contents(item.uuid))
    verdict = verify_bundle(bundle, roots=TrustRoots.load(running.paths.roots), now=SystemClock().now())
    assert verdict.ok, verdict.reasons
    spool = running.paths.outboxes / "probe1.documents"
    await wait_for(lambda: not [path for path in spool.rglob("*") if path.is_file()])


async def test_the_hubs_memory_stays_flat_during_a_large_upload(running: Running) -> None:
    with Database(running.paths.store_url) as database:
        key = await Keys(database=database, clock=SystemClock()).issue(name="test", scopes=[Scope.INGEST, Scope.READ])
    hub = psutil.Process(running.fleet.supervisor.pids["hub"])
    headers = {"Authorization": f"Bearer {key}"}
    piece = os.urandom(MIB)

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for number in range(count):
            yield number.to_bytes(8) + piece[8:]

    async with httpx.AsyncClient(
        base_url=running.api, headers=headers, trust_env=False, timeout=2 * PATIENCE
    ) as client:
        assert (await client.post("/document", content=pieces(8))).status_code == 201
        before = hub.memory_info().rss
        most = before

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, hub.memory_info().rss)
                await asyncio.sleep(0.01)

        watching = asyncio.create_task(watch())
        stored = await client.post("/document", content=pieces(200))
        assert (stored.status_code, stored.json()["size"]) == (201, 200 * MIB)
        size = 0
        async with client.stream("GET", stored.headers["location"]) as response:
            async for part in response.aiter_bytes():
                size += len(part)
        watching.cancel()
    assert size == 200 * MIB
    print(f"hub: {before / MIB:.1f} MiB before, at most {most / MIB:.1f} MiB")
    assert most - before < 16 * MIB


async def test_enrolment_gives_a_key_and_revoking_takes_it(running: Running) -> None:
    class NoAccounts:
        def create(self, name: str, password: str) -> None: ...
        def remove(self, name: str) -> None: ...

    with Database(running.paths.store_url) as database:
        enrolment = Enrolment(
            configuration=running.configuration,
            paths=running.paths,
            database=database,
            accounts=NoAccounts(),  # type: ignore[arg-type]
            server="127.0.0.1:5222",
            ca=None,
            clock=SystemClock(),
            hub=running.api,
        )
        wanted = Wanted(name="other", role=Role.PROBE)
        credentials = load_credentials(await enrolment.enrol(wanted))
        again = load_credentials(await enrolment.enrol(wanted))
        assert credentials.api_key is not None
        assert (again.api_key, again.hub) == (credentials.api_key, running.api)
        assert credentials.api_key not in repr(credentials)
        headers = {"X-API-Key": credentials.api_key}
        async with httpx.AsyncClient(
            base_url=running.api, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client:
            assert (await client.post("/document", content=b"x")).status_code == 201
            assert (await client.get("/readyz")).json() == {"ok": True}
            await enrolment.revoke("other")
            # The hub is another process: it may still know the key for a moment.
            async with asyncio.timeout(bound(FRESH + 5)):
                while (await client.post("/document", content=b"x")).status_code != 401:
                    await asyncio.sleep(0.05)
    engine = load_credentials(running.paths.credentials_of("aggregation"))
    assert engine.api_key is None
