"""Two engines on one PostgreSQL: they share the items, and one takes over what the other leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from agents.aggregation import AggregationAgent
from behaviours.supervised import SupervisedBehaviour
from ejabberd.embedded import EmbeddedServer
from registry import tables
from registry.lease_tables import lease
from registry.proofs import Proofs
from tests.agents.station import Station, Until, make_item
from tests.agents.test_proof_notices import start_keeper
from tests.agents.test_timestamping import Moody
from tests.registry.postgresql import empty_database
from tests.vedette.cli.commands import called, complaint, running
from vedette.configuration.credentials import Credentials, RegistryKey, save_credentials
from vedette.configuration.fleet import load_fleet
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role


@pytest.fixture
async def shared(xmpp: EmbeddedServer, tmp_path: Path, postgres_folder: Path) -> AsyncIterator[Station]:
    """A station whose store is a PostgreSQL database."""
    with empty_database(postgres_folder) as url:
        station = Station(server=xmpp, folder=tmp_path, store_url=url)
        station.database.migrate()
        station.database.open()
        yield station
        await station.close()


async def _are_live(station: Station, engines: int) -> bool:
    return len(await station.directory.live(Role.AGGREGATION)) == engines


async def _stored_by_chain(station: Station) -> dict[int, int]:
    query = select(tables.item.c.chain_id, func.count()).group_by(tables.item.c.chain_id)
    rows = await station.database.read(lambda connection: connection.execute(query).all())
    return {chain: count for chain, count in rows}


async def test_items_are_shared_and_a_dead_engines_share_moves_to_the_other(
    shared: Station, until: Until, authority: LocalAuthority
) -> None:
    await shared.start_hub(authority)
    second = await shared.start_engine("second", authority)

    await until(partial(_are_live, shared, 2))
    sender = await shared.sender()
    checks = [f"check-{number}" for number in range(40)]
    await sender.observe(*[make_item(check=check) for check in checks for _ in range(5)])
    await until(lambda: sender.delivering.counters["confirmed"] == 200)
    before = await _stored_by_chain(shared)
    assert len(before) == 2
    assert min(before.values()) >= 40

    await second.stop()
    # Else its share waits until the sender no longer believes what it knows of the engines.
    await until(partial(_are_live, shared, 1))
    sender.peers.forget()
    await sender.observe(*[make_item(check=check) for check in checks for _ in range(5)])
    await until(lambda: sender.delivering.counters["confirmed"] == 400)
    after = await _stored_by_chain(shared)
    assert sum(after.values()) == 400
    assert sorted(after[chain] - before[chain] for chain in after) == [0, 200]
    assert (await sender.outbox.status()).items == 0


async def test_a_dead_engines_items_are_proved_by_the_other_which_tells_their_senders(
    shared: Station, until: Until, authority: LocalAuthority
) -> None:
    failing = Moody(authority, name="moody", external=True)
    await shared.start_hub(failing)
    second = await shared.start_engine("second", failing)

    await until(partial(_are_live, shared, 2))
    keeper = await start_keeper(shared)
    checks = [f"check-{number}" for number in range(20)]
    await keeper.observe(*[make_item(check=check) for check in checks])
    await until(lambda: keeper.delivering.counters["confirmed"] == 20)
    assert min((await _stored_by_chain(shared)).values()) >= 1
    # It dies with a log that nobody has stamped, and gives nothing back.
    await _die(second)
    failing.failing = False

    async def all_stamped() -> bool:
        return (await shared.proofs.unstamped()).count == 0 and len(shared.engine.notes()) > 0

    await until(lambda: any("Stands in for" in note for note in shared.engine.notes()))
    await until(all_stamped)

    async def nothing_kept() -> bool:
        keeper.peers.forget()
        return await keeper.kept() == 0

    await until(nothing_kept)
    assert keeper.keeping.counters["notices refused"] == 0


async def _die(engine: AggregationAgent) -> None:
    """Stop an engine as a kill does: its leases stay."""
    leases = engine.standing_in
    assert leases is not None
    leases.kill()
    await SupervisedBehaviour.ended(leases)
    engine.standing_in = None
    engine.behaviours.remove(leases)
    await engine.stop()


async def _write_engine(station: Station, folder: Path) -> str:
    """Write what an engine of its own needs, as on another host, and return its name."""
    name = station.name("apart")
    configuration = {
        "store": station.store_url,
        "xmpp": {"server": f"xmpp://127.0.0.1:{station.server.port}"},
        "batch": {"seconds": 0.05},
        "engines": [{"name": name}],
    }
    file = folder / "vedette.yml"
    file.write_text(json.dumps(configuration))
    _, paths = load_fleet(file)
    paths.make()
    LocalAuthority.open(paths.tsa, clock=station.clock, create=True)
    identity = await station.identity("apart", Role.AGGREGATION)
    identity.key.save(paths.credentials / f"{name}.key")
    registry = RegistryKey(jid=identity.registry.jid, public_key=identity.registry.verifying().text)
    credentials = Credentials(
        jid=identity.jid,
        role=Role.AGGREGATION,
        password=identity.password,
        key=f"{name}.key",
        registry=registry,
        server=str(identity.server),
        ca=str(station.server.ca_file),
    )
    save_credentials(paths.credentials_of(name), credentials)
    return name


async def test_an_engine_in_a_process_of_its_own_is_killed_while_items_come(
    shared: Station, until: Until, authority: LocalAuthority, tmp_path: Path
) -> None:
    folder = tmp_path / "apart"
    folder.mkdir()
    name = await _write_engine(shared, folder)
    await shared.start_hub(authority)
    with running("agent", "aggregation", "-c", "vedette.yml", "--name", name, folder=folder) as engine:
        await until(lambda: "is up" in engine.said() or engine.process.poll() is not None)
        assert engine.process.poll() is None, engine.complained()
        # Else the sender believes for some seconds that there is one only.
        await until(partial(_are_live, shared, 2))
        sender = await shared.sender()
        checks = [f"check-{number}" for number in range(40)]

        async def send() -> None:
            for _ in range(10):
                await sender.observe(*[make_item(check=check) for check in checks])
                await asyncio.sleep(0)

        async def both_have_some() -> bool:
            return len(await _stored_by_chain(shared)) == 2

        sending = asyncio.create_task(send())
        await until(both_have_some)
        engine.process.kill()
        await sending
        await asyncio.to_thread(engine.process.wait)
    await until(partial(_are_live, shared, 1))
    sender.peers.forget()
    await until(lambda: sender.delivering.counters["confirmed"] == 400)
    assert (await sender.outbox.status()).items == 0
    assert sum((await _stored_by_chain(shared)).values()) == 400
    # Its lease ends, as it would in some seconds; then the other engine proves the rest of its log.
    ended = update(lease).where(lease.c.name.contains(name)).values(until=1)
    await shared.database.write(lambda connection: connection.execute(ended) and None)
    await until(lambda: any(name in note for note in shared.engine.notes()))

    async def all_stamped() -> bool:
        waiting = Proofs(database=shared.database, engine=f"{name}@localhost", clock=shared.clock)
        return (await waiting.unstamped()).count == 0

    await until(all_stamped)


def test_an_engine_that_is_not_configured_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "vedette.yml").write_text(
        "store: postgresql+psycopg://localhost/none\nengines: [{name: second}, {name: third}]\n"
    )
    done = called("agent", "aggregation", "-c", "vedette.yml", "--name", "fourth", folder=tmp_path)
    assert (done.returncode, complaint(done)) == (
        2,
        f"vedette: {tmp_path}/vedette.yml: engines: there is no engine fourth; there are: second, third",
    )
    assert called("agent", "aggregation", "-c", "vedette.yml", folder=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("engines: [{name: second}]", "several engines need one PostgreSQL"),
        ("store: 'sqlite:///store.db'\nengines: [{name: second}]", "several engines need one PostgreSQL"),
        ("store: postgresql+psycopg://h/d\nengines: [{name: registry}]", "two agents are called registry"),
        ("store: postgresql+psycopg://h/d\nengines: [{name: e}, {name: e}]", "two agents are called e"),
    ],
)
def test_engines_that_cannot_work_together_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "vedette.yml").write_text(text)
    done = called("check-config", "vedette.yml", folder=tmp_path)
    assert done.returncode == 2
    assert reason in complaint(done)
