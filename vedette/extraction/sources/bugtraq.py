"""`bugtraq`: SecurityFocus' pages on a vulnerability (info, discussion, exploit, solution, references), one or more.

Each page says something by itself; a vulnerability with one CVE id has that name, any other its Bugtraq id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

import lxml.html  # type: ignore[import-untyped]

from vedette.extraction.building import EXPLOIT_TARGET_RELATED, EXPLOITS, Building
from vedette.extraction.dates import checked_date
from vedette.extraction.entries import done
from vedette.extraction.interface import Document, Extractor
from vedette.extraction.pages import Page, labelled, lines_of, pages, text_of, visible
from vedette.extraction.remedies import POTENTIAL_COA, add_remedy
from vedette.extraction.subgraph import Position, Subgraph
from vedette.extraction.vulnerabilities import cve_id

RELATED_VULNERABILITY = "RelatedExploitTarget"
"""From a vulnerability to another one that is part of it."""

_ID = re.compile(r"/bid/(\d{1,9})(?:/|$)")
_DATE = "%b %d %Y %I:%M%p"
_TEXT = "//*[@id='vulnerability']"


class Bugtraq(Extractor):
    """Reads what a vulnerability is, which products have it, how it is exploited and what helps."""

    name: ClassVar[str] = "bugtraq"
    summary: ClassVar[str] = "SecurityFocus' pages on a vulnerability (HTML)"

    def extract(self, document: Document) -> Subgraph:
        """Return a vulnerability for each Bugtraq id that a page is about."""
        building = Building(source="Bugtraq")
        found: dict[str, list[_BugPage]] = {}
        for page in pages(document):
            bug = _BugPage.of(page)
            if bug is None:
                building.skip(page.position, "no page on a vulnerability: a Bugtraq id and a text are expected")
            else:
                found.setdefault(bug.number, []).append(bug)
        for number, about in found.items():
            cves = list(dict.fromkeys(cve for bug in about for cve in bug.cves))
            for bug in about:
                _add(building, number, cves, bug)
        return done(building)


class _BugPage:
    """One page on a vulnerability."""

    def __init__(self, page: Page, number: str, text: lxml.html.HtmlElement) -> None:
        self.number = number
        self.text = text
        self.position = Position(f"page {number}", page.position.start, page.position.end)
        self.facts = labelled(text.iter("td"))
        here = page.root.xpath("//li[@class='here']")
        self.kind = text_of(here[0]).lower() if here else ""
        self.cves = [cve for line in self.lines("cve") if (cve := cve_id(line))]

    @classmethod
    def of(cls, page: Page) -> _BugPage | None:
        """Return what a page is about; None: about nothing that is known here."""
        texts = page.root.xpath(_TEXT)
        if not texts:
            return None
        facts = labelled(texts[0].iter("td"))
        number = text_of(facts["bugtraq id"]) if "bugtraq id" in facts else ""
        numbers = (match[1] for link in page.root.iter("a") if (match := _ID.search(link.get("href", ""))))
        number = number or next(numbers, "")
        return cls(page, number, texts[0]) if number.isdigit() else None

    @property
    def title(self) -> str:
        """What the vulnerability is called."""
        titles = self.text.xpath(".//*[@class='title']")
        return text_of(titles[0]) if titles else ""

    def fact(self, label: str) -> str:
        """Return what the table of the first page says."""
        return text_of(self.facts[label]) if label in self.facts else ""

    def lines(self, label: str) -> list[str]:
        """Return the lines of what the table of the first page says."""
        return lines_of(self.facts[label]) if label in self.facts else []


def _add(building: Building, number: str, cves: list[str], page: _BugPage) -> None:
    position = page.position
    own = f"BID-{number}"
    # One of several is a part, and not another name: it would make one of vulnerabilities that are different.
    named = cves[0] if len(cves) == 1 else own
    vulnerability = building.vulnerability(
        named,
        position,
        description=text_of(page.text) if page.kind == "discussion" else None,
        alias=own if named != own else None,
        bugtraqID=number,
        shortDescription=page.title,
        **{"class": page.fact("class")},
        remote=page.fact("remote"),
        local=page.fact("local"),
        credit=page.fact("credit"),
        publishedDate=checked_date(building, position, "published", page.fact("published"), _DATE),
        modifiedDate=checked_date(building, position, "updated", page.fact("updated"), _DATE),
        notVulnerable=page.lines("not vulnerable"),
        references=list(_links(page.text)) if page.kind == "references" else None,
    )
    for cve in cves if named == own else ():
        building.edge(vulnerability, building.vulnerability(cve, position), RELATED_VULNERABILITY, position)
    for product, platforms in _products(page):
        made = building.vertex("Observable", product, observable="Product", position=position, description=product)
        building.edge(vulnerability, made, EXPLOIT_TARGET_RELATED, position, platforms=platforms)
    text = text_of(page.text).removeprefix(page.title).strip()
    if page.kind == "solution":
        add_remedy(building, vulnerability, text, POTENTIAL_COA, position)
    elif page.kind == "exploit":
        _add_exploit(building, vulnerability, text, page)


def _add_exploit(building: Building, vulnerability: str, text: str, page: _BugPage) -> None:
    """Say how it is exploited; where there is something to do it with, that is an exploit."""
    building.say(vulnerability, exploitability=text)
    for link in _links(page.text):
        exploit = building.exploit(link, page.position, description=text)
        building.edge(exploit, vulnerability, EXPLOITS, page.position)


def _links(text: lxml.html.HtmlElement) -> Iterator[str]:
    for item in text.iterfind(".//li"):
        for link in item.iter("a"):
            if href := link.get("href", "").strip():
                yield href


def _products(page: _BugPage) -> Iterator[tuple[str, list[str]]]:
    """Yield each product that is vulnerable, and what it is so on: `- Debian Linux 2.2` below it."""
    cell = page.facts.get("vulnerable")
    product, platforms = "", list[str]()
    for text, is_platform in _parts(cell) if cell is not None else ():
        if is_platform:
            platforms.append(text.lstrip("- "))
        else:
            if product:
                yield product, platforms
            product, platforms = text, []
    if product:
        yield product, platforms


def _parts(cell: lxml.html.HtmlElement) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a cell in order, and whether each is in an element of related things."""
    texts = [(cell.text or "", False)]
    for child in cell:
        texts += [(text_of(child), child.get("class") == "related"), (child.tail or "", False)]
    for text, is_platform in texts:
        if plain := " ".join(visible(text).split()):
            yield plain, is_platform
