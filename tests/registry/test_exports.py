"""Exports: asked for, taken, settled, decided about; on both databases."""

from __future__ import annotations

import asyncio

import pytest

from registry import export_asking
from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.export_memory import MAX_KEY
from registry.export_status import export_figures, read_destinations
from registry.export_taking import LEASE, ExportTaking
from registry.export_work import AT_ONCE, MAX_LOST, Runner
from registry.exports import Exports, UnknownExportError
from vedette.clock import MICROSECONDS, ManualClock
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConflictError, RefusedError, StoreError
from vedette.sharing.exporter import MAX_SHOWN, Change, Exported, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import Export, ExportRequest

ANNA = Actor(who="user anna", origin="192.0.2.1")
SHARING = SharingSection.model_validate(
    {
        "destinations": [
            {"name": "alpha", "exporter": "test"},
            {"name": "beta", "exporter": "test"},
            {"name": "guarded", "exporter": "test", "approval": True},
        ],
        "shares": [{"name": "scans", "select": "type=scan since=1h", "to": ["alpha"]}],
    }
)
PLAN = Plan(digest="d1", changes=(Change(action="add", what="attribute ip-dst 192.0.2.7", after="x"),), total=1)


def exports_of(database: Database, clock: ManualClock) -> Exports:
    return Exports(database=database, clock=clock, sharing=SHARING)


def runner_of(exports: Exports, name: str = "misp@localhost", life: str = "1") -> ExportTaking:
    return ExportTaking(exports=exports, runner=Runner(name=name, life=life))


def wanted(target: str = "192.0.2.7", destination: str = "alpha", **more: object) -> ExportRequest:
    return ExportRequest.model_validate({"select": f"target={target}", "destination": destination, **more})


async def taken(taking: ExportTaking) -> Export:
    found = await taking.lease()
    assert found is not None
    return found


