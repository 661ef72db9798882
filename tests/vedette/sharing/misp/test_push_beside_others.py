"""What persons do on the server stays: their own additions, their edits of ours, what they deleted or accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fake_misp import ANALYST_KEY
from tests.fake_misp_store import User
from tests.misp_pushing import Pushing, about, addresses, held, pushing, said
from tests.sharing_cases import everything
from vedette.sharing.exporter import ExportError
from vedette.sharing.misp.extension import extension_uuid

EVENT = str(about().uuid)
STRANGER = User(name="somebody", organisation="Another Team")


@pytest.fixture
def misp(tmp_path: Path) -> Iterator[Pushing]:
    with pushing(tmp_path) as served:
        yield served


async def test_an_edit_of_ours_stays_is_noted_and_does_not_lock_us_out(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    row = misp.attribute("192.0.2.1")
    misp.analyst.edit(row["uuid"], comment="beacon, see ticket 7", to_ids=True)
    assert await misp.write_requests(about(*addresses(1, 2))) == 0
    exported = await misp.send(about(*addresses(1, 2, 3)))
    assert misp.alive() == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
    assert (row["comment"], row["to_ids"]) == ("beacon, see ticket 7", True)
    assert any("to_ids, comment changed there by somebody" in note for note in exported.notes)
    assert await misp.write_requests(about(*addresses(1, 2, 3))) == 0


async def test_other_fields_of_an_edited_child_go_on_following_us(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    child = misp.attribute("192.0.2.1")["uuid"]
    misp.analyst.edit(child, comment="beacon")
    stamp = misp.store.attributes[child]["timestamp"]
    await misp.send(about(*addresses(1, bad=[1])))
    row = misp.store.attributes[child]
    assert (row["comment"], row["to_ids"]) == ("beacon", True)
    assert row["timestamp"] == stamp + 1


async def test_an_accepted_proposal_stays(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    misp.analyst.edit(misp.attribute("192.0.2.1")["uuid"], value="192.0.2.99")
    exported = await misp.send(about(*addresses(1, 2)))
    assert misp.alive() == {"192.0.2.99", "192.0.2.2"}
    assert any("value changed there" in note for note in exported.notes)


async def test_the_title_that_a_person_gave_stays(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    misp.analyst.rename(EVENT, "Operation Teapot")
    await misp.send(replace(about(*addresses(1, 2)), title="A larger botnet"))
    assert misp.store.events[EVENT]["info"] == "Operation Teapot"


async def test_what_others_added_stays_when_all_of_ours_goes(misp: Pushing) -> None:
    what = everything()
    await misp.send(what)
    event = str(what.uuid)
    item = next(uuid for uuid, row in misp.store.objects.items() if row["name"] == "file")
    inside = misp.analyst.add(event, "in an object of ours", item=item, relation="text")
    flat = misp.analyst.add(event, "on its own")
    misp.analyst.tag(event, "reviewed")
    exported = await misp.send(replace(what, facts=(), edges=(), scans=(), proofs=()))
    assert held(misp.store, event) == {event, item, inside, flat}
    assert "reviewed" in misp.store.events[event]["Tag"]
    assert any("others added" in note for note in exported.notes)
    assert await misp.write_requests(replace(what, facts=(), edges=(), scans=(), proofs=())) == 0


async def test_what_a_person_deleted_stays_deleted_until_they_restore_it(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    child = misp.attribute("192.0.2.1")["uuid"]
    misp.analyst.delete(child)
    exported = await misp.send(about(*addresses(1, 2, 3)))
    assert misp.alive() == {"192.0.2.2", "192.0.2.3"}
    assert any("stays deleted" in note for note in exported.notes)
    assert await misp.write_requests(about(*addresses(1, 2, 3))) == 0
    misp.analyst.delete(child, restore=True)
    await misp.send(about(*addresses(1, 2, 3, bad=[1])))
    assert misp.store.attributes[child]["to_ids"] is True


async def test_what_a_person_purged_is_not_added_again(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    misp.analyst.purge(misp.attribute("192.0.2.1")["uuid"])
    exported = await misp.send(about(*addresses(1, 2)))
    assert misp.alive() == {"192.0.2.2"}
    assert any("stays removed" in note for note in exported.notes)
    assert misp.memory.values
    assert await misp.write_requests(about(*addresses(1, 2))) == 0


async def test_what_we_withdrew_and_a_person_restored_is_theirs(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    await misp.send(about(*addresses(1)))
    misp.analyst.delete(misp.attribute("192.0.2.2")["uuid"], restore=True)
    exported = await misp.send(about(*addresses(1)))
    assert misp.alive() == {"192.0.2.1", "192.0.2.2"}
    assert any("it is theirs now" in note for note in exported.notes)
    assert await misp.write_requests(about(*addresses(1))) == 0


async def test_an_edited_attribute_is_withdrawn_all_the_same(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    misp.analyst.edit(misp.attribute("192.0.2.2")["uuid"], comment="interesting")
    await misp.send(about(*addresses(1)))
    assert misp.alive() == {"192.0.2.1"}


async def test_a_tag_of_ours_that_a_person_took_off_stays_off(misp: Pushing) -> None:
    await misp.send(about(*addresses(1), tags=["botnet:mirai"]))
    misp.analyst.tag(EVENT, "botnet:mirai", off=True)
    exported = await misp.send(about(*addresses(1, 2), tags=["botnet:mirai"]))
    assert set(misp.store.events[EVENT]["Tag"]) == {"tlp:amber"}
    assert any("botnet:mirai removed there" in note for note in exported.notes)
    assert await misp.write_requests(about(*addresses(1, 2), tags=["botnet:mirai"])) == 0


async def test_without_memory_ours_are_known_by_their_uuids_and_the_newer_word_counts(misp: Pushing) -> None:
    what = everything()
    await misp.send(what)
    misp.memory.values.clear()
    own = misp.analyst.add(str(what.uuid), "of an analyst")
    assert await misp.write_requests(what) == 0
    misp.memory.values.clear()
    fewer = replace(what, facts=what.facts[: len(what.facts) // 2], edges=(), scans=(), proofs=())
    await misp.send(fewer)
    left = held(misp.store, str(what.uuid))
    assert own in left
    # Nothing tells of a report from what it was made; all else that is no longer said is gone.
    assert left - {own} - set(misp.store.reports) == said(fewer)


async def test_without_memory_a_newer_edit_stays(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    misp.memory.values.clear()
    misp.analyst.edit(misp.attribute("192.0.2.1")["uuid"], to_ids=True)
    exported = await misp.send(about(*addresses(1, 2)))
    assert misp.attribute("192.0.2.1")["to_ids"] is True
    assert any("to_ids changed there" in note for note in exported.notes)
    assert await misp.write_requests(about(*addresses(1, 2))) == 0


def _of_another_team(misp: Pushing) -> None:
    misp.fake.users[ANALYST_KEY] = STRANGER
    misp.store.add({"uuid": EVENT, "info": "Theirs", "distribution": "1", "timestamp": "1795305600"}, STRANGER)


async def test_an_event_of_another_organisation_is_extended_by_one_of_ours(misp: Pushing) -> None:
    _of_another_team(misp)
    what = about(*addresses(1, 2))
    exported = await misp.send(what)
    own = misp.store.events[extension_uuid(EVENT)]
    assert own["extends_uuid"] == EVENT
    assert {row["event"] for row in misp.store.attributes.values()} == {extension_uuid(EVENT)}
    assert any("ours extends it" in note for note in exported.notes)
    assert exported.address.endswith(extension_uuid(EVENT))
    assert await misp.write_requests(what) == 0
    await misp.send(about(*addresses(1)))
    assert misp.alive() == {"192.0.2.1"}
    misp.memory.values.clear()
    await misp.send(about(*addresses(3)))
    assert misp.alive() == {"192.0.2.3"}


async def test_all_of_an_investigation_fits_beside_another_organisations_event(misp: Pushing) -> None:
    what = everything()
    misp.store.add({"uuid": str(what.uuid), "info": "Theirs", "distribution": "1", "timestamp": "1"}, STRANGER)
    await misp.send(what)
    assert len(held(misp.store, extension_uuid(str(what.uuid)))) == len(said(what))
    assert misp.store.dropped == []
    assert await misp.write_requests(what) == 0


async def test_proposals_are_made_once(misp: Pushing) -> None:
    _of_another_team(misp)
    misp.settings["proposals"] = True
    plan = await misp.plan(about(*addresses(1, 2)))
    assert plan.total == 2
    exported = await misp.send(about(*addresses(1, 2)), only=plan.digest)
    assert {row["value"] for row in misp.store.proposals.values()} == {"192.0.2.1", "192.0.2.2"}
    assert exported.sent == 2
    assert await misp.write_requests(about(*addresses(1, 2))) == 0
    misp.store.proposals.clear()
    assert await misp.write_requests(about(*addresses(1, 2))) == 0, "what was discarded is not proposed again"
    assert await misp.write_requests(about(*addresses(1, 2, 3))) == 1


async def test_an_event_of_another_organisation_can_be_left_alone(misp: Pushing) -> None:
    _of_another_team(misp)
    misp.settings["extends"] = False
    with pytest.raises(ExportError, match="Another Team"):
        await misp.send(about(*addresses(1)))
    assert misp.fake.writes == []


async def test_a_site_administrator_writes_into_it(misp: Pushing) -> None:
    _of_another_team(misp)
    key = next(iter(misp.fake.users))
    misp.fake.users[key] = replace(misp.fake.users[key], site_admin=True)
    await misp.send(about(*addresses(1)))
    assert {row["event"] for row in misp.store.attributes.values()} == {EVENT}
