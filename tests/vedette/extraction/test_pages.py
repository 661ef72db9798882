"""HTML pages as sources."""

from __future__ import annotations

import pytest

from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.pages import labelled, lines_of, pages, sections, text_of


def _roots(content: bytes) -> list[str]:
    return [text_of(page.root) for page in pages(Document(content=content))]


def test_pages_in_a_row_are_taken_apart() -> None:
    content = b"<!DOCTYPE html>\n<HTML>one</HTML>\n<html lang='en'>two</html> <!doctype html><body>three"
    found = pages(Document(content=content))
    assert [text_of(page.root) for page in found] == ["one", "two", "three"]
    places = [(page.position.start, page.position.end) for page in found]
    assert [content[start:end][:9] for start, end in places] == [b"<!DOCTYPE", b"<html lan", b"<!doctype"]


def test_text_is_as_it_is_shown() -> None:
    page = (
        b"<p>a<b>b</b>c<br>d<script>no()</script><!-- no -->e</p><div>f</div>g&nbsp;h\xe2\x80\x8bi <img src='u.png'>"
    )
    root = pages(Document(content=page))[0].root
    assert text_of(root) == "abc de f g hi"
    assert text_of(root, pictures=True).endswith("hi u.png")
    assert lines_of(root) == ["abc", "de", "f", "g hi"]


def test_tables_and_sections() -> None:
    page = b"""<table><tr><td>Type:</td><td>Trojan</td><td>Since: </td><td></td><td>Type:</td><td>no</td></tr></table>
        <div><h2>One:</h2><p>a</p><p>b</p><h2>Two</h2></div>"""
    root = pages(Document(content=page))[0].root
    assert {label: text_of(cell) for label, cell in labelled(root.iter("td")).items()} == {
        "type": "Trojan",
        "since": "",
    }
    parts = sections(root.find(".//div"), "h2")
    assert {name: text_of(*found) for name, found in parts.items()} == {"one": "a b", "two": ""}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"<html>" * 1_001, "more than 1000 pages"), (b"<!-- -->", "the page at byte 0")],
)
def test_what_is_no_page_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        pages(Document(content=content))


def test_other_charsets_and_endless_nesting_are_read() -> None:
    page = '<html><meta charset="iso-8859-1"><p>Zoë Straße, größer als je zuvor'.encode("latin-1")
    assert "Zoë Straße" in _roots(page)[0]
    assert _roots(b"<html>" + b"<div>" * 100_000 + b"x")
