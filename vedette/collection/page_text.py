"""`removeHTML`: the main text of a page, with title, author, date and language, as trafilatura finds them."""

from __future__ import annotations

import re

import lxml.html  # type: ignore[import-untyped]
import trafilatura

from vedette.collection.charset import decode
from vedette.collection.content import Budget, Content
from vedette.collection.page_tree import parse_page
from vedette.collection.processing import PostProcessor

_NOT_TEXT = "//script|//style|//noscript|//template|//head"
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_ZERO = dict.fromkeys(range(32), " ") | {9: "\t", 10: "\n", 13: "\n"}


class RemoveHtml(PostProcessor):
    """Takes menus, advertisements and tags away."""

    summary = "Main text of a page; title, author, date and language as facts"

    def process(self, content: Content, budget: Budget) -> list[Content]:
        """Return the text as UTF-8; a page without main text gives all the text that it has."""
        text, _ = decode(content.data, declared=content.charset)
        root = parse_page(text)
        found = trafilatura.bare_extraction(root, with_metadata=True, include_comments=False, url=None)
        facts = {"language": _language(root)}
        main = ""
        if found is not None and not isinstance(found, dict):
            main = found.text or ""
            facts |= {"title": found.title, "author": found.author, "date": found.date, "site": found.sitename}
            facts["language"] = facts["language"] or found.language
        if not main.strip():
            main = _all_text(parse_page(text))
        facts["title"] = facts.get("title") or _title(root)
        data = main.translate(_ZERO).strip().encode("utf-8", errors="replace")
        budget.take(len(data))
        return [content.with_facts(facts, data=data, content_type="text/plain", charset="utf-8")]


def _all_text(root: lxml.html.HtmlElement) -> str:
    for element in root.xpath(_NOT_TEXT):
        element.drop_tree()
    lines = (" ".join(line.split()) for line in root.itertext())
    return "\n".join(filter(None, lines))


def _title(root: lxml.html.HtmlElement) -> str | None:
    return str(root.findtext(".//title") or "") or None


def _language(root: lxml.html.HtmlElement) -> str | None:
    said = str(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")
    return said if _LANGUAGE.fullmatch(said) else None
