"""The exporter `sql`, in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, inspect, text

from tests.registry.postgresql import empty_database
from tests.sharing_cases import empty, everything, hostile, large, scanned
from tests.sharing_memory import connect, silent_port
from tests.sharing_parts import fact
from tests.timing import PATIENCE
from vedette.clock import ManualClock
from vedette.errors import ConfigurationError, ConnectionFailedError
from vedette.sharing.exporter import ComeAgainError, Destination, ExportError
from vedette.sharing.investigation import Investigation
from vedette.sharing.sinks.sql import Sql

KINDS = ("fact", "edge", "scan", "proof")


@dataclass
class Target:
    """A database of somebody else."""

    url: str
    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def destination(self, **settings: Any) -> Destination:
        return connect(Sql(), self.folder, clock=self.clock, **({"url": self.url} | settings))

    def engine(self) -> Engine:
        return create_engine(self.url, poolclass=NullPool)

    def execute(self, statement: str) -> list[dict[str, Any]]:
        with self.engine().begin() as connection:
            done = connection.execute(text(statement))
            return [dict(row) for row in done.mappings()] if done.returns_rows else []

    def rows(self, kind: str, *, prefix: str = "vedette_") -> list[dict[str, Any]]:
        return self.execute(f'SELECT * FROM "{prefix}{kind}" ORDER BY id')  # noqa: S608

    def everything(self) -> list[list[dict[str, Any]]]:
        return [self.rows(kind) for kind in KINDS]

    def tables(self) -> set[str]:
        return set(inspect(self.engine()).get_table_names())


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "sqlite":
        yield Target(f"sqlite:///{tmp_path / 'theirs.db'}", tmp_path)
        return
    folder: Path = request.getfixturevalue("postgres_folder")
    with empty_database(folder) as url:
        yield Target(url, tmp_path)


async def test_everything_arrives_and_the_second_time_nothing_is_written(target: Target) -> None:
    destination, investigation = target.destination(), everything()
    plan = await destination.plan(investigation)
    # Planning changes nothing, not even the file.
    assert target.tables() == set()
    done = await destination.send(investigation, only=plan.digest)
    assert (done.sent, done.requests, done.unchanged) == (plan.total, 1, 0)
    assert list(done.withheld) == list(investigation.withheld)
    counts = [len(target.rows(kind)) for kind in KINDS]
    lists = (investigation.facts, investigation.edges, investigation.scans, investigation.proofs)
    assert counts == [len(ones) for ones in lists]
    whole = target.everything()
    again = await destination.send(investigation)
    assert (again.sent, again.requests, again.unchanged) == (0, 0, plan.total)
    assert (await destination.plan(investigation)).total == 0
    assert target.everything() == whole


async def test_a_row_says_what_is_known(target: Target) -> None:
    investigation = scanned()
    await target.destination().send(investigation)
    row = next(one for one in target.rows("fact") if one["name"] == "192.0.2.7:443")
    assert (row["vertex_type"], row["observable_type"]) == ("Observable", "Socket Address")
    assert json.loads(str(row["properties"]))["service"] == "https"
    assert (row["investigation"], row["key"]) == (str(investigation.uuid), investigation.key)
    assert (row["tlp"], bool(row["own"]), bool(row["alarming"])) == ("amber", True, False)
    assert row["first_seen"] == 1_795_305_600_123_456
    assert row["withdrawn_at"] is None
    (scan,) = target.rows("scan")
    assert bytes(scan["raw"]) == investigation.scans[0].raw
    (proof,) = target.rows("proof")
    assert str(proof["statement"]).encode() == investigation.proofs[0].statement
    assert bytes(proof["bundle"]) == investigation.proofs[0].bundle


async def test_what_changed_changes_what_is_gone_is_marked_and_what_returns_is_restored(target: Target) -> None:
    destination, investigation = target.destination(), scanned()
    await destination.send(investigation)
    facts = list(investigation.facts)
    gone = facts.pop().vertex
    changed = replace(facts[0], confidence=0.5)
    now = replace(investigation, facts=[changed, *facts[1:]])
    plan = await destination.plan(now)
    kind, other = (f"{one.type}/{one.observable_type}" for one in (changed.vertex, gone))
    assert [str(one) for one in plan.changes] == [
        f"~ fact {kind} {changed.vertex.name}: confidence 1.0 -> confidence 0.5",
        f"- fact {other} {gone.name}",
    ]
    target.clock.advance(60)
    assert (await destination.send(now, only=plan.digest)).sent == 2
    rows = {row["vertex"]: row for row in target.rows("fact")}
    assert rows[gone.id]["withdrawn_at"] == target.clock.now()
    assert rows[changed.vertex.id]["confidence"] == 0.5
    assert sum(row["withdrawn_at"] is not None for row in rows.values()) == 1
    assert (await destination.plan(now)).total == 0

    back = await destination.plan(investigation)
    assert [change.action for change in back.changes] == ["change", "restore"]
    await destination.send(investigation, only=back.digest)
    assert all(row["withdrawn_at"] is None for row in target.rows("fact"))
    assert len(target.rows("fact")) == len(investigation.facts)


async def test_another_investigation_and_another_table_are_left_alone(target: Target) -> None:
    target.execute("CREATE TABLE theirs (id INTEGER)")
    await target.destination().send(scanned())
    before = target.rows("fact")
    await target.destination().send(everything())
    await target.destination().send(_nothing(everything()))
    assert [row for row in target.rows("fact") if row["investigation"] == str(scanned().uuid)] == before
    assert "theirs" in target.tables()


async def test_one_bad_row_among_a_thousand_is_reported_and_the_rest_arrives(target: Target) -> None:
    investigation = large(1_000, edges=False)
    await target.destination().send(_nothing(investigation))
    await target.destination().send(replace(investigation, facts=investigation.facts[:1]))
    bad = investigation.facts[777].vertex
    target.execute(f"CREATE UNIQUE INDEX strange ON vedette_fact (name) WHERE name = '{bad.name}'")
    facts = [*investigation.facts, fact("Malware", bad.name)]
    done = await target.destination().send(replace(investigation, facts=facts))
    (withheld,) = done.withheld
    assert withheld.what in {f"fact Malware {bad.name}", f"fact {bad.type}/{bad.observable_type} {bad.name}"}
    assert "the database does not take it: " in withheld.reason
    assert len(target.rows("fact")) == 1_000
    assert done.sent == 999


async def test_a_value_that_is_no_text_is_reported_and_the_rest_arrives(target: Target) -> None:
    investigation = scanned()
    facts = list(investigation.facts)
    facts[3] = replace(facts[3], vertex=replace(facts[3].vertex, name="half \ud800"))
    done = await target.destination().send(replace(investigation, facts=facts))
    (withheld,) = done.withheld
    assert withheld.vertex == facts[3].vertex.id
    assert len(target.rows("fact")) == len(facts) - 1


async def test_what_cannot_be_written_now_does_not_withdraw_what_was_written(target: Target) -> None:
    investigation = scanned()
    await target.destination().send(investigation)
    facts = list(investigation.facts)
    facts[3] = replace(facts[3], vertex=replace(facts[3].vertex, properties={"note": "half \ud800"}))
    done = await target.destination().send(replace(investigation, facts=facts))
    assert (done.sent, len(done.withheld)) == (0, 1)
    assert all(row["withdrawn_at"] is None for row in target.rows("fact"))


async def test_when_all_of_it_is_refused_nothing_is_there(target: Target) -> None:
    """One transaction: an error that concerns everything takes back what went before it."""
    await target.destination().send(_nothing(scanned()))
    await target.destination().send(replace(scanned(), facts=scanned().facts[:1], edges=(), scans=(), proofs=()))
    target.execute('DROP TABLE "vedette_proof"')
    target.execute('CREATE VIEW "vedette_proof" AS SELECT * FROM "vedette_edge"')
    with pytest.raises((ExportError, ConnectionFailedError)):
        await target.destination().send(scanned())
    assert len(target.rows("fact")) == 1


async def test_when_no_row_is_taken_it_has_failed(target: Target) -> None:
    await target.destination().send(replace(scanned(), facts=scanned().facts[:1], edges=(), scans=(), proofs=()))
    target.execute("CREATE UNIQUE INDEX strange ON vedette_fact (tlp)")
    with pytest.raises(ExportError, match="took none of 10 records; of the first: the database does not take it"):
        await target.destination().send(replace(scanned(), edges=(), scans=(), proofs=()))
    assert len(target.rows("fact")) == 1


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.sharing_cases import large
from tests.sharing_memory import connect, silent_port
from vedette.sharing.sinks.sql import Sql

url, when = sys.argv[1], int(sys.argv[2])
seen = 0

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, parameters, context, many):
    global seen
    if statement.startswith("INSERT"):
        seen += 1
        if seen > when:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(connect(Sql(), Path(".").resolve(), url=url).send(large(1_100, edges=False)))
"""


