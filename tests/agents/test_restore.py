"""A fleet whose store is restored from a safety copy: old proofs hold, senders go on, and the losses are named."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select

from agents.registry import RegistryAgent
from behaviours.admit import DirectoryPeers
from registry import tables
from registry.backup import Backup, open_target
from registry.backup_check import check_backup
from registry.backup_finish import OldStore, RestoreOrder
from registry.backup_losses import LossSearch
from registry.backup_manifest import BackupManifest
from registry.backup_restore import Replaced, SqlitePlace
from registry.callers import Actor
from registry.content import ContentFolder
from tests.agents.station import Sender, Station, Until, make_item
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.limits import MAX_DOCUMENT


async def observe(sender: Sender, count: int) -> list[str]:
    """Have the sender observe items; returns their uuids."""
    items = await sender.observe(*[make_item(f"item {number}".encode()) for number in range(count)])
    return [item["meta"]["uuid"] for item in items]


async def backup(station: Station, target: Path) -> BackupManifest:
    """Write a safety copy beside everything that goes on."""
    made = Backup(
        database=station.database,
        store_url=station.store_url,
        documents=ContentFolder(station.folder / "documents", limit=MAX_DOCUMENT),
        files=(),
        secrets=False,
        clock=station.clock,
    )

    def write() -> BackupManifest:
        opened = open_target(target, now=station.clock.now())
        try:
            return made.write(opened)
        finally:
            opened.close()

    return await asyncio.to_thread(write)


async def stop_hub(station: Station) -> None:
    await station.engine.stop()
    await station.registry.stop()
    station.database.close()


def restore(station: Station, copy: Path, manifest: BackupManifest) -> tuple[Replaced, OldStore]:
    place = SqlitePlace(station.folder / "store.db")
    with place.held():
        old = place.read_old(manifest)
        part = copy / manifest.store
        by = Actor(who="test", origin="test")
        order = RestoreOrder(manifest=manifest, old=old, now=station.clock.now(), by=by)
        return place.replace(part, order), old


async def start_hub_again(station: Station) -> None:
    """Start the hub as a new process would."""
    station.database.open()
    await station.intake.open()
    registry = RegistryAgent(
        identity=station.registry.identity,
        clock=station.clock,
        peers=DirectoryPeers(directory=station.directory),
        directory=station.directory,
        changed=lambda _jid, _show: None,
    )
    await station.start(registry)
    await station.restart_engine()


async def stored(station: Station, epoch: str) -> set[str]:
    """Return the uuids of the items in a log."""
    item, chain = tables.item, tables.chain
    query = select(item.c.uuid).join(chain, chain.c.id == item.c.chain_id).where(chain.c.epoch == epoch)
    return set(await station.database.read(lambda connection: connection.execute(query).scalars().all()))


async def test_a_fleet_goes_on_after_a_restore(
    station: Station, until: Until, authority: LocalAuthority, tmp_path: Path
) -> None:
    await station.start_hub(authority)
    sender = await station.sender()
    proved = await observe(sender, 10)
    await until(lambda: any(event["event"] == "stamped" for event in station.progress))
    epoch, copy = station.intake.epoch, tmp_path / "copy"
    # Under ingest: some of these are in the copy, the others are lost.
    meanwhile = await observe(sender, 600)
    manifest = await backup(station, copy)
    late = await observe(sender, 5)
    await until(lambda: sender.delivering.counters["confirmed"] == 615)
    await stop_hub(station)
    waiting = await observe(sender, 3)

    (log,) = manifest.logs
    replaced, old = restore(station, copy, manifest)
    search = LossSearch(database=station.database, restored=manifest.logs, old=OldStore())
    await start_hub_again(station)
    search.visit(station.folder / "sender.db")
    found = search.result()

    (fresh,) = replaced.finished.epochs
    kept = await stored(station, epoch)
    lost = {*proved, *meanwhile, *late} - kept
    assert set(late) <= lost
    # What else was logged after the copy are audit entries.
    assert {item.uuid for item in old.lost} & {*proved, *meanwhile, *late} == lost
    # Receipts of what is proved are gone; what is left of them must not name anything else.
    named = {uuid for one in found.logs for _, uuid in one.items}
    assert named <= lost
    (numbers,) = found.numbers
    assert (numbers.agent, numbers.count) == (sender.identity.jid, len(lost))
    (one,) = found.logs
    assert (one.epoch, one.first) == (epoch, log.next_index)
    assert one.last <= old.logs[0].next_index - 1

    await until(lambda: sender.delivering.counters["confirmed"] == 618)
    assert await stored(station, fresh.epoch) == set(waiting)
    bundle = build_bundle(await station.proofs.bundle_contents(proved[0]))
    verdict = verify_bundle(bundle, roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons
    await until(lambda: _is_stamped(station, waiting[0]))
    assert check_backup(copy).findings == ()


async def _is_stamped(station: Station, uuid: str) -> bool:
    return (await station.items.proof(uuid)).state.is_stamped
