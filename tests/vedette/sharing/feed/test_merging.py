from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sharing_cases import everything, scanned
from tests.sharing_parts import HOUR, accused, fact, investigation, proof, scan
from tests.vedette.sharing.feed.subscriber import Subscriber, living_of
from vedette.canonical import canonical_json
from vedette.sharing.feed.merging import Merged, merged
from vedette.sharing.investigation import Fact, Investigation
from vedette.sharing.misp.event import misp_event

BAD = accused("IP", "203.0.113.1")
FILE = accused("Observable/File", "x.exe", sha256="ab" * 32, size=7)
POOL = (
    BAD,
    replace(BAD, warned="a list"),
    FILE,
    replace(FILE, malicious=False),
    fact("Observable/Domain Name", "evil.example"),
    accused("Observable/Domain Name", "evil.example"),
    accused("Malware", "Emotet"),
    accused("Malware", "Emotet", isFamily="true"),
    fact("Threat_Actor", "APT28"),
)


def event_of(*facts: Fact, edges: bool = True, scans: bool = False, proofs: bool = False) -> dict[str, Any]:
    known = list({one.vertex.id: one for one in facts}.values())
    return misp_event(
        investigation(
            "x",
            known,
            [(out, "related-to", into) for out in known for into in known if out is not into] if edges else [],
            scans=[scan(known)] if scans else [],
            proofs=[proof()] if proofs else [],
        )
    ).event


def after(*history: dict[str, Any]) -> Merged:
    found = merged(None, history[0])
    for event in history[1:]:
        found = merged(found.event, event)
    return found


def child(event: dict[str, Any], key: str, **fields: str) -> dict[str, Any]:
    (found,) = [one for one in event[key] if all(one[name] == value for name, value in fields.items())]
    return dict(found)


def test_the_same_again_changes_nothing() -> None:
    event = misp_event(everything()).event
    found = merged(event, misp_event(everything()).event)
    assert found.event is event
    assert found.changes == ()
    assert found.kept == len(event["Attribute"]) + len(event["Object"]) + len(event["EventReport"])


def test_one_value_changed_moves_one_timestamp_and_the_events() -> None:
    other = fact("IP", "203.0.113.2")
    old = event_of(BAD, other, edges=False)
    found = after(old, event_of(replace(BAD, warned="a list"), other, edges=False))
    moved = [one["value"] for one, was in zip(found.event["Attribute"], old["Attribute"], strict=True) if one != was]
    assert moved == ["203.0.113.1"]
    changed = child(found.event, "Attribute", value="203.0.113.1")
    assert int(changed["timestamp"]) == int(child(old, "Attribute", value="203.0.113.1")["timestamp"]) + 1
    assert int(found.event["timestamp"]) > int(old["timestamp"])
    assert [str(one) for one in found.changes] == [
        "~ attribute ip-dst 203.0.113.1: comment vedette.in.structured.threatfox; confidence 75%, to_ids True -> "
        "comment vedette.in.structured.threatfox; confidence 75%; on the warning list a list, to_ids False"
    ]


def test_what_is_gone_stays_as_deleted_and_what_returns_is_restored() -> None:
    whole = event_of(BAD, FILE)
    gone = after(whole, event_of(BAD, edges=False))
    removed = child(gone.event, "Object", name="file")
    assert removed["deleted"]
    assert not any(part["to_ids"] for part in removed["Attribute"])
    assert {one.action for one in gone.changes} == {"remove"}
    assert int(gone.event["timestamp"]) > int(whole["timestamp"])
    back = merged(gone.event, whole)
    assert not child(back.event, "Object", name="file")["deleted"]
    assert {"restore"} <= {one.action for one in back.changes}
    assert int(back.event["timestamp"]) > int(gone.event["timestamp"])


def test_what_is_deleted_already_is_not_deleted_again() -> None:
    found = after(event_of(BAD, FILE), event_of(BAD, edges=False), event_of(BAD, edges=False))
    assert found.changes == ()


def test_a_proof_that_is_withdrawn_leaves_no_bundle() -> None:
    found = after(event_of(BAD, proofs=True), event_of(BAD))
    assert found.event["EventReport"][0]["deleted"]
    attached = child(found.event, "Attribute", type="attachment")
    assert attached["deleted"]
    assert "data" not in attached


def test_a_part_of_an_object_moves_the_object_because_servers_look_at_it_first() -> None:
    old = event_of(FILE)
    found = after(old, event_of(replace(FILE, malicious=False)))
    assert int(found.event["Object"][0]["timestamp"]) > int(old["Object"][0]["timestamp"])


def test_a_new_title_or_tag_is_a_change_of_the_event() -> None:
    old = misp_event(scanned()).event
    found = merged(old, misp_event(replace(scanned(), title="Other", tags=("b",))).event)
    assert [one.what for one in found.changes] == ["event Tag", "event info"]
    assert int(found.event["timestamp"]) == int(old["timestamp"]) + 1
    assert found.event["Attribute"] == old["Attribute"]


def test_an_older_look_never_turns_time_back() -> None:
    later = [replace(one, vertex=replace(one.vertex, last_seen=one.vertex.last_seen + HOUR)) for one in (BAD, FILE)]
    old = event_of(*later)
    found = after(old, event_of(BAD, FILE))
    assert int(found.event["timestamp"]) == int(old["timestamp"]) + 1
    assert all(
        int(one["timestamp"]) > int(was["timestamp"])
        for key in ("Attribute", "Object")
        for one, was in zip(found.event[key], old[key], strict=True)
    )


def test_what_never_had_anything_is_not_published() -> None:
    assert merged(None, misp_event(investigation("x")).event).changes == ()


@cache
def state_of(chosen: tuple[int, ...], edges: bool, scans: bool, proofs: bool) -> dict[str, Any]:
    return event_of(*(POOL[one] for one in chosen), edges=edges, scans=scans, proofs=proofs)


STATES = st.tuples(
    st.lists(st.integers(0, len(POOL) - 1), max_size=4).map(tuple), st.booleans(), st.booleans(), st.booleans()
)


@settings(max_examples=40)
@given(st.lists(st.tuples(STATES, st.booleans()), min_size=1, max_size=5))
def test_whatever_happens_and_whenever_it_looks_a_subscriber_ends_up_with_what_is_said(
    history: list[tuple[tuple[tuple[int, ...], bool, bool, bool], bool]],
) -> None:
    subscriber = Subscriber()
    published: dict[str, Any] | None = None
    for state, looking in history:
        event = state_of(*state)
        found = merged(published, event)
        if not found.changes:
            assert published is None or found.event is published
            continue
        assert published is None or int(found.event["timestamp"]) > int(published["timestamp"])
        published = found.event
        assert merged(published, event).changes == ()
        if looking:
            subscriber.take(published)
    if published is not None:
        subscriber.take(published)
        assert subscriber.living(published["uuid"]) == living_of(state_of(*history[-1][0]))
        canonical_json(published)


def test_a_whole_investigation_that_is_withdrawn_leaves_nothing_alive() -> None:
    found: Investigation = everything()
    gone = misp_event(replace(found, facts=(), edges=(), scans=(), proofs=())).event
    event = after(misp_event(found).event, gone).event
    assert living_of(event) == set()