async def test_killed_in_the_middle_and_done_again_is_the_same(target: Target) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    command = [sys.executable, "-c", _KILLED, target.url, "2"]
    killed = await asyncio.to_thread(
        subprocess.run, command, cwd=target.folder, env=environment, timeout=PATIENCE, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert target.rows("fact") == []
    done = await target.destination().send(large(1_100, edges=False))
    assert done.sent == 1_100
    assert (await target.destination().send(large(1_100, edges=False))).sent == 0


async def test_somebody_elses_lock_means_later(target: Target) -> None:
    await target.destination().send(scanned())
    with target.engine().connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "LOCK TABLE vedette_fact")
        with pytest.raises(ComeAgainError, match="database is locked|statement timeout"):
            await target.destination(time_limit=1).send(everything())
    assert (await target.destination().send(everything())).sent > 0


async def test_another_plan_than_the_approved_one_is_not_carried_out(target: Target) -> None:
    plan = await target.destination().plan(scanned())
    with pytest.raises(ExportError, match="has changed since it was approved"):
        await target.destination().send(everything(), only=plan.digest)
    assert target.rows("fact") == []


async def test_a_table_that_is_none_of_ours_is_not_touched(target: Target) -> None:
    target.execute("CREATE TABLE vedette_fact (id VARCHAR(36), investigation VARCHAR(36))")
    for call in (target.destination().plan, target.destination().send):
        with pytest.raises(ExportError, match="the table vedette_fact has no column alarming, confidence"):
            await call(scanned())
    assert target.rows("fact") == []


