"""Pages from values: the template environment, an agent's page, and the small page for a problem."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from vedette.messages.state import EXCERPT, AgentState
from web import formats
from web.console import annotation_addresses, graph_addresses, sharing_addresses
from web.console.graph_properties import texts_of
from web.console.graph_style import style_of
from web.description_page import groups_of

LISTED = 200
"""Entries of one list on a page; past it the page says how many more there are in the JSON."""

CELL = 300
"""Characters of a panel's cell on a page: a row stays a row."""

_PRESENCE_WORDS = {
    "available": "Available",
    "away": "Away",
    "dnd": "Busy",
    "gone": "Gone",
    "unknown": "Unknown",
    "idle": "Idle until there is work",
}
_STATE_TONES = {
    "running": "good",
    "waiting": "calm",
    "backing off": "warn",
    "paused": "warn",
    "stopped": "bad",
    "finished": "calm",
}
_PROOF_TONES = {
    "pending": "calm",
    # It proves the order to us, and no time to others.
    "self-asserted": "calm",
    "proved": "good",
    "strong": "good",
    "failed": "bad",
}
_LINK_WORDS = {
    "payload": "Payload",
    "statement": "Statement",
    "tree": "Hash tree of the batch",
    "token": "Time-stamp",
    "certificate": "Certificate",
}


def render_agent(state: AgentState, *, live: bool) -> str:
    """Return the page that shows an agent's state.

    With `live` the page refreshes itself from its own address and says so when no answer comes; without,
    it is a snapshot and calls itself one.
    """
    return _environment().get_template("agent.html").render(state=state, live=live)


def render_form(template: str, **values: Any) -> str:
    """Return a page with a form: logging in, set-up, the account."""
    return _environment().get_template(template).render(**values)


def render_description(document: dict[str, Any]) -> str:
    """Return the page that describes the API, from its OpenAPI document."""
    return _environment().get_template("docs.html").render(document=document, groups=groups_of(document))


def render_problem(*, status: int, title: str, advice: str) -> str:
    """Return the small page for a request that has no better answer."""
    return _environment().get_template("problem.html").render(status=status, title=title, advice=advice)


@cache
def _environment() -> jinja2.Environment:
    """Return the one environment: everything escaped, nothing undefined, nothing invisible."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        brief=formats.brief,
        instant=formats.instant,
        duration=formats.duration,
        ago=formats.ago,
        count=formats.count,
        size=formats.size,
        whole=formats.whole,
        fingerprint=formats.fingerprint,
        short_fingerprint=formats.short_fingerprint,
        coded=_coded,
        exact=_exact,
        segment=_segment,
        percent=formats.percent,
        texts=texts_of,
        graph_style=style_of,
        vertex_segment=graph_addresses.vertex_segment,
        vertex_address=graph_addresses.vertex_address,
        edge_address=graph_addresses.edge_address,
        said_address=graph_addresses.said_address,
        picture_address=graph_addresses.picture_address,
        share_address=sharing_addresses.share_address,
        text_address=annotation_addresses.text_address,
        entity_address=annotation_addresses.entity_address,
        sentence_address=annotation_addresses.sentence_address,
        sentence_of=annotation_addresses.sentence_of,
        graph_search_address=graph_addresses.search_address,
    )
    environment.tests["instant"] = formats.is_instant
    environment.globals.update(
        presence_words=_PRESENCE_WORDS,
        state_tones=_STATE_TONES,
        proof_tones=_PROOF_TONES,
        link_words=_LINK_WORDS,
        numeric=("bytes", "count"),
        listed=LISTED,
        excerpt_length=EXCERPT,
        cell_length=CELL,
    )
    return environment


def _coded(text: str) -> Markup:
    """Return a text in which what stands between backticks is code."""
    parts = [Markup.escape(formats.visible(part)) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )


def _exact(text: str) -> Markup:
    """Return a text for an attribute that a browser sends back: whole, and not made visible."""
    return Markup.escape(text)


def _segment(text: str) -> Markup:
    """Return a text as one segment of a path."""
    return Markup.escape(quote(text, safe=""))


def _finalize(value: Any) -> Any:
    """Make every printed value visible text; what a macro already escaped passes as it is."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    return formats.visible(value if isinstance(value, str) else str(value))
