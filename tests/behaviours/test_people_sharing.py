"""What people may have shared from an XMPP client: by the rules and with the audit of the rest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from behaviours.people_sharing import DecideExport, ShareInvestigation, ShowExports, sharing_commands
from registry.audit import Audit
from registry.callers import Actor
from registry.database import Database
from registry.export_taking import ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from vedette.clock import ManualClock
from vedette.configuration.sharing import SharingSection
from vedette.errors import ConflictError, RefusedError
from vedette.people.adhoc import Ask, Told
from vedette.people.forms import Answer
from vedette.people.person import Person, PersonRole
from vedette.sharing.exporter import Change, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import ExportRequest

ACTOR = Actor(who="user bert", origin="192.0.2.1")
ANNA = Person(jid="anna@localhost", role=PersonRole.OPERATE)
SHARING = SharingSection.model_validate(
    {"destinations": [{"name": "alpha", "exporter": "file"}, {"name": "beta", "exporter": "file", "approval": True}]}
)
WHAT: Answer = {"select": ("target=192.0.2.7",), "destination": ("alpha",), "dry_run": ("0",)}


@pytest.fixture
def exports(tmp_path: Path, migrated_file: Path) -> Iterator[Exports]:
    shutil.copyfile(migrated_file, tmp_path / "store.db")
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:
        yield Exports(database=database, clock=ManualClock(), sharing=SHARING)


def told(said: Ask | Told) -> str:
    assert isinstance(said, Told)
    return said.notes[0].text


def lines(said: Ask | Told) -> list[str]:
    assert isinstance(said, Ask)
    return [value for field in said.form.fields if not field.name for value in field.values]


async def planned(exports: Exports, digest: str = "d1") -> str:
    made = await exports.request(ExportRequest(select="target=192.0.2.7", destination="beta"), by=ACTOR)
    taking = ExportTaking(exports=exports, runner=Runner(name="misp@localhost", life="1"))
    assert await taking.lease() is not None
    changes = tuple(Change(action="add", what=f"attribute {number}") for number in range(30))
    left = (Withheld(what="x", reason="own"),)
    plan = Plan(digest=digest, changes=changes, total=30, withheld=left, notes=("mind the gap",))
    await taking.approval(made.uuid, plan, title="192.0.2.7")
    return made.uuid


async def test_an_investigation_is_shared_after_a_look(exports: Exports) -> None:
    command = ShareInvestigation(exports)
    assert isinstance(await command.step(ANNA, ()), Ask)
    shown = lines(await command.step(ANNA, (WHAT,)))
    assert "target=192.0.2.7" in shown[0]
    assert shown[2] == "It is sent at once"
    assert "person has approved" in lines(await command.step(ANNA, (WHAT | {"destination": ("beta",)},)))[2]
    assert (await exports.page()).rows == [], "nothing was asked for yet"
    said = told(await command.step(ANNA, (WHAT, {})))
    (made,) = (await exports.page()).rows
    assert made.uuid in said
    assert (made.requested_by, made.dry_run) == (ANNA.holder, False)
    (entry,) = (await Audit(database=exports.database, clock=exports.clock).page()).entries
    assert (entry.who, entry.action, entry.origin) == (ANNA.holder, "export.request", "xmpp")


async def test_what_cannot_be_shared_is_refused_before_anybody_says_yes(exports: Exports) -> None:
    for wrong in ({"select": ("colour=red",)}, {"destination": ("gamma",)}):
        with pytest.raises(RefusedError):
            await ShareInvestigation(exports).step(ANNA, (WHAT | wrong,))


async def test_a_plan_is_shown_before_it_is_approved(exports: Exports) -> None:
    command = DecideExport(exports)
    assert told(await command.step(ANNA, ())) == "No export waits for a person."
    uuid = await planned(exports)
    which = await command.step(ANNA, ())
    assert isinstance(which, Ask)
    chosen = {"export": (which.form.fields[0].options[0],)}
    shown = lines(await command.step(ANNA, (chosen,)))
    assert shown[0] == "+ attribute 0"
    assert shown[-3:] == ["and 10 more", "1 left out", "mind the gap"]
    assert "goes to beta" in told(await command.step(ANNA, (chosen, {"decision": ("approve",)})))
    assert (await exports.get(uuid)).decided_by == ANNA.holder
    with pytest.raises(RefusedError):
        await command.step(ANNA, (chosen,))
    with pytest.raises(ConflictError):
        await command.step(ANNA, (chosen, {"decision": ("approve",)}))


async def test_who_rejects_says_why(exports: Exports) -> None:
    uuid = await planned(exports)
    chosen = {"export": (f"{uuid} d1",)}
    with pytest.raises(RefusedError):
        await DecideExport(exports).step(ANNA, (chosen, {"decision": ("reject",)}))
    await DecideExport(exports).step(ANNA, (chosen, {"decision": ("reject",), "why": ("not theirs",)}))
    assert (await exports.get(uuid)).reason == "not theirs"
    with pytest.raises(RefusedError):
        await DecideExport(exports).step(ANNA, ({"export": ("none d1",)},))


async def test_exports_are_listed_and_nothing_is_offered_where_nothing_can_be_shared(exports: Exports) -> None:
    await planned(exports)
    said = await ShowExports(exports).step(ANNA, ())
    assert said.form is not None
    assert len(sharing_commands(exports)) == 3
    assert sharing_commands(Exports(database=exports.database, clock=exports.clock, sharing=SharingSection())) == []
