"""An edited dead letter is a statement in the editor's name, and says of what it was made."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.canonical import canonical_json, sha256_hex
from vedette.errors import RefusedError
from vedette.messages.correction import Edit, corrected, editable_meta, original_of
from vedette.messages.item import ReceivedItem

UUID = "00000000-0000-4000-8000-000000000001"
EDIT = Edit(place="queue:rt", editor="user anna", reason="the type was wrong")


def an_item(**meta: Any) -> dict[str, Any]:
    """What a probe sent."""
    usual = {"uuid": UUID, "ts": 1, "type": "scam", "agent": "probe@localhost", "origin_seq": 7, "sha256": "0" * 64}
    return {
        "version": "1",
        "format": "text",
        "meta": usual | meta,
        "payload": {"raw": base64.b64encode(b"x").decode()},
    }


def test_the_editor_speaks_for_themselves_and_says_whose_item_it_was() -> None:
    item = an_item()
    made = ReceivedItem(corrected(item, meta='{"ts": 1, "type": "scan"}', payload=b"new", edit=EDIT))
    meta = made.data["meta"]
    assert (meta["type"], meta["agent"], made.payload) == ("scan", "user anna", b"new")
    assert meta["edited"] == {
        "by": "user anna",
        "from": UUID,
        "agent": "probe@localhost",
        "place": "queue:rt",
        "reason": "the type was wrong",
        "sha256": sha256_hex(canonical_json(item)),
    }
    assert made.uuid != UUID
    assert "origin_seq" not in meta
    assert item == an_item()


def test_what_belongs_to_the_sender_cannot_be_written() -> None:
    owned = {"agent": "probe@localhost", "uuid": UUID, "edited": {}, "origin_seq": 9}
    meta = canonical_json({"ts": 1, "type": "scan"} | owned).decode()
    made = corrected(an_item(), meta=meta, payload=None, edit=EDIT)["meta"]
    assert made["agent"] == "user anna"
    assert made["uuid"] != UUID
    assert made["edited"]["by"] == "user anna"
    assert "origin_seq" not in made
    assert set(editable_meta(an_item())) == {"ts", "type"}


def test_the_same_edit_is_the_same_item_and_another_one_is_not() -> None:
    again = [corrected(an_item(), meta='{"ts": 1, "type": "scan"}', payload=None, edit=EDIT) for _ in range(2)]
    assert again[0] == again[1]
    other = corrected(an_item(), meta='{"ts": 2, "type": "scan"}', payload=None, edit=EDIT)
    assert other["meta"]["uuid"] != again[0]["meta"]["uuid"]


def test_what_lay_in_an_outbox_is_kept_byte_for_byte() -> None:
    data = canonical_json(an_item())
    kept = ReceivedItem(original_of(data, agent="probe@localhost", ts=5, edit=EDIT))
    assert kept.payload == data
    assert kept.data["meta"]["dead_letter"] == {"place": "queue:rt", "agent": "probe@localhost"}
    assert kept.data["meta"]["agent"] == "user anna"


def test_what_lay_sealed_in_an_outbox_is_kept_sealed() -> None:
    data = canonical_json(an_item(sealed="0a" * 16))
    assert original_of(data, agent="probe@localhost", ts=5, edit=EDIT)["meta"]["sealed"] == "0a" * 16


@pytest.mark.parametrize("meta", ["", "[]", "1", "{", "null", '{"a": NaN}'])
def test_what_is_not_an_object_is_refused(meta: str) -> None:
    with pytest.raises(RefusedError):
        corrected(an_item(), meta=meta, payload=None, edit=EDIT)


@given(st.text(max_size=200))
def test_no_text_breaks_it_in_another_way(meta: str) -> None:
    try:
        corrected(an_item(), meta=meta, payload=None, edit=EDIT)
    except RefusedError:
        return
