"""Under what else a node is known: its aliases, and the values of properties that identify it."""

from __future__ import annotations

from registry.graph_session import Session
from registry.graph_statements import Row
from vedette.graph.canonical import as_text, canonical, short
from vedette.graph.folding import State, texts
from vedette.graph.ontology import ResolvedKind

Claim = tuple[str, str]
"""The rule, `alias` or `key`, and the text."""


def claims_of(kind: ResolvedKind, name: str, state: State) -> frozenset[Claim]:
    """Return what a node's state claims.

    Args:
        kind: its type.
        name: its canonical name, which is no alias.
        state: what is said of it.
    """
    found = {("alias", canonical(kind.form, text)) for text in texts(state.get("alias", []))} - {("alias", name)}
    for key in kind.kind.keys:
        values = {as_text(text) for text in texts(state.get(key, []))}
        if len(values) == 1:
            # With several, the name is of several things (`setup.exe`), and would make all of them one.
            found.add(("key", short(f"{key}:{values.pop()}")))
    return frozenset(found)


class ClaimChanges:
    """Collects what nodes claim newly, or no longer, and writes it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._added: list[Row] = []
        self._removed: list[Row] = []

    def change(self, id: int, kind: ResolvedKind, *, before: frozenset[Claim], now: frozenset[Claim]) -> None:
        """Note what a node claimed before and now."""
        self._added += [(text, kind.key, rule, id) for rule, text in now - before]
        self._removed += [(text, kind.key, rule, id) for rule, text in before - now]
        if before != now and kind.may_merge:
            self._session.touched.add(id)
            self._session.released.update((text, kind.key, rule) for rule, text in before - now)

    def write(self) -> None:
        """Write what was noted."""
        statements = self._session.statements
        delete = "DELETE FROM graph_claim WHERE text = ? AND kind = ? AND rule = ? AND node = ?"
        statements.many(delete, self._removed)
        insert = "INSERT INTO graph_claim (text, kind, rule, node) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        statements.many(insert, self._added)
        self._added, self._removed = [], []
