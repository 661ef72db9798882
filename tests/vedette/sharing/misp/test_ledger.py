"""The ledger is read as it was written, and nothing else is taken for one."""

from __future__ import annotations

import base64
import zlib

import orjson
import pytest

from tests.sharing_cases import large
from vedette.errors import StoreError
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.holding import holding_of
from vedette.sharing.misp.ledger import Entry, Ledger, digests_of, read_ledger, write_ledger

ENTRIES = {
    "00000000-0000-5000-8000-000000000001": Entry("said", said=("a1", "-"), held=("a1", "-"), tags=("tlp:red",)),
    "00000000-0000-5000-8000-000000000002": Entry("said", said=("a1", "b2"), held=("c3", "b2"), reason="other form"),
    "00000000-0000-5000-8000-000000000003": Entry("pending", meant=("a1", "b2"), tags=("one", "two words")),
    "00000000-0000-5000-8000-000000000004": Entry("withdrawing", said=("a1",), held=("a1",)),
    "00000000-0000-5000-8000-000000000005": Entry("withdrawn", said=("a1",), held=("a1",)),
    "00000000-0000-5000-8000-000000000006": Entry("refused", said=("a1",), held=("a1",), reason="no", version="2.5"),
}


@pytest.mark.parametrize("publish", [False, True])
def test_it_is_read_as_it_was_written(publish: bool) -> None:
    ledger = Ledger(dict(ENTRIES), publish)
    assert read_ledger(write_ledger(ledger)) == ledger
    assert write_ledger(read_ledger(write_ledger(ledger))) == write_ledger(ledger)


def test_nothing_is_an_empty_ledger() -> None:
    assert read_ledger(None) == Ledger()
    assert not read_ledger(None).known


@pytest.mark.parametrize("state", ["said", "withdrawn", "withdrawing"])
def test_an_event_is_known_once_something_of_it_was_confirmed(state: str) -> None:
    entry = next(entry for entry in ENTRIES.values() if entry.state == state)
    assert Ledger({"x": entry}).known
    assert not Ledger({"x": Entry("pending", meant=("a",))}).known


def _packed(value: object) -> str:
    return base64.b64encode(zlib.compress(orjson.dumps(value))).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "AAAA",
        _packed(7),
        _packed([1, {"x": ["q"]}, False]),
        _packed([1, {"x": ["?"] * 7}, False]),
        _packed([2, {}, False]),
    ],
)
def test_what_is_no_ledger_is_an_error(text: str) -> None:
    with pytest.raises(StoreError):
        read_ledger(text)


def test_it_is_less_than_a_hundred_bytes_a_child() -> None:
    held = holding_of(misp_event(large(500, edges=False)).event)
    entries = {uuid: Entry("said", said=digests_of(child), held=digests_of(child)) for uuid, child in held.items()}
    assert len(write_ledger(Ledger(entries))) < 100 * len(entries)
