"""The texts that the graph is searched by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.graph_statements import Statements

_FORGET = (
    "INSERT INTO graph_search (graph_search, rowid, text) SELECT 'delete', node, text FROM graph_text WHERE node = ?"
)


def write_words(statements: Statements, words: Mapping[int, str], *, new: bool) -> None:
    """Write nodes' texts.

    Args:
        statements: of a transaction.
        words: by node.
        new: whether none of them has a text yet.
    """
    if not new:
        forget_words(statements, list(words))
    rows = list(words.items())
    statements.insert("graph_text (node, text)", rows)
    if not statements.is_postgresql:
        statements.insert("graph_search (rowid, text)", rows)


def forget_words(statements: Statements, nodes: Sequence[int]) -> None:
    """Remove nodes' texts."""
    rows = [(node,) for node in nodes]
    if not statements.is_postgresql:
        # FTS5 finds what to remove by the old text, so that has to be there until then.
        statements.many(_FORGET, rows)
    statements.many("DELETE FROM graph_text WHERE node = ?", rows)
