"""The same, written in another way, is the same; and what is not said is not compared."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.misp_pushing import about, addresses
from tests.sharing_cases import everything
from vedette.sharing.misp.delta import difference
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.extension import extension_of, extension_uuid
from vedette.sharing.misp.holding import FIELDS, digest, flag_of, holding_of, one_line, seconds_of
from vedette.sharing.misp.ledger import Ledger
from vedette.sharing.misp.making import made_by
from vedette.sharing.misp.parcels import parcels

UUID = "11111111-2222-5333-8444-555555555555"


def _field(name: str, **attribute: Any) -> str | None:
    held = holding_of({"uuid": UUID, "Attribute": [{"uuid": "a", **attribute}]})
    return held["a"].fields[FIELDS["attribute"].index(name)]


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("to_ids", True, "1"),
        ("to_ids", False, "0"),
        ("to_ids", False, None),
        ("distribution", 5, "5"),
        ("comment", None, ""),
        ("comment", " blanks ", "blanks"),
        ("first_seen", "2026-11-22T10:00:00+00:00", "2026-11-22T10:00:00.000000Z"),
        ("last_seen", "2026-11-22T11:00:00.5+01:00", "2026-11-22T10:00:00.500000+00:00"),
        ("first_seen", None, ""),
    ],
)
def test_forms_of_the_same_are_the_same(name: str, one: object, other: object) -> None:
    assert _field(name, **{name: one}) == _field(name, **{name: other})


def test_what_is_left_out_is_not_said() -> None:
    assert _field("comment") is None
    assert _field("data", data=None) is None
    assert _field("sharing_group_id", distribution="5", sharing_group_id="7") is None
    assert _field("sharing_group_id", distribution="4", sharing_group_id="7") == "7"


def test_what_is_in_a_deleted_object_is_deleted() -> None:
    item = {"uuid": "o", "deleted": True, "Attribute": [{"uuid": "a"}], "ObjectReference": [{"uuid": "r"}]}
    held = holding_of({"uuid": UUID, "Object": [item]})
    assert [held[uuid].deleted for uuid in "oar"] == [True, True, True]


@pytest.mark.parametrize("event", [{}, {"Attribute": 7}, {"Attribute": "text"}, {"Object": [None, 7]}, {"Tag": None}])
def test_what_is_no_event_holds_nothing(event: dict[str, Any]) -> None:
    assert len(holding_of({"uuid": UUID, **event})) == 1


def test_small_parts() -> None:
    assert one_line("a\nb\x1b[31m" + "x" * 200, most=10) == "a b [31mx…"
    assert [seconds_of(value) for value in ("7", 7, "-7", None, "x", "9" * 30)] == [7, 7, 0, 0, 0, 0]
    flags: list[object] = [True, 1, "1", False, 0, "0", None, []]
    assert [flag_of(value) for value in flags] == [True] * 3 + [False] * 5
    assert digest(None) == "-"
    assert len(digest("")) == len(digest("x" * 10_000)) == 8


NAMES = [
    *(name for names in FIELDS.values() for name in names),
    "uuid",
    "timestamp",
    "deleted",
    "Tag",
    "name",
    "local",
]
LISTS = ["Attribute", "Object", "ObjectReference", "EventReport", "Tag"]
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=9)
)
HOSTILE = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), PLAIN, max_size=6),
    lambda inner: st.dictionaries(st.sampled_from(LISTS), st.lists(st.one_of(inner, PLAIN), max_size=3), max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(HOSTILE)
def test_whatever_a_server_answers_is_compared(event: dict[str, Any]) -> None:
    ours = holding_of(misp_event(about(*addresses(1))).event)
    known = next(iter(ours))
    theirs = holding_of({**event, "uuid": known})
    delta = difference(ours, theirs, Ledger(), version="2.5", tagging=True, made_here=made_by(known))
    for document in parcels(delta, ours, theirs):
        orjson.dumps(document)
    delta.changes()


def test_what_we_made_is_known_by_its_uuid() -> None:
    event = misp_event(everything()).event
    made_here = made_by(event["uuid"])
    held = holding_of(event)
    unknown = {child.kind for child in held.values() if child.kind != "event" and not made_here(child)}
    assert unknown <= {"report"}
    other = made_by("11111111-2222-5333-8444-555555555556")
    assert not any(other(child) for child in held.values() if child.kind == "attribute" and not child.parent)


def test_an_extension_shares_no_uuid_with_what_it_extends_and_keeps_its_references() -> None:
    event = misp_event(everything()).event
    own = extension_of(event)
    assert own["uuid"] == extension_uuid(event["uuid"])
    assert own["extends_uuid"] == event["uuid"]
    first, second = holding_of(event), holding_of(own)
    assert len(first) == len(second)
    assert not set(first) & set(second)
    ends = {child.raw["referenced_uuid"] for child in second.values() if child.kind == "reference"}
    assert ends
    assert ends <= set(second)
    assert extension_of(event) == own
