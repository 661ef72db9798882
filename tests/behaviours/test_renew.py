"""A record that ages: two generations of authorities, then a new digest, and the bundle still verifies."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from behaviours.renew import Renew, RenewalRun
from registry import tables
from registry.alarms import Alarms
from registry.database import Database
from registry.directory import Directory
from registry.evidence_tables import evidence_record
from registry.intake import Intake
from registry.proofs import Proofs
from registry.renewals import Renewals
from registry.revocation_lists import RevocationLists
from tests.registry.payloads import change_payload
from tests.vedette.evidence.sample import BASH
from vedette.clock import ManualClock
from vedette.evidence.algorithm_lifetimes import LIFETIMES, Lifetimes
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import root_of
from vedette.evidence.record import covered_hash, read_record
from vedette.evidence.renewal_policy import LEAD, Cause, RenewalKind
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import read_token
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role

ENGINE = "engine@localhost"
DAYS = 86_400.0
TSA_DAYS = 3_650


class Station:
    """A store with items, stamped by an authority that grows old."""

    def __init__(self, *, database: Database, clock: ManualClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.folder = folder
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.alarms = Alarms(database=database, clock=clock)
        self.renewals = Renewals(database=database, clock=clock)
        self.roots: list[bytes] = []

    def authority(self, name: str, *, external: bool = True) -> LocalAuthority:
        """An authority with certificates from now on."""
        made = LocalAuthority.open(
            self.folder / f"{name}-{len(self.roots)}", clock=self.clock, create=True, name=name
        )
        made.external = external
        self.roots.append((self.folder / f"{name}-{len(self.roots)}" / "roots.pem").read_bytes())
        return made

    @property
    def trust(self) -> TrustRoots:
        return TrustRoots.from_pem(b"".join(self.roots), place="test")

    async def collect(self, sender: Any, authority: TimestampAuthority, *, items: int, batches: int = 1) -> list[str]:
        """Commit, batch and stamp items; returns their uuids."""
        await Directory(database=self.database, clock=self.clock).enrol(
            sender.jid, role=Role.PROBE, public_key=sender.key.verifying.text
        )
        intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        await intake.open()
        delivery = sender.deliver(count=items, received_at=self.clock.now())
        await intake.commit([delivery])
        while (batch := await self.proofs.close_batch(max_items=-(-items // batches))) is not None:
            await self.stamp(batch, authority)
        return [item.uuid for item in delivery.items]

    async def stamp(self, batch: Any, authority: TimestampAuthority) -> None:
        token = await authority.stamp(batch.root)
        await self.proofs.store_token(batch=batch, tsa=authority.name, external=authority.external, token=token)

    def run(self, *authorities: TimestampAuthority, lifetimes: Lifetimes = LIFETIMES) -> RenewalRun:
        return RenewalRun(
            renewals=self.renewals,
            lists=RevocationLists(database=self.database, clock=self.clock),
            alarms=self.alarms,
            authorities=authorities,
            clock=self.clock,
            lifetimes=lifetimes,
        )

    async def bundle(self, uuid: str) -> bytes:
        return build_bundle(await self.proofs.bundle_contents(uuid))

    async def check(self, uuid: str) -> str:
        """Verify an item's bundle and return what is said of its first time-stamp."""
        verdict = verify_bundle(await self.bundle(uuid), roots=self.trust, now=self.clock.now())
        assert verdict.ok, verdict.reasons
        return next(check.text for check in verdict.checks if check.name.startswith("time-stamp of"))


