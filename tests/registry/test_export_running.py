"""Running exports: what is sent, what waits, what goes wrong; with a destination that is a file."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from registry.callers import Actor
from registry.database import Database
from registry.export_destinations import ExportDestinations
from registry.export_running import MAX_ATTEMPTS, ExportRunner
from registry.export_taking import ExportTaking
from registry.exports import Exports
from tests.sharing_exporter import catalogue, contents, mood_file, waiting_file
from tests.sharing_parts import fact, investigation
from tests.timing import PATIENCE
from vedette.clock import Clock, ManualClock, SystemClock
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConfigurationError, ConflictError, ConnectionFailedError, StoreError
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

ROOT = Path(__file__).parents[2]
ANNA = Actor(who="user anna", origin="192.0.2.1")


@dataclass
class Given:
    """Gathers what a test put there."""

    found: dict[str, Investigation] = field(default_factory=dict)
    error: Exception | None = None

    async def gather(self, selection: Selection, *, policy: SharingPolicy, bundles: bool = True) -> Investigation:
        if self.error is not None:
            raise self.error
        return self.found[selection.key]


@dataclass
class Bench:
    """A runner and what it works with."""

    exports: Exports
    runner: ExportRunner
    given: Given
    path: Path

    async def request(self, target: str = "192.0.2.7", **more: object) -> Export:
        select = {"select": f"target={target}", "destination": "alpha"}
        return await self.exports.request(ExportRequest.model_validate(select | more), by=ANNA)

    def knows(self, *names: str, target: str = "192.0.2.7", withheld: tuple[Withheld, ...] = ()) -> Investigation:
        facts = [fact("Observable/IP", name) for name in names]
        made = investigation(f"target:{target}", facts, kind="target", title=target, withheld=withheld)
        self.given.found[made.key] = made
        return made

    async def run(self) -> Export:
        ran = await self.runner.run_next()
        assert ran is not None
        return ran

    def feels(self, mood: str) -> None:
        mood_file(self.path).write_text(mood)

    @property
    def held(self) -> Mapping[str, list[str]]:
        return contents(self.path)


def bench_of(database: Database, folder: Path, clock: Clock, **options: float) -> Bench:
    sharing = SharingSection.model_validate(
        {
            "destinations": [
                {"name": "alpha", "exporter": "file", "path": "alpha.json", "key_file": "alpha.key"},
                {"name": "odd", "exporter": "file", "colour": "red"},
                {"name": "lost", "exporter": "nothing"},
            ],
            "shares": [{"name": "all", "select": "type=scan", "to": ["alpha"]}],
        }
    )
    (folder / "alpha.key").write_text("a-very-secret-key\n")
    exports, given = Exports(database=database, clock=clock, sharing=sharing), Given()
    destinations = ExportDestinations(exports=exports, near=folder, data=folder, catalogue=catalogue())
    runner = ExportRunner(
        exports=exports,
        destinations=destinations,
        gathering=given,
        name="misp@localhost",
        lease=int(options.get("lease", 60)),
        time_limit=options.get("time_limit", 600.0),
    )
    return Bench(exports=exports, runner=runner, given=given, path=folder / "alpha.json")


@pytest.fixture
def database(tmp_path: Path, migrated_file: Path) -> Iterator[Database]:
    """A store; what is asked of it is tested on both databases beside this."""
    shutil.copyfile(migrated_file, tmp_path / "store.db")
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bench(database: Database, tmp_path: Path, clock: ManualClock) -> Bench:
    return bench_of(database, tmp_path, clock)


async def test_an_export_is_sent_and_again_sends_nothing(bench: Bench) -> None:
    own = Withheld(what="IP 192.0.2.9", reason="not reviewed")
    made = bench.knows("192.0.2.7", "198.51.100.1", withheld=(own,))
    await bench.request()
    done = await bench.run()
    assert done.state == "done"
    assert done.exported is not None
    assert (done.exported.sent, done.exported.withheld, done.title) == (2, (own,), "192.0.2.7")
    assert bench.held[str(made.uuid)] == ["192.0.2.7", "198.51.100.1"]
    await bench.request()
    again = await bench.run()
    assert again.exported is not None
    assert (again.exported.sent, bench.held["requests"]) == (0, 1)
    assert await bench.runner.run_next() is None


async def test_a_dry_run_changes_nothing_and_can_be_read(bench: Bench) -> None:
    bench.knows("192.0.2.7")
    await bench.request(dry_run=True)
    planned = await bench.run()
    assert planned.state == "planned"
    assert planned.plan is not None
    assert [str(change) for change in planned.plan.changes] == ["+ fact 192.0.2.7"]
    assert bench.held == {}


async def test_only_what_was_approved_is_sent(bench: Bench) -> None:
    bench.knows("192.0.2.7")
    made = await bench.request(approval=True)
    waits = await bench.run()
    assert (waits.state, bench.held) == ("approval", {})
    assert waits.plan is not None
    await bench.exports.approve(made.uuid, by=ANNA, digest=waits.plan.digest)
    bench.knows("192.0.2.7", "198.51.100.1")
    changed = await bench.run()
    assert (changed.state, bench.held) == ("approval", {})
    assert "changed after it was approved" in changed.reason
    assert changed.plan is not None
    await bench.exports.approve(made.uuid, by=ANNA, digest=changed.plan.digest)
    assert (await bench.run()).state == "done"
    assert bench.held["requests"] == 1
    await bench.request(approval=True)
    assert (await bench.run()).state == "done", "a plan without changes needs nobody"


async def test_what_is_down_is_tried_again_and_given_up_in_the_end(bench: Bench, clock: ManualClock) -> None:
    bench.knows("192.0.2.7")
    made = await bench.request()
    bench.feels("down")
    for _ in range(MAX_ATTEMPTS - 1):
        assert (await bench.run()).state == "waiting"
        assert await bench.runner.run_next() is None, "it is left alone for a while"
        clock.advance(1_800)
    failed = await bench.run()
    assert failed.state == "failed"
    assert "given up after" in failed.reason
    assert "does not answer" in failed.reason
    status = (await bench.exports.status())[0]
    assert status.last_reason == failed.reason
    bench.feels("")
    await bench.exports.retry(made.uuid, by=ANNA)
    assert (await bench.run()).state == "done"
    assert (await bench.exports.status())[0].last_reason == ""


async def test_who_wants_to_be_left_alone_is(bench: Bench, clock: ManualClock) -> None:
    bench.knows("192.0.2.7")
    await bench.request()
    bench.feels("busy 90")
    assert (await bench.run()).reason == "file: too many requests"
    clock.advance(89)
    assert await bench.runner.run_next() is None
    bench.feels("")
    clock.advance(1)
    assert (await bench.run()).state == "done"


@pytest.mark.parametrize("mood", ["refuses", "broken a-very-secret-key is wrong"])
async def test_what_would_fail_again_is_given_up_at_once_and_tells_no_secret(
    bench: Bench, mood: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.knows("192.0.2.7")
    await bench.request()
    bench.feels(mood)
    failed = await bench.run()
    assert failed.state == "failed"
    assert ("deleted there" in failed.reason) == (mood == "refuses")
    assert ("KeyError" in failed.reason and "sharing_exporter" in failed.reason) == (mood != "refuses")
    assert "a-very-secret" not in failed.reason + "".join(capfd.readouterr())


async def test_a_store_that_fails_while_it_is_gathered_is_no_reason_to_give_up(bench: Bench) -> None:
    await bench.request()
    bench.given.error = StoreError("the graph cannot be read")
    assert (await bench.run()).state == "waiting"


@pytest.mark.parametrize(("destination", "told"), [("odd", "colour"), ("lost", "unknown exporter")])
async def test_a_destination_that_cannot_be_made_says_why(bench: Bench, destination: str, told: str) -> None:
    bench.knows("192.0.2.7")
    await bench.request(destination=destination)
    failed = await bench.run()
    assert failed.state == "failed"
    assert told in failed.reason
    with pytest.raises(ConfigurationError, match=told):
        await bench.runner.check(destination)


async def test_a_destination_says_what_it_is(bench: Bench) -> None:
    assert await bench.runner.check("alpha") == "a file"
    bench.feels("down")
    with pytest.raises(ConnectionFailedError):
        await bench.runner.check("alpha")


async def test_what_takes_too_long_is_stopped(database: Database, tmp_path: Path) -> None:
    bench = bench_of(database, tmp_path, ManualClock(), time_limit=0.05)
    bench.knows("192.0.2.7")
    await bench.request()
    bench.feels("slow")
    stopped = await bench.run()
    assert (stopped.state, stopped.attempts) == ("waiting", 1)
    assert "took longer" in stopped.reason


async def test_who_is_stopped_gives_it_back_at_once(bench: Bench) -> None:
    bench.knows("192.0.2.7")
    made = await bench.request()
    bench.feels("slow")
    running = asyncio.create_task(bench.runner.run_next())
    await _until_running(bench, made.uuid)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    back = await bench.exports.get(made.uuid)
    assert (back.state, back.attempts) == ("waiting", 0)
    bench.feels("")
    assert (await bench.runner.run_one(made.uuid)).state == "done"


async def test_who_is_stopped_while_it_takes_one_gives_it_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.knows("192.0.2.7")
    made = await bench.request()
    taken, told, lease = asyncio.Event(), asyncio.Event(), ExportTaking.lease

    async def slowly(taking: ExportTaking) -> Export | None:
        export = await lease(taking)
        taken.set()
        await told.wait()
        return export

    monkeypatch.setattr(ExportTaking, "lease", slowly)
    running = asyncio.create_task(bench.runner.run_next())
    await taken.wait()
    assert (await bench.exports.get(made.uuid)).state == "running"
    running.cancel()
    told.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    given_back = await bench.exports.get(made.uuid)
    assert (given_back.state, given_back.attempts) == ("waiting", 0)


async def test_who_lost_it_sends_nothing_more(database: Database, tmp_path: Path) -> None:
    bench = bench_of(database, tmp_path, SystemClock(), lease=1)
    bench.knows("192.0.2.7")
    made = await bench.request()
    bench.feels("slow")
    running = asyncio.create_task(bench.runner.run_next())
    async with asyncio.timeout(PATIENCE):
        # Not before it waits at its destination: it would not be slow any more.
        while not waiting_file(bench.path).exists():
            await asyncio.sleep(0.01)
    # Another life of the same agent: as after a restart that the first one does not know of.
    other = bench_of(database, tmp_path, SystemClock())
    other.given.found = bench.given.found
    other.feels("")
    ran = await other.run()
    assert ran.state == "done"
    lost = await running
    assert lost is not None
    assert lost.uuid == made.uuid
    assert bench.held["requests"] == 1


async def test_one_that_somebody_runs_cannot_be_run(bench: Bench) -> None:
    bench.knows("192.0.2.7")
    made = await bench.request()
    await bench.run()
    with pytest.raises(ConflictError):
        await bench.runner.run_one(made.uuid)


DIES = """
import asyncio, sys
from pathlib import Path
from registry.database import Database
from tests.registry.test_export_running import bench_of
from vedette.clock import SystemClock

async def run() -> None:
    with Database(sys.argv[1]) as database:
        bench = bench_of(database, Path(sys.argv[2]), SystemClock())
        bench.knows("192.0.2.7")
        await bench.runner.run_next()

asyncio.run(run())
"""


async def test_what_a_killed_process_had_is_done_once_by_the_next(tmp_path: Path, migrated_file: Path) -> None:
    shutil.copyfile(migrated_file, tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Database(url) as database:
        bench = bench_of(database, tmp_path, SystemClock())
        bench.knows("192.0.2.7")
        made = await bench.request()
        bench.feels("dies")
        died = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES, url, str(tmp_path), cwd=ROOT)
        assert await died.wait() == 9
        assert (await bench.exports.get(made.uuid)).state == "running"
        bench.feels("")
        done = await bench.run()
        assert (done.uuid, done.state, bench.held["requests"]) == (made.uuid, "done", 1)


async def _until_running(bench: Bench, uuid: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await bench.exports.get(uuid)).state != "running":
            await asyncio.sleep(0.01)
