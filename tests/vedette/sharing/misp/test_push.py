"""Investigations on a MISP server: what arrives, what does not, and what is left alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fake_misp import Failure
from tests.fake_misp_store import User
from tests.misp_pushing import Pushing, about, addresses, held, pushing, said
from tests.sharing_cases import CASES, everything, scanned
from tests.sharing_parts import fact
from vedette.errors import ConnectionFailedError
from vedette.sharing.exporter import ComeAgainError, ExportError
from vedette.sharing.investigation import Fact


@pytest.fixture
def misp(tmp_path: Path) -> Iterator[Pushing]:
    with pushing(tmp_path) as served:
        yield served


@pytest.mark.parametrize("name", sorted(CASES))
async def test_all_that_is_said_arrives_and_is_not_sent_again(misp: Pushing, name: str) -> None:
    what = CASES[name]()
    exported = await misp.send(what)
    if name == "empty":
        assert (exported.sent, misp.fake.writes) == (0, [])
        return
    assert held(misp.store, str(what.uuid)) == said(what)
    assert misp.store.dropped == []
    assert exported.sent >= len(said(what))
    assert exported.address == f"{misp.fake.url}/events/view/{what.uuid}"
    before = len(misp.fake.writes)
    again = await misp.send(what)
    assert len(misp.fake.writes) == before
    assert (again.sent, again.requests, again.unchanged) == (0, 0, len(said(what)))


async def test_a_thousand_attributes_are_one_request(misp: Pushing) -> None:
    what = about(*_many(1_000))
    exported = await misp.send(what)
    assert [asked.path for asked in misp.fake.writes] == ["/events/add/metadata:1"]
    assert exported.requests == 1
    assert len(misp.alive()) == 1_000


async def test_one_value_that_changed_moves_one_childs_timestamp(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2, 3)))
    before = {uuid: row["timestamp"] for uuid, row in misp.store.attributes.items()}
    exported = await misp.send(about(*addresses(1, 2, 3, bad=[2])))
    moved = {uuid for uuid, row in misp.store.attributes.items() if row["timestamp"] != before[uuid]}
    assert moved == {misp.attribute("192.0.2.2")["uuid"]}
    assert misp.attribute("192.0.2.2")["to_ids"] is True
    assert exported.requests == 1


async def test_a_dry_run_reads_only_and_says_what_it_would_do(misp: Pushing) -> None:
    plan = await misp.plan(about(*addresses(1, 2)))
    assert misp.fake.writes == []
    assert any("192.0.2.1" in str(change) and change.action == "add" for change in plan.changes)
    assert plan.total == len(plan.changes)
    exported = await misp.send(about(*addresses(1, 2)), only=plan.digest)
    assert exported.sent == plan.total


async def test_only_the_approved_plan_is_carried_out(misp: Pushing) -> None:
    plan = await misp.plan(about(*addresses(1)))
    with pytest.raises(ExportError, match="plan it again"):
        await misp.send(about(*addresses(1, 2)), only=plan.digest)
    assert misp.fake.writes == []


async def test_a_plan_stays_the_same_while_others_work_elsewhere_in_the_event(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    plan = await misp.plan(about(*addresses(1, 2)))
    misp.analyst.add(str(about().uuid), "seen by us as well")
    assert (await misp.plan(about(*addresses(1, 2)))).digest == plan.digest
    await misp.send(about(*addresses(1, 2)), only=plan.digest)


async def test_one_bad_value_among_a_thousand_is_reported_and_the_rest_arrives(misp: Pushing) -> None:
    misp.store.refused.add("198.18.1.7")
    what = about(*_many(1_000))
    exported = await misp.send(what)
    assert len(misp.alive()) == 999
    refused = [one for one in exported.withheld if "198.18.1.7" in one.what]
    assert len(refused) == 1
    assert "refused by a rule of this server" in refused[0].reason
    before = len(misp.fake.writes)
    again = await misp.send(what)
    assert len(misp.fake.writes) == before, "what was refused is not sent again"
    assert [one for one in again.withheld if "198.18.1.7" in one.what] == refused
    misp.store.refused.clear()
    misp.fake.version = "2.5.13"
    await misp.send(what)
    assert len(misp.alive()) == 1_000, "another version of the server may take it"


async def test_a_form_that_the_server_likes_better_is_not_fought_over(misp: Pushing) -> None:
    misp.store.rewrites["192.0.2.1"] = "192.0.2.1/32"
    assert (await misp.send(about(*addresses(1, 2)))).withheld == ()
    assert misp.alive() == {"192.0.2.1/32", "192.0.2.2"}
    again = await misp.send(about(*addresses(1, 2)))
    assert (again.requests, again.notes) == (0, ())
    await misp.send(about(*addresses(1, 2, bad=[1])))
    assert misp.attribute("192.0.2.1/32")["to_ids"] is True


async def test_a_uuid_that_is_in_another_event_is_reported_with_that_event(misp: Pushing) -> None:
    what = about(*addresses(1))
    await misp.send(what)
    row = misp.attribute("192.0.2.1")
    stranger = misp.store.add({"uuid": "0b9a1c9e-7d0f-4b5e-9b1e-000000000001", "info": "x"}, _exporter(misp))
    del misp.store.events[str(what.uuid)]
    row["event"] = stranger
    misp.memory.values.clear()
    exported = await misp.send(what)
    assert [one.reason for one in exported.withheld if "192.0.2.1" in one.what] == [
        f"its UUID is in event {stranger} on this server already"
    ]


async def test_an_object_whose_template_the_server_does_not_know_is_reported(misp: Pushing) -> None:
    what = everything()
    await misp.send(what)
    dropped = next(uuid for uuid, row in misp.store.objects.items() if row["name"] == "file")
    misp.store.events.clear()
    for rows in (misp.store.attributes, misp.store.objects, misp.store.references, misp.store.reports):
        rows.clear()
    misp.store.values.clear()
    misp.memory.values.clear()
    misp.store.templates = frozenset({"domain-ip", "ip-port", "software", "scan-result", "vulnerability"})
    exported = await misp.send(what)
    assert any(dropped in one.what and "template" in one.reason for one in exported.withheld)
    assert dropped not in misp.store.objects
    assert await misp.write_requests(what) == 0


async def test_what_is_withdrawn_is_soft_deleted_and_what_returns_undeleted(misp: Pushing) -> None:
    await misp.send(about(*addresses(1, 2)))
    exported = await misp.send(about(*addresses(1)))
    assert misp.attribute("192.0.2.2")["deleted"] is True
    assert (exported.sent, exported.requests) == (1, 1)
    assert await misp.write_requests(about(*addresses(1))) == 0
    await misp.send(about(*addresses(1, 2)))
    assert misp.attribute("192.0.2.2")["deleted"] is False
    assert await misp.write_requests(about(*addresses(1, 2))) == 0


async def test_all_of_a_large_investigation_is_withdrawn_and_returns(misp: Pushing) -> None:
    what = everything()
    await misp.send(what)
    await misp.send(replace(what, facts=(), edges=(), scans=(), proofs=()))
    assert held(misp.store, str(what.uuid)) == {str(what.uuid)}
    await misp.send(what)
    assert held(misp.store, str(what.uuid)) == said(what)
    assert await misp.write_requests(what) == 0


@pytest.mark.parametrize("keeps", [False, True])
async def test_references_are_removed_by_themselves(misp: Pushing, keeps: bool) -> None:
    misp.store.keeps_references = keeps
    what = everything()
    await misp.send(what)
    before = {uuid for uuid, row in misp.store.references.items() if not row["deleted"]}
    assert before
    apart = replace(what, edges=())
    await misp.send(apart)
    assert held(misp.store, str(what.uuid)) == said(apart)
    assert await misp.write_requests(apart) == 0
    await misp.send(what)
    assert {uuid for uuid, row in misp.store.references.items() if not row["deleted"]} == before
    assert await misp.write_requests(what) == 0


async def test_the_raw_output_is_the_same_bytes(misp: Pushing) -> None:
    what = scanned()
    await misp.send(what)
    kept = {row["data"] for row in misp.store.attributes.values() if row.get("data")}
    assert _base64(what.scans[0].raw or b"") in kept
    assert await misp.write_requests(what) == 0


async def test_an_event_that_was_deleted_there_is_reported_and_never_made_again(misp: Pushing) -> None:
    what = about(*addresses(1))
    await misp.send(what)
    misp.store.delete_event(str(what.uuid))
    before = len(misp.fake.writes)
    for attempt in (misp.send, misp.plan):
        with pytest.raises(ExportError, match="not made again"):
            await attempt(what)
    assert len(misp.fake.writes) == before
    misp.memory.values.clear()
    with pytest.raises(ExportError, match="blocklist"):
        await misp.send(what)
    assert misp.store.events == {}


async def test_tags_come_and_go_and_others_tags_stay(misp: Pushing) -> None:
    event = str(about().uuid)
    await misp.send(about(*addresses(1), tags=["botnet:mirai"]))
    assert set(misp.store.events[event]["Tag"]) == {"tlp:amber", "botnet:mirai"}
    misp.analyst.tag(event, "reviewed")
    await misp.send(about(*addresses(1), tags=["botnet:gafgyt"]))
    assert set(misp.store.events[event]["Tag"]) == {"tlp:amber", "botnet:gafgyt", "reviewed"}
    assert await misp.write_requests(about(*addresses(1), tags=["botnet:gafgyt"])) == 0


async def test_a_role_without_tags_is_reported_and_asked_once(misp: Pushing) -> None:
    _become(misp, tagger=False)
    exported = await misp.send(about(*addresses(1)))
    assert any("perm_tagger" in one.reason for one in exported.withheld)
    assert await misp.write_requests(about(*addresses(1))) == 0
    _become(misp, tagger=True)
    await misp.send(about(*addresses(1)))
    assert set(misp.store.events[str(about().uuid)]["Tag"]) == {"tlp:amber"}


async def test_an_event_is_published_last_and_only_when_something_changed(misp: Pushing) -> None:
    misp.settings["publish"] = True
    what = about(*addresses(1))
    await misp.send(what)
    assert misp.fake.writes[-1].path == f"/events/publish/{what.uuid}"
    assert misp.store.events[str(what.uuid)]["published"] is True
    assert await misp.write_requests(what) == 0
    await misp.send(about(*addresses(1, 2)))
    assert [asked.path.split("/")[2] for asked in misp.fake.writes] == ["add", "publish", "edit", "publish"]


async def test_what_a_person_unpublished_is_not_published_again_unless_something_changes(misp: Pushing) -> None:
    misp.settings["publish"] = True
    what = about(*addresses(1))
    await misp.send(what)
    misp.store.events[str(what.uuid)]["published"] = False
    assert await misp.write_requests(what) == 0
    assert await misp.write_requests(about(*addresses(1, 2))) == 2


async def test_a_change_of_what_a_person_published_says_that_it_is_not_any_more(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    misp.store.events[str(about().uuid)]["published"] = True
    assert (await misp.send(about(*addresses(1)))).notes == ()
    exported = await misp.send(about(*addresses(1, 2)))
    assert any("publish it there" in note for note in exported.notes)
    assert misp.store.events[str(about().uuid)]["published"] is False


async def test_a_role_that_may_not_publish_is_reported(misp: Pushing) -> None:
    misp.settings["publish"] = True
    _become(misp, publisher=False)
    exported = await misp.send(about(*addresses(1)))
    assert any("perm_publish" in one.reason for one in exported.withheld)
    assert await misp.write_requests(about(*addresses(1))) == 0


async def test_a_sharing_group_is_named_by_uuid_and_sent_by_the_servers_id(misp: Pushing) -> None:
    group = "5f0b6a4e-6a3b-4d0c-8f53-0c3c6f0b9a11"
    misp.settings["sharing_group"] = group
    with pytest.raises(ExportError, match=group):
        await misp.send(about(*addresses(1)))
    misp.store.groups[group] = "42"
    await misp.send(about(*addresses(1)))
    event = misp.store.events[str(about().uuid)]
    assert (event["distribution"], event["sharing_group_id"]) == ("4", "42")
    assert await misp.write_requests(about(*addresses(1))) == 0


async def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_says(misp: Pushing) -> None:
    busy = Failure(
        kind="status", status=429, headers=(("X-Rate-Limit-Reset", "417"),), body='{"message": "Rate limit"}'
    )
    for request in range(5):
        misp.fake.fail_next(busy, after=request)
        with pytest.raises(ComeAgainError) as caught:
            await misp.send(about(*addresses(1)))
        assert caught.value.seconds == 417
        misp.fake.failures.clear()
    await misp.send(about(*addresses(1)))
    assert misp.alive() == {"192.0.2.1"}


async def test_a_key_that_is_refused_says_what_to_do(misp: Pushing) -> None:
    misp.fake.users.clear()
    destination = misp.destination()
    with pytest.raises(ConnectionFailedError, match="check what key_file holds"):
        await destination.check()
    await destination.aclose()


async def test_check_says_who_we_are_there(misp: Pushing) -> None:
    destination = misp.destination()
    assert await destination.check() == "MISP 2.5.12 as Org User of Our Team, may tag and publish"
    await destination.aclose()


async def test_an_event_that_appears_between_our_reading_and_our_adding_is_completed(misp: Pushing) -> None:
    """A server may still work on a request that we gave up: the event is there before the next one adds it."""
    what = about(*addresses(1, 2))
    half = {"uuid": str(what.uuid), "info": "A botnet", "timestamp": "1795305600", "distribution": "0"}

    def go_on() -> None:
        misp.store.add(half, _exporter(misp))

    misp.fake.meanwhile[3] = go_on
    await misp.send(what)
    assert held(misp.store, str(what.uuid)) == said(what)
    assert await misp.write_requests(what) == 0


async def test_an_edit_between_our_reading_and_our_writing_is_not_overwritten(misp: Pushing) -> None:
    await misp.send(about(*addresses(1)))
    child = misp.attribute("192.0.2.1")["uuid"]
    number = len(misp.fake.requests) + 3
    misp.fake.meanwhile[number] = lambda: misp.analyst.edit(child, comment="ours, do not touch")
    exported = await misp.send(about(*addresses(1, 2, bad=[1])))
    assert misp.fake.requests[number].path.startswith("/events/edit"), "the edit came before our writing"
    assert misp.attribute("192.0.2.1")["comment"] == "ours, do not touch"
    assert misp.attribute("192.0.2.1")["to_ids"] is True
    assert any("comment changed there" in note for note in exported.notes)
    assert misp.alive() == {"192.0.2.1", "192.0.2.2"}


def _many(number: int) -> Iterator[Fact]:
    return (fact("IP", f"198.18.{one // 250}.{one % 250}") for one in range(number))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _exporter(misp: Pushing) -> User:
    return next(iter(misp.fake.users.values()))


def _become(misp: Pushing, *, tagger: bool = True, publisher: bool = True) -> None:
    key = next(iter(misp.fake.users))
    misp.fake.users[key] = replace(misp.fake.users[key], tagger=tagger, publisher=publisher)