def run_script(folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Unpack bundle.zip and run its verify.sh with roots.pem."""
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        archive.extractall(folder / "bundle")
    return subprocess.run([BASH, "verify.sh", folder / "roots.pem"], cwd=folder / "bundle", capture_output=True)


@pytest.fixture
def station(database: Database, clock: ManualClock, tmp_path: Path) -> Station:
    return Station(database=database, clock=clock, folder=tmp_path)


# No algorithm ends in these tests but those that a test says.
NO_ENDS: dict[str, int | None] = dict.fromkeys(LIFETIMES)


@pytest.mark.parametrize("items", [1, 5])
async def test_two_generations_and_a_new_digest_still_verify(station: Station, sender: Any, items: int) -> None:
    first = station.authority("one")
    uuids = await station.collect(sender, first, items=items)
    assert (await station.run(first, lifetimes=NO_ENDS).run()).renewed == 0
    assert "renewals" not in await station.check(uuids[0])

    station.clock.advance((TSA_DAYS - 179) * DAYS)
    second = station.authority("one")
    report = await station.run(second, lifetimes=NO_ENDS).run()
    assert (report.renewed, report.tokens, report.left) == (1, 1, ())
    station.clock.advance(400 * DAYS)
    assert "renewals: 1, anchored" in await station.check(uuids[-1])
    assert "should have been renewed" not in await station.check(uuids[-1])

    ends = NO_ENDS | {"sha256": station.clock.now() + LEAD - 1}
    (due,) = await station.run(second, lifetimes=ends).due()
    assert (due.kind, due.digest, due.cause) == (RenewalKind.HASHTREE, "sha512", Cause.DIGEST)
    report = await station.run(second, lifetimes=ends).run()
    assert (report.renewed, report.left) == (1, ())

    station.clock.advance((TSA_DAYS - 400 - 100) * DAYS)
    third = station.authority("one")
    assert (await station.run(third, lifetimes=NO_ENDS).run()).renewed == 1
    station.clock.advance(500 * DAYS)
    for uuid in uuids:
        assert "renewals: 3" in await station.check(uuid)
        contents = await station.proofs.bundle_contents(uuid)
        record = read_record(contents.tokens[0].record or b"")
        assert [[stamp.digest for stamp in chain] for chain in record.chains] == [["sha256"] * 2, ["sha512"] * 2]
        verdict = verify_bundle(await station.bundle(uuid), roots=station.trust, now=station.clock.now())
        assert "bound by sha512 too" in next(check.text for check in verdict.checks if check.name == "payload")
    # Each generation of roots is needed: the chain of proof is as long as the record.
    for missing in range(3):
        roots = TrustRoots.from_pem(b"".join(station.roots[:missing] + station.roots[missing + 1 :]), place="t")
        assert not verify_bundle(await station.bundle(uuids[0]), roots=roots, now=station.clock.now()).anchored


async def test_openssl_verifies_the_first_token_and_every_renewal(
    station: Station, sender: Any, tmp_path: Path, openssl: Any
) -> None:
    first = station.authority("one")
    (uuid, _) = await station.collect(sender, first, items=2)
    station.clock.advance((TSA_DAYS - 179) * DAYS)
    second = station.authority("one")
    ends = NO_ENDS | {"sha256": station.clock.now()}
    assert (await station.run(second, lifetimes=ends).run()).renewed == 1

    contents = await station.proofs.bundle_contents(uuid)
    (tmp_path / "roots.pem").write_bytes(b"".join(station.roots))
    (tmp_path / "bundle.zip").write_bytes(build_bundle(contents))
    done = run_script(tmp_path)
    assert done.returncode == 0, done.stderr
    verified = verify_bundle(build_bundle(contents), roots=station.trust, now=station.clock.now())
    assert verified.ok
    record = read_record(contents.tokens[0].record or b"")
    for number, chain in enumerate(record.chains):
        (stamp,) = chain
        root = root_of(stamp.path, covered_hash(record, contents.statement, number, 0), stamp.digest)
        gen_time = read_token(stamp.token).info.gen_time // 1_000_000
        assert openssl.accepts(roots_pem=b"".join(station.roots), token=stamp.token, digest=root, at=gen_time)
        assert not openssl.accepts(
            roots_pem=b"".join(station.roots), token=stamp.token, digest=root[::-1], at=gen_time
        )


async def test_one_token_renews_many_batches(station: Station, sender: Any) -> None:
    first = station.authority("one")
    uuids = await station.collect(sender, first, items=40, batches=20)
    station.clock.advance((TSA_DAYS - 100) * DAYS)
    second = station.authority("one")

    report = await station.run(second, lifetimes=NO_ENDS).run()

    assert (report.renewed, report.tokens, await station.renewals.count()) == (20, 1, 1)
    for uuid in (uuids[0], uuids[19], uuids[-1]):
        assert "renewals: 1" in await station.check(uuid)


async def test_a_payload_deleted_after_the_renewal_leaves_the_record_as_it_is(station: Station, sender: Any) -> None:
    first = station.authority("one")
    uuids = await station.collect(sender, first, items=3)
    ends = NO_ENDS | {"sha256": station.clock.now()}
    assert (await station.run(first, lifetimes=ends).run()).renewed == 1
    await station.database.write(lambda connection: change_payload(connection, uuids[0], None))

    for uuid in uuids:
        assert "renewals: 1" in await station.check(uuid)


async def test_changed_items_get_no_fresh_time_stamp_and_do_not_hold_up_others(station: Station, sender: Any) -> None:
    first = station.authority("one")
    uuids = await station.collect(sender, first, items=6, batches=3)

    def tamper(connection: Connection) -> None:
        item = tables.item
        change_payload(connection, uuids[0], b"other")
        connection.execute(delete(item).where(item.c.uuid == uuids[2]))

    await station.database.write(tamper)
    ends = NO_ENDS | {"sha256": station.clock.now()}
    report = await station.run(first, lifetimes=ends).run()

    assert report.renewed == 1
    assert "not what was proved" in report.left[0]
    assert "items are missing" in report.left[0]
    assert [alarm.kind for alarm in await station.alarms.all()] == ["renewal"]
    assert "renewals: 1" in await station.check(uuids[-1])


async def test_an_authority_whose_own_certificate_ends_is_no_cure(station: Station, sender: Any) -> None:
    first = station.authority("one")
    await station.collect(sender, first, items=1)
    station.clock.advance((TSA_DAYS - 100) * DAYS)

    for _ in range(2):
        report = await station.run(first, lifetimes=NO_ENDS).run()
        assert report.renewed == 0
        assert "needs a new certificate" in report.left[0]
    assert len(await station.alarms.all()) == 1, "the same alarm is raised once"

    other = station.authority("two")
    assert (await station.run(first, other, lifetimes=NO_ENDS).run()).renewed == 1


async def test_an_outsiders_time_stamp_never_comes_to_rest_on_the_local_authority(
    station: Station, sender: Any
) -> None:
    outside = station.authority("one")
    await station.collect(sender, outside, items=1)
    station.clock.advance((TSA_DAYS - 100) * DAYS)
    local = station.authority("local", external=False)

    report = await station.run(local, lifetimes=NO_ENDS).run()

    assert (report.renewed, "no external authority" in report.left[0]) == (0, True)


async def test_what_has_expired_is_an_alarm_and_is_left_as_it_is(station: Station, sender: Any) -> None:
    first = station.authority("one")
    (uuid,) = await station.collect(sender, first, items=1)
    station.clock.advance((TSA_DAYS + 1) * DAYS)

    report = await station.run(station.authority("one"), lifetimes=NO_ENDS).run()

    assert (report.renewed, "too late" in report.left[0]) == (0, True)
    assert "should have been renewed" in await station.check(uuid)


async def test_two_runs_at_once_renew_a_record_once(station: Station, sender: Any) -> None:
    first = station.authority("one")
    await station.collect(sender, first, items=2)
    station.clock.advance((TSA_DAYS - 100) * DAYS)
    second = station.authority("one")
    (due,) = await station.run(lifetimes=NO_ENDS).due()
    batch = await station.renewals.prepare(due, limit=10)
    assert batch is not None
    assert (await station.run(second, lifetimes=NO_ENDS).run()).renewed == 1

    token = await second.stamp(batch.tree.root)
    with pytest.raises(Exception, match=r"renewal_path|duplicate"):
        await station.renewals.store(batch, token, tsa="one", external=True)
    assert await station.renewals.count() == 1


async def test_the_behaviour_runs_once_a_day(station: Station, sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("behaviours.renew.LOOK_EVERY", 0.0)
    first = station.authority("one")
    await station.collect(sender, first, items=1)
    station.clock.advance((TSA_DAYS - 100) * DAYS)
    behaviour = Renew(
        clock=station.clock, agent_name="engine", renewal=station.run(station.authority("one"), lifetimes=NO_ENDS)
    )
    await behaviour.run()
    assert behaviour.counters["records renewed"] == 1
    record = evidence_record
    again = update(record).values(not_after=station.clock.now() + 1)
    await station.database.write(lambda connection: connection.execute(again) and None)
    await behaviour.run()
    assert behaviour.counters["records renewed"] == 1
    station.clock.advance(1.0 * DAYS)
    await station.database.write(
        lambda connection: connection.execute(again.values(not_after=station.clock.now() + 1)) and None
    )
    await behaviour.run()
    assert behaviour.counters["records renewed"] == 2
