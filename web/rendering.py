"""Pages from values: the template environment, an agent's page, and the small page for a problem."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from vedette.messages.state import EXCERPT, AgentState
from web import formats

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
}
_STATE_TONES = {
    "running": "good",
    "waiting": "calm",
    "backing off": "warn",
    "paused": "warn",
    "stopped": "bad",
    "finished": "calm",
}


def render_agent(state: AgentState, *, live: bool) -> str:
    """Return the page that shows an agent's state.

    With `live` the page refreshes itself from its own address and says so when no answer comes; without,
    it is a snapshot and calls itself one.
    """
    return _environment().get_template("agent.html").render(state=state, live=live)


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
    )
    environment.tests["instant"] = formats.is_instant
    environment.globals.update(
        presence_words=_PRESENCE_WORDS,
        state_tones=_STATE_TONES,
        numeric=("bytes", "count"),
        listed=LISTED,
        excerpt_length=EXCERPT,
        cell_length=CELL,
    )
    return environment


def _finalize(value: Any) -> Any:
    """Make every printed value visible text; what a macro already escaped passes as it is."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    return formats.visible(value if isinstance(value, str) else str(value))
