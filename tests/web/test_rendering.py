"""The page made from a state: complete, balanced, and with nothing in it but text of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from vedette.messages.state import AgentState, Cell, ContactState, Panel
from web.rendering import LISTED, render_agent, render_problem

VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})
URL_ATTRIBUTES = frozenset({"href", "src", "action", "srcset", "formaction", "poster", "data", "xlink:href"})


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, every attribute once."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All text, as one line."""
        return " ".join(" ".join(self.words).split())

    def values(self, name: str) -> list[str]:
        """Return the values of an attribute, in order."""
        return [value for _, attribute, value in self.attributes if attribute == name]


def assert_harmless(page: Page) -> None:
    """Nothing from elsewhere, nothing inline, nothing that runs."""
    assert [tag for tag in page.tags if tag in {"iframe", "object", "embed", "base", "form", "style"}] == []
    assert page.tags.count("script") <= 1
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), f"<{tag} {name}>"
        assert name not in {"style", "srcdoc", "http-equiv"}, f"<{tag} {name}>"
        if name in URL_ATTRIBUTES:
            assert value in {"/", "#main", "?format=json"} or re.fullmatch(r"/static/[a-z]+\.[a-z]+", value)


def test_a_full_state_is_shown_in_full(full_state: AgentState) -> None:
    page = Page(render_agent(full_state, live=True))
    for words in (
        "Available 3 checks scheduled for 23 h 59 min , since 2026-11-21T00:00:50Z",
        "Rack 4, Luxembourg",
        "Vedette 0.1.0",
        "127.0.0.1:5222",
        "3fa1 9c02 … 77e0",
        "3fa1 9c02 d5b8 4e77",
        "Self-asserted time",
        "delivered 1,200",
        "backing off",
        "Last error 3 h 2 min ago 2026-11-21T20:58:00Z TimeoutError: no answer",
        "as expected 285",
        "4.1 KiB",
        "Sent inform deliver to aggregation@localhost 23,411 characters 3 s ago 2026-11-21T23:59:56Z",
        "refused: stranger@example.net is not enrolled",
        "Busy queue full: 10,000 items wait for the store",
        "No deviation so far.",
    ):
        assert words in page.text
    assert_harmless(page)


def test_an_empty_state_says_what_to_expect(empty_state: AgentState) -> None:
    page = Page(render_agent(empty_state, live=True))
    for words in ("not connected", "appear here as soon as", "The first will be", "once the agent is registered"):
        assert words in page.text
    assert "table" not in page.tags
    assert_harmless(page)


def test_a_snapshot_calls_itself_one_and_runs_no_script(full_state: AgentState) -> None:
    page = Page(render_agent(full_state, live=False))
    assert "Snapshot of 2026-11-22T00:00:00Z" in page.text
    assert not {"script", "button"} & set(page.tags)


def test_a_page_without_its_script_does_not_claim_to_be_live(full_state: AgentState) -> None:
    assert "As of 2026-11-22T00:00:00Z" in Page(render_agent(full_state, live=True)).text


def test_tables_have_captions_and_headings_and_landmarks_are_there(full_state: AgentState) -> None:
    page = Page(render_agent(full_state, live=True))
    assert page.tags.count("caption") == page.tags.count("table") == 3
    assert page.tags.count("th") == len(page.values("scope"))
    assert {"header", "main", "footer"} <= set(page.tags)
    identities = page.values("id")
    assert len(identities) == len(set(identities))
    assert set(page.values("aria-labelledby")) <= set(identities)


@pytest.mark.parametrize("live", [True, False])
def test_hostile_text_appears_as_text_everywhere(
    full_state: AgentState, make_hostile: Callable[[AgentState, str], AgentState], hostile_text: str, live: bool
) -> None:
    page = Page(render_agent(make_hostile(full_state, hostile_text), live=live))
    harmless = Page(render_agent(make_hostile(full_state, "harmless"), live=live))
    assert_harmless(page)
    assert page.tags == harmless.tags, "the text became an element"
    if hostile_text.isprintable():
        shown = page.text.count(hostile_text[:24].strip())
        # The fingerprint alone is shown in groups of four.
        assert shown >= harmless.text.count("harmless") - 1 > 60
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", page.text)


def test_every_hostile_text_at_once_stays_bounded(hostile_state: AgentState) -> None:
    text = render_agent(hostile_state, live=True)
    assert_harmless(Page(text))
    assert len(text) < 8_000_000


def test_what_is_not_listed_is_counted(full_state: AgentState) -> None:
    contacts = [ContactState(jid=f"probe{number}@localhost", show="gone") for number in range(LISTED + 1300)]
    page = Page(render_agent(full_state.model_copy(update={"contacts": contacts}), live=True))
    assert "1,300 more contacts in the JSON of this page" in page.text
    assert f"probe{LISTED}@localhost" not in page.text


def test_cells_of_every_kind_and_wrong_ones(full_state: AgentState) -> None:
    kinds = ("text", "time", "bytes", "count", "good", "bad", "warn", "code")
    rows = [[Cell(text=text, kind=kind) for kind in kinds] for text in ("2048", "not a number", "9" * 40)]
    panel = Panel(title="Kinds", columns=["only one column"], rows=rows)
    page = Page(render_agent(full_state.model_copy(update={"panels": [panel]}), live=True))
    assert "1970-01-01T00:00:00Z 2.0 KiB 2,048 2048 2048 2048 2048" in page.text
    assert page.text.count("not a number") == len(kinds)
    assert "outside the calendar" in page.text


@pytest.mark.parametrize("at", [0, -1, 4_070_908_800_000_000, 10**18, -(10**18), 10**40])
def test_clocks_that_are_off_are_shown_not_refused(full_state: AgentState, at: int) -> None:
    update = {"now": at, "started_at": at, "presence": full_state.presence.model_copy(update={"since": at})}
    assert_harmless(Page(render_agent(full_state.model_copy(update=update), live=True)))


def test_a_problem_is_a_small_page_of_ours() -> None:
    page = Page(render_problem(status=404, title="<b>Not Found", advice="Look elsewhere & again."))
    assert "404 <b>Not Found Look elsewhere & again." in page.text
    assert_harmless(page)
