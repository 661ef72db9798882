"""Figures as tables: for a terminal, and for the model card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from vedette.extraction.prose.evaluation.measures import Summary

Row = list[str]

_FIGURE = re.compile(r"^\| `([^`]+)` \| (-?[0-9.]+)", re.MULTILINE)

BEGIN: Final = "<!-- figures: written by make evaluate -->"
END: Final = "<!-- end of figures -->"
"""Between these two a card's figures stand; whatever else stands there is replaced."""


def text_report(summaries: Sequence[Summary]) -> str:
    """Return tables for people: a table a data set, a row a label, a column a figure."""
    return "\n".join(line for part, rows in _tables(summaries) for line in (part, *_aligned(rows), ""))


def markdown_report(summaries: Sequence[Summary]) -> str:
    """Return the same tables as Markdown."""
    lines: list[str] = []
    for part, rows in _tables(summaries):
        head, *rest = rows
        lines += [f"**{part}**", "", _piped(head), _piped(["---"] * len(head)), *map(_piped, rest), ""]
    return "\n".join(lines)


def card_report(summaries: Sequence[Summary]) -> str:
    """Return what a model card says of figures: those with a target first, then all of them."""
    rows = [["figure", "value", "target", ""], ["---"] * 4]
    for one in summaries:
        if one.met is not None:
            bound = "at most" if one.measure.at_most else "at least"
            verdict = "met" if one.met else "missed"
            rows.append([f"`{one.measure.name}`", _cell(one), f"{bound} {one.measure.target}", verdict])
    return "\n".join([*map(_piped, rows), "", markdown_report(summaries)])


def with_figures(card: str, figures: str) -> str:
    """Return a model card with other figures between its two marks.

    Raises:
        ValueError: the marks are not there, or not once each in this order.
    """
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after or END in before:
        raise ValueError(f"the card must have {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n{figures.strip()}\n{END}{after}"


def targets_report(summaries: Sequence[Summary]) -> str:
    """Return one line for each figure that has a target: what it is, what it should be."""
    return "".join(
        f"{'met   ' if one.met else 'MISSED'} {one.measure.name} {one.measure.value:.3f} "
        f"({'at most' if one.measure.at_most else 'at least'} {one.measure.target})\n"
        for one in summaries
        if one.met is not None
    )


def _tables(summaries: Sequence[Summary]) -> Iterator[tuple[str, list[Row]]]:
    """Yield each part with its rows, the first of which names the columns."""
    for part, grouped in groupby(summaries, key=lambda one: one.measure.part):
        some = list(grouped)
        figures = list(dict.fromkeys(one.measure.figure for one in some))
        labels = list(dict.fromkeys(one.measure.of for one in some))
        cells = {(one.measure.of, one.measure.figure): one for one in some}
        counts = {one.measure.of: one.measure.count for one in some}
        rows = [
            [label, *(_cell(cells.get((label, figure))) for figure in figures), str(counts[label])]
            for label in labels
        ]
        yield part, [["", *figures, "count"], *rows]


def _cell(one: Summary | None) -> str:
    """Return a figure in three digits; of several weights with half the distance between the best and the worst."""
    if one is None:
        return ""
    told = f"{one.measure.value:.3f}"
    return told if one.weights == 1 else f"{told} ± {(one.highest - one.lowest) / 2:.3f}"


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        first, *rest = row
        yield "  " + "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]).rstrip()


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def figures_of(card: str) -> dict[str, float]:
    """Return the figures that have a target, by name, as a model card tells them; empty: it tells none yet."""
    _, _, told = card.partition(BEGIN)
    return {name: float(value) for name, value in _FIGURE.findall(told.partition(END)[0])}
