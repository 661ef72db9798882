"""What is common to documents that are read entry by entry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vedette.extraction.drafting import Draft
from vedette.extraction.entries import MAX_UNREAD, Entry, done, each, first_byte, is_json, is_xml
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.subgraph import Position


def _entries(count: int, fault: str = "") -> Iterator[Entry[int]]:
    for number in range(count):
        yield Entry(value=number, start=number, end=number + 1)
    if fault:
        raise ExtractionError(fault)


def test_a_fault_behind_entries_is_a_problem_and_one_before_them_an_error() -> None:
    draft = Draft()
    assert [entry.value for entry in each(draft, _entries(2, "cut off"))] == [0, 1]
    [problem] = draft.done().problems
    assert (problem.position, problem.reason) == (Position("behind byte 2"), "cut off")
    with pytest.raises(ExtractionError, match="cut off"):
        list(each(Draft(), _entries(0, "cut off")))
    assert list(each(Draft(), _entries(0))) == []


def test_a_document_of_nothing_but_nonsense_is_given_up() -> None:
    draft, read = Draft(), 0
    for entry in each(draft, _entries(10 * MAX_UNREAD)):
        read += 1
        draft.skip(entry.position("x"), "nonsense")
    assert read == MAX_UNREAD
    with pytest.raises(ExtractionError, match=r"entry x \[0-1\]: nonsense"):
        done(draft)


def test_entries_that_state_nothing_or_are_good_later_are_read_on() -> None:
    quiet, mixed = Draft(), Draft()
    assert sum(1 for _ in each(quiet, _entries(2 * MAX_UNREAD))) == 2 * MAX_UNREAD
    for entry in each(mixed, _entries(2 * MAX_UNREAD)):
        mixed.vertex("IP", "192.0.2.1")
        mixed.skip(entry.position(""), "nonsense")
    assert mixed.skipped == 2 * MAX_UNREAD
    assert done(mixed)


def test_what_a_document_begins_with_is_found_behind_white_space() -> None:
    for lead in (b"", b"\xef\xbb\xbf", b" " * 10_000 + b"\n"):
        assert first_byte(lead + b"<") == len(lead)
        assert is_xml(Document(content=lead + b"<nvd/>"))
        assert is_json(Document(content=lead + b"{}"))
        assert not is_json(Document(content=lead + b"words"))
        assert not is_xml(Document(content=lead))
