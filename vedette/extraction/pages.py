"""HTML pages as sources: one after the other in a document, their text as a browser shows it, and their sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import lxml.html  # type: ignore[import-untyped]

from vedette.collection.charset import decode
from vedette.collection.content import ProcessingError
from vedette.collection.page_tree import parse_page
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.subgraph import Position

MAX_PAGES = 1_000
"""Pages in a document."""

_BEGIN = re.compile(rb"(?i)<!doctype\s{1,8}html|<html[\s>]")
_TYPE = b"<!"
_HIDDEN = frozenset({"script", "style", "noscript", "template", "head", "svg"})
_INLINE = frozenset(
    {"a", "abbr", "b", "big", "code", "em", "font", "i", "s", "small", "span", "strong", "sub", "sup", "tt", "u"}
)
# A browser shows nothing there, and F-Secure has them within names.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page."""

    root: lxml.html.HtmlElement
    position: Position
    """Where in the document it is."""


def pages(document: Document) -> list[Page]:
    """Return the pages of a document, in order; a page begins with its document type, or with `<html>`.

    Raises:
        ExtractionError: empty, too large, too many, or no HTML.
    """
    content = document.content
    if not content.strip():
        raise ExtractionError("the document is empty")
    starts = list(_starts(content)) or [0]
    if len(starts) > MAX_PAGES:
        raise ExtractionError(f"it has more than {MAX_PAGES} pages")
    found = []
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        text, _ = decode(content[start:end])
        try:
            root = parse_page(text)
        except ProcessingError as error:
            raise ExtractionError(f"the page at byte {start} {error}") from error
        found.append(Page(root=root, position=Position("page", start, end)))
    return found


def text_of(*elements: lxml.html.HtmlElement, pictures: bool = False) -> str:
    """Return what elements show, in one line; with `pictures`, the addresses of those in place."""
    return " ".join("".join(piece for one in elements for piece in _pieces(one, pictures)).split())


def lines_of(element: lxml.html.HtmlElement) -> list[str]:
    """Return what an element shows, as lines."""
    lines = "".join(_pieces(element, False)).split("\n")
    return [line for text in lines if (line := " ".join(text.split()))]


def own_text(element: lxml.html.HtmlElement) -> str:
    """Return an element's text before the first element in it."""
    return " ".join(visible(element.text or "").split())


def visible(text: str) -> str:
    """Return a text without characters that show nothing."""
    return text.translate(_INVISIBLE)


def labelled(cells: Iterable[lxml.html.HtmlElement]) -> dict[str, lxml.html.HtmlElement]:
    """Return the cells of a table that stand behind a cell with a label (`Type:`), by the label in lower case."""
    found: dict[str, lxml.html.HtmlElement] = {}
    label = ""
    for cell in cells:
        text = text_of(cell)
        if label:
            found.setdefault(label, cell)
            label = ""
        elif text.endswith(":"):
            label = text.removesuffix(":").lower()
    return found


def sections(parent: lxml.html.HtmlElement, heading: str) -> dict[str, list[lxml.html.HtmlElement]]:
    """Return the elements behind each heading in a parent, by the heading in lower case, without its colon."""
    found: dict[str, list[lxml.html.HtmlElement]] = {}
    now: list[lxml.html.HtmlElement] | None = None
    for child in parent:
        if child.tag == heading:
            now = found.setdefault(text_of(child).removesuffix(":").lower(), [])
        elif now is not None and isinstance(child.tag, str):
            now.append(child)
    return found


def _starts(content: bytes) -> Iterator[int]:
    typed = False
    for match in _BEGIN.finditer(content):
        is_type = match[0].startswith(_TYPE)
        # The `<html>` behind a document type is the same page's.
        if is_type or not typed:
            yield match.start()
        typed = is_type


def _pieces(element: lxml.html.HtmlElement, pictures: bool) -> Iterator[str]:
    tag = element.tag
    if not isinstance(tag, str) or tag in _HIDDEN:
        return
    edge = "" if tag in _INLINE else "\n"
    yield edge
    if pictures and tag == "img":
        yield element.get("src", "")
    yield visible(element.text or "")
    for child in element:
        yield from _pieces(child, pictures)
        yield visible(child.tail or "")
    yield edge