async def test_a_request_is_entered_once_audited_and_done(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    first = await exports.request(wanted(), by=ANNA)
    assert (first.state, first.key, first.requested_by) == ("waiting", "target:192.0.2.7", "user anna")
    assert (await exports.request(wanted(), by=ANNA)).uuid == first.uuid
    audit = await Audit(database=database, clock=clock).page()
    assert [(entry.action, entry.object) for entry in audit.entries] == [("export.request", first.uuid)]

    taking = runner_of(exports)
    running = await taken(taking)
    assert (running.uuid, running.state, running.attempts) == (first.uuid, "running", 1)
    assert await taking.lease() is None
    outcome = Exported(
        sent=3, unchanged=1, requests=1, withheld=(Withheld(what="x", reason="own"),), address="https://m"
    )
    ended = await taking.done(first.uuid, outcome, title="192.0.2.7")
    assert (ended.state, ended.title, ended.exported) == ("done", "192.0.2.7", outcome)
    status = (await exports.status())[0]
    assert (status.name, status.sent, status.waiting, status.last_done_at) == ("alpha", 3, 0, clock.now())
    assert list(status.withheld) == [("own", 1)]


async def test_what_asks_while_it_runs_is_another_export(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    first = await exports.request(wanted(), by=ANNA)
    taking = runner_of(exports)
    await taken(taking)
    second = await exports.request(wanted(), by=ANNA)
    assert second.uuid != first.uuid
    assert await taking.lease() is None, "one export of a destination runs at a time"
    await taking.done(first.uuid, Exported(), title="")
    assert (await taken(taking)).uuid == second.uuid


async def test_a_burst_is_one_export_that_waits_until_it_settles(database: Database) -> None:
    clock = ManualClock()
    exports, made = exports_of(database, clock), set()
    for _ in range(50):
        share = ExportRequest(select="share=scans type=scan since=1h", destination="alpha", share="scans")
        made.add((await exports.request(share, by=ANNA, settle=30)).uuid)
        clock.advance(0.1)
    assert len(made) == 1
    taking = runner_of(exports)
    assert await taking.lease() is None
    clock.advance(30)
    assert (await taken(taking)).woken_at == clock.now() - int(30.1 * MICROSECONDS)


async def test_many_are_entered_together_each_once_and_all_or_none_of_a_destination(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = exports_of(database, ManualClock())
    known = await exports.request(wanted(), by=ANNA)
    targets = ["192.0.2.7", *(f"198.51.100.{number}" for number in range(150)), "198.51.100.3"]
    requests = [wanted(target, destination) for target in targets for destination in ("alpha", "beta")]
    made = await exports.request_all(requests, by=ANNA)
    assert len(made) == len({one.uuid for one in made}) == 302
    assert known.uuid in {one.uuid for one in made}
    assert {one.uuid for one in await exports.request_all(requests, by=ANNA)} == {one.uuid for one in made}
    assert await exports.request_all([], by=ANNA) == []

    monkeypatch.setattr(export_asking, "MAX_OPEN", 303)
    with pytest.raises(RefusedError, match="303 wait already"):
        await exports.request_all([wanted("203.0.113.1"), wanted("203.0.113.2")], by=ANNA)
    assert len((await exports.page(limit=500)).rows) == 302
    await exports.request_all([wanted("203.0.113.1")], by=ANNA)


async def test_who_decides_and_who_wakes_at_once_do_not_block_each_other(store_url: str) -> None:
    with Database(store_url) as one, Database(store_url) as other:
        hub, agent = exports_of(one, ManualClock()), exports_of(other, ManualClock())
        requests = [wanted(f"198.51.100.{number}") for number in range(30)]
        made = await hub.request_all(requests, by=ANNA)
        new = [[wanted(f"203.0.113.{turn}{number}") for number in range(5)] for turn in range(6)]
        waking = [agent.request_all([*requests, *some], by=ANNA) for some in new]
        rejecting = [hub.reject(export.uuid, by=ANNA, why="not needed") for export in reversed(made)]
        await asyncio.gather(*rejecting, *waking)
        assert {export.uuid for export in made} == {
            export.uuid for export in (await hub.page(state="rejected", limit=500)).rows
        }


async def test_many_who_ask_at_once_get_one_export(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    made = await asyncio.gather(*(exports.request(wanted(), by=ANNA) for _ in range(40)))
    assert len({one.uuid for one in made}) == 1


async def test_two_processes_never_run_one_destination(store_url: str) -> None:
    clock = ManualClock()
    with Database(store_url) as one, Database(store_url) as other:
        both = [exports_of(one, clock), exports_of(other, clock)]
        for number in range(1, 9):
            for destination in ("alpha", "beta"):
                await both[0].request(wanted(f"192.0.2.{number}", destination), by=ANNA)
        takers = [runner_of(exports, f"agent{number}@localhost") for number, exports in enumerate(both)]
        done: set[str] = set()
        for _ in range(40):
            pairs = zip(takers * 2, await asyncio.gather(*(taker.lease() for taker in takers * 2)), strict=True)
            found = [(taker, leased) for taker, leased in pairs if leased is not None]
            names = [leased.destination for _, leased in found]
            assert len(set(names)) == len(names)
            for taker, leased in found:
                assert leased.uuid not in done
                done.add(leased.uuid)
                await taker.done(leased.uuid, Exported(), title="")
            if len(done) == 16:
                return
        pytest.fail(f"only {len(done)} of 16 were run")


async def test_what_a_process_died_of_is_begun_again_and_given_up_in_the_end(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    made = await exports.request(wanted(), by=ANNA)
    for life in range(MAX_LOST):
        assert (await taken(runner_of(exports, life=str(life)))).uuid == made.uuid
        if life >= AT_ONCE:
            assert await runner_of(exports, life=f"after {life}").lease() is None
            clock.advance(1_800)
    assert await runner_of(exports, life="last").lease() is None
    failed = await exports.get(made.uuid)
    assert failed.state == "failed"
    assert "died" in failed.reason
    again = await exports.retry(made.uuid, by=ANNA)
    assert (again.state, again.attempts) == ("waiting", 0)


async def test_a_lease_that_ends_is_anothers_and_the_first_settles_nothing(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    made = await exports.request(wanted(), by=ANNA)
    first, second = runner_of(exports, "one@localhost"), runner_of(exports, "two@localhost")
    await taken(first)
    clock.advance(LEASE - 1)
    await first.renew(made.uuid)
    clock.advance(LEASE - 1)
    assert await second.lease() is None
    clock.advance(2)
    assert (await taken(second)).uuid == made.uuid
    for settled in (first.renew(made.uuid), first.done(made.uuid, Exported(sent=9), title="")):
        with pytest.raises(ConflictError):
            await settled
    await second.done(made.uuid, Exported(sent=1), title="")
    assert (await exports.status())[0].sent == 1


async def test_a_clock_that_was_put_back_holds_nothing_up(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    await exports.request(wanted(), by=ANNA)
    await taken(runner_of(exports, "one@localhost"))
    clock.jump(-86_400 * 365)
    await exports.request(wanted(), by=ANNA)
    assert await runner_of(exports, "two@localhost").lease() is not None


async def test_a_destination_that_fails_is_left_alone_and_others_go_on(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    for number in (1, 2):
        await exports.request(wanted(f"192.0.2.{number}"), by=ANNA)
    other = await exports.request(wanted(destination="beta"), by=ANNA)
    taking = runner_of(exports)
    failed = await taken(taking)
    await taking.again(failed.uuid, "m: refused", seconds=60)
    assert (await taken(taking)).uuid == other.uuid
    assert await taking.lease() is None, "the other export of alpha waits, too"
    status = (await exports.status())[0]
    assert (status.waiting, status.last_reason, status.last_failed_at) == (2, "m: refused", clock.now())
    assert await taking.failures("alpha") == 1
    clock.advance(60)
    next_one = await taken(taking)
    await taking.done(next_one.uuid, Exported(), title="")
    assert (await exports.status())[0].last_reason == ""


async def test_what_waits_for_something_else_is_no_attempt(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    made = await exports.request(wanted(), by=ANNA)
    taking = runner_of(exports)
    for _ in range(3):
        await taken(taking)
        put_off = await taking.put_off(made.uuid, "a proof is awaited", seconds=5)
        assert (put_off.attempts, put_off.reason) == (0, "a proof is awaited")
        clock.advance(5)
    assert (await exports.status())[0].last_reason == ""


async def test_a_plan_is_approved_as_it_was_seen(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    made = await exports.request(wanted(destination="guarded"), by=ANNA)
    assert made.approval, "the destination wants it, whoever asks"
    taking = runner_of(exports)
    await taken(taking)
    planned = await taking.approval(made.uuid, PLAN, title="192.0.2.7")
    assert (planned.state, planned.plan) == ("approval", PLAN)
    assert (await exports.status())[2].approvals == 1
    with pytest.raises(ConflictError):
        await exports.approve(made.uuid, by=ANNA, digest="other")
    approved = await exports.approve(made.uuid, by=ANNA, digest="d1")
    assert (approved.state, approved.approved, approved.decided_by) == ("waiting", "d1", "user anna")
    with pytest.raises(ConflictError):
        await exports.approve(made.uuid, by=ANNA, digest="d1")
    await taken(taking)
    # It changed meanwhile: somebody looks again.
    asked = await taking.approval(made.uuid, Plan(digest="d2", total=1), title="t", reason="changed")
    assert (asked.state, asked.approved, asked.decided_by) == ("approval", "", "")


async def test_what_was_rejected_is_not_asked_about_again_until_it_differs(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    taking = runner_of(exports)
    made = await exports.request(wanted(approval=True), by=ANNA)
    await taken(taking)
    await taking.approval(made.uuid, PLAN, title="t")
    with pytest.raises(RefusedError):
        await exports.reject(made.uuid, by=ANNA, why="  ")
    rejected = await exports.reject(made.uuid, by=ANNA, why="not theirs")
    assert (rejected.state, rejected.reason) == ("rejected", "not theirs")
    for digest, state in (("d1", "rejected"), ("d1", "rejected"), ("d2", "approval")):
        made = await exports.request(wanted(approval=True), by=ANNA)
        await taken(taking)
        settled = await taking.approval(made.uuid, Plan(digest=digest, total=1), title="t")
        assert settled.state == state
    last = (await exports.page(state="rejected")).rows[0]
    assert (last.decided_by, last.reason) == ("user anna", "not theirs")


async def test_an_item_that_comes_while_a_plan_waits_has_it_made_again(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    taking = runner_of(exports)
    made = await exports.request(wanted(approval=True), by=ANNA)
    await taken(taking)
    await taking.approval(made.uuid, PLAN, title="t")
    woken = await exports.request(wanted(approval=True), by=ANNA)
    assert (woken.uuid, woken.state) == (made.uuid, "waiting")
    with pytest.raises(ConflictError):
        await exports.approve(made.uuid, by=ANNA, digest="d1")


async def test_what_cannot_be_is_refused(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    for request in (
        wanted(destination="gamma"),
        wanted(share="others"),
        ExportRequest(select="colour=red", destination="alpha"),
    ):
        with pytest.raises(RefusedError):
            await exports.request(request, by=ANNA)
    for asked in (
        exports.get("none"),
        exports.approve("none", by=ANNA, digest="d"),
        exports.reject("no\0ne", by=ANNA, why="w"),
        exports.retry("none", by=ANNA),
        runner_of(exports).take("none"),
    ):
        with pytest.raises(UnknownExportError):
            await asked


async def test_one_can_be_taken_out_of_its_turn(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    first = await exports.request(wanted("192.0.2.1"), by=ANNA)
    second = await exports.request(wanted("192.0.2.2"), by=ANNA, settle=500)
    taking = runner_of(exports)
    assert (await taking.take(second.uuid)).state == "running"
    for uuid in (first.uuid, second.uuid):
        with pytest.raises(ConflictError):
            await taking.take(uuid)


async def test_a_plan_of_any_size_is_kept_in_bounds(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    made = await exports.request(wanted(dry_run=True), by=ANNA)
    taking = runner_of(exports)
    await taken(taking)
    changes = tuple(Change(action="add", what="x" * 5_000 + "\0\ud800", after="y") for _ in range(MAX_SHOWN + 5))
    withheld = tuple(Withheld(what=f"{number}", reason=f"reason {number % 40}") for number in range(3_000))
    plan = Plan(digest="d", changes=changes, total=len(changes), withheld=withheld)
    await taking.planned(made.uuid, plan, title="t" * 10_000)
    kept = (await exports.get(made.uuid)).plan
    assert kept is not None
    assert (len(kept.changes), kept.total, len(kept.withheld)) == (MAX_SHOWN, MAX_SHOWN + 5, MAX_SHOWN)
    assert max(len(change.what) for change in kept.changes) == 1_000
    counted = (await exports.status())[0].withheld
    assert sum(count for _, count in counted) == 3_000
    assert len(counted) == 21


async def test_memory_is_each_destinations_own_and_outlives_exports(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    alpha, beta = exports.memory("alpha"), exports.memory("beta")
    many = {f"key{number}": str(number) for number in range(1_200)}
    await alpha.remember({**many, "gone": None})
    await beta.remember({"key1": "other"})
    await alpha.remember({"key1": None, "key2": "new"})
    assert await alpha.recall([*many, "absent"]) == {
        key: "new" if key == "key2" else value for key, value in many.items() if key != "key1"
    }
    assert await beta.recall(["key1"]) == {"key1": "other"}
    for wrong in ({"k" * (MAX_KEY + 1): "v"}, {"k": "\0"}):
        with pytest.raises(StoreError):
            await alpha.remember({"kept": "no", **wrong})
    assert await alpha.recall(["kept"]) == {}


async def test_what_ended_long_ago_is_forgotten(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    taking = runner_of(exports)
    for number in range(1, 4):
        made = await exports.request(wanted(f"192.0.2.{number}"), by=ANNA)
        await taken(taking)
        await taking.failed(made.uuid, "no")
        clock.advance(86_400)
    kept = await exports.request(wanted("192.0.2.9"), by=ANNA)
    clock.advance(3_600)
    assert await exports.prune(days=2) == 2
    assert [one.state for one in (await exports.page()).rows] == ["waiting", "failed"]
    assert (await exports.page()).rows[0].uuid == kept.uuid


async def test_repairs_and_metrics_see_what_is_wrong(database: Database) -> None:
    clock = ManualClock()
    exports = exports_of(database, clock)
    taking = runner_of(exports)
    given_up = await exports.request(wanted("192.0.2.1"), by=ANNA)
    await taken(taking)
    await taking.failed(given_up.uuid, "deleted there")
    since = clock.now()
    clock.advance(5)
    waiting = await exports.request(wanted("192.0.2.2"), by=ANNA)
    await taken(taking)
    await taking.again(waiting.uuid, "down", seconds=60)
    approval = await exports.request(wanted("192.0.2.3", "guarded"), by=ANNA)
    await taken(taking)
    await taking.approval(approval.uuid, PLAN, title="t")
    alpha, guarded = await database.read(read_destinations)
    assert (alpha.name, alpha.waiting, alpha.failing_since, alpha.last_reason) == ("alpha", 1, since, "down")
    assert (alpha.given_up, alpha.last_failure) == (1, "deleted there")
    assert (guarded.name, guarded.approvals, guarded.approval_since) == ("guarded", 1, clock.now())
    counts, sent = await database.read(export_figures)
    assert (counts["failed"], counts["waiting"], counts["approval"], counts["done"], sent) == (1, 1, 1, 0, 0)
    # What is asked for again is no failure of the past any more.
    await exports.request(wanted("192.0.2.1"), by=ANNA)
    assert (await database.read(read_destinations))[0].given_up == 0


async def test_lists_are_filtered_and_go_on(database: Database) -> None:
    exports = exports_of(database, ManualClock())
    for number in range(1, 6):
        await exports.request(wanted(f"192.0.2.{number}"), by=ANNA)
    page = await exports.page(destination="alpha", state="waiting", limit=3)
    assert [one.key[-1] for one in page.rows] == ["5", "4", "3"]
    rest = await exports.page(destination="alpha", state="waiting", limit=3, cursor=page.next)
    assert [one.key[-1] for one in rest.rows] == ["2", "1"]
    assert (await exports.page(share="scans")).rows == []