async def test_the_prefix_names_the_tables(target: Target) -> None:
    await target.destination(prefix="Group_").send(scanned())
    assert target.tables() == {f"Group_{kind}" for kind in KINDS}
    assert len(target.rows("fact", prefix="Group_")) == len(scanned().facts)


async def test_hostile_names_arrive_as_they_are(target: Target) -> None:
    await target.destination().send(empty())
    await target.destination().send(hostile())
    assert (await target.destination().send(hostile())).sent == 0
    names = {row["vertex"]: row["name"] for row in target.rows("fact")}
    assert names == {one.vertex.id: one.vertex.name for one in hostile().facts}


async def test_a_nul_is_what_postgresql_refuses(target: Target) -> None:
    investigation = replace(scanned(), facts=[*scanned().facts, fact("Malware", "nul\x00l")])
    done = await target.destination().send(investigation)
    expected = 0 if target.url.startswith("sqlite") else 1
    assert len(done.withheld) == expected
    assert len(target.rows("fact")) == len(investigation.facts) - expected


async def test_checking_names_the_database(target: Target) -> None:
    assert (await target.destination().check()).startswith(target.url.partition("+")[0].partition(":")[0])


async def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    destination = connect(Sql(), tmp_path, url="sqlite:///theirs.db")
    await destination.plan(scanned())
    assert not (tmp_path / "theirs.db").exists()
    await destination.send(scanned())
    assert (tmp_path / "theirs.db").stat().st_mode & 0o777 == 0o600


async def test_the_password_comes_from_a_file_and_is_in_no_log_and_no_error(
    postgres_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with silent_port() as port:
        (tmp_path / "url").write_text(f"postgresql+psycopg://nobody:hunter2hunter2@127.0.0.1:{port}/theirs\n")
        destination = connect(Sql(), tmp_path, url_file="url")
        for call in (destination.plan, destination.send):
            with pytest.raises(ConnectionFailedError, match=f"postgresql://127.0.0.1:{port}/theirs: ") as raised:
                await call(scanned())
            assert "hunter2" not in f"{raised.value!r} {caplog.text} {destination!r}"
    wrong = f"postgresql+psycopg://nobody:hunter2hunter2@/theirs?host={postgres_folder}"
    (tmp_path / "url").write_text(wrong)
    with pytest.raises(ConnectionFailedError, match="does not exist") as raised:
        await connect(Sql(), tmp_path, url_file="url").send(scanned())
    assert "hunter2" not in f"{raised.value!r} {raised.value.__cause__!r} {caplog.text}"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "url"),
        ({"url": "sqlite:///a.db", "url_file": "url"}, "url"),
        ({"url": "postgresql+psycopg://me:secret@db.example/x"}, "url"),
        ({"url": "sqlite://"}, "url"),
        ({"url": "sqlite:///a.db?mode=memory"}, "url"),
        ({"url": "nonsense secret"}, "url"),
        ({"url": "oracle+secret://db.example/x", "plain": True}, "url"),
        ({"url": "postgresql+asyncpg://localhost/x"}, "url"),
        ({"url": "sqlite+aiosqlite:///a.db"}, "url"),
        ({"url": "mysql+pymysql://db.example/x"}, "url"),
        ({"url": "postgresql+psycopg://db.example/x?sslmode=require"}, "url"),
        ({"url": "sqlite:///a.db", "prefix": 'a"; DROP TABLE x; --'}, "prefix"),
        ({"url": "sqlite:///a.db", "schema": "a.b"}, "schema"),
        ({"url_file": "missing"}, "url_file"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, settings: dict[str, Any], key: str) -> None:
    (tmp_path / "url").write_text("sqlite:///b.db")
    with pytest.raises(ConfigurationError) as raised:
        connect(Sql(), tmp_path, **settings)
    assert raised.value.key == key
    assert "me:secret" not in str(raised.value)


def test_a_server_elsewhere_is_verified_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    from vedette.sharing.sinks.sql import SqlDestination

    def query(**settings: Any) -> dict[str, Any]:
        made = connect(Sql(), tmp_path, url="postgresql+psycopg://db.example/x", **settings)
        assert isinstance(made, SqlDestination)
        return dict(made._engine.url.query)

    assert query() == {"sslmode": "verify-full", "sslrootcert": "system"}
    assert query(ca="roots.pem") == {"sslmode": "verify-full", "sslrootcert": str(tmp_path / "roots.pem")}
    assert query(plain=True) == {}


def _nothing(investigation: Investigation) -> Investigation:
    return replace(investigation, facts=(), edges=(), scans=(), proofs=())
