"""What reading items counts, and its tables on the agent's page."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from vedette.clock import Clock
from vedette.extraction.prose.keeping import Summary
from vedette.extraction.subgraph import Subgraph
from vedette.graph.drafted import Drafted
from vedette.messages.state import Cell, Panel

WINDOW = 60.0
"""Seconds over which the pace is told."""

MAX_LINES = 100
"""Extractors, and sources of items that are not for us, that have a line of their own."""

OTHERS = "others"
"""What the sources beyond that are called."""


@dataclass(kw_only=True)
class _Extractor:
    version: str = ""
    counted: Counter[str] = field(default_factory=Counter)
    last_error: str = ""
    last_at: int = 0


class Pace:
    """How much was done within the last minute."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._done: deque[tuple[float, int, int]] = deque()

    def note(self, items: int, mentions: int) -> None:
        """Note what was done now."""
        self._done.append((self._clock.monotonic(), items, mentions))
        self._forget()

    def each_second(self) -> tuple[float, float]:
        """Return items and mentions a second."""
        self._forget()
        seconds = max(1.0, min(WINDOW, self._clock.monotonic() - self._since))
        return sum(one[1] for one in self._done) / seconds, sum(one[2] for one in self._done) / seconds

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - WINDOW
        while self._done and self._done[0][0] < oldest:
            self._done.popleft()


class ExtractTally:
    """What became of items, by extractor; and which were not for us."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._extractors: dict[str, _Extractor] = {}
        self._others: dict[str, tuple[int, str]] = {}
        self._prose: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self.pace = Pace(clock=clock)

    def read(self, name: str, version: str, subgraph: Subgraph | Drafted) -> None:
        """Note that a document was read."""
        one = self._of(name)
        one.version = version
        one.counted.update(
            documents=1, vertices=len(subgraph.vertices), edges=len(subgraph.edges), skipped=subgraph.skipped
        )
        if subgraph.problems:
            one.last_error = f"skipped {subgraph.problems[0]}"[:400]

    def annotated(self, summary: Summary) -> None:
        """Note what a document of prose has."""
        if not summary.read:
            known = summary.language in self._unread or len(self._unread) < MAX_LINES
            self._unread[(summary.language or "unknown") if known else OTHERS] += 1
            return
        self._prose.update(
            documents=1, sentences=summary.sentences, entities=summary.entities, relations=summary.relations
        )

    def failed(self, name: str, reason: str) -> None:
        """Note that a document could not be read."""
        one = self._of(name)
        one.counted["failed"] += 1
        one.last_error = reason[:400]

    def not_ours(self, source: str, reason: str) -> None:
        """Note an item that no extractor reads."""
        key = source if source in self._others or len(self._others) < MAX_LINES else OTHERS
        self._others[key] = (self._others.get(key, (0, ""))[0] + 1, reason)

    def extractors(self) -> Panel:
        """Return the extractors as a table."""
        counted = ("documents", "vertices", "edges", "skipped", "failed")
        return Panel(
            title="Extractors",
            columns=["Extractor", "Version", *(name.capitalize() for name in counted), "Last problem", "Last used"],
            rows=[
                [
                    Cell(text=name, kind="code"),
                    Cell(text=one.version or "unknown"),
                    *(Cell(text=str(one.counted[what]), kind="count") for what in counted[:-1]),
                    Cell(text=str(one.counted["failed"]), kind="bad" if one.counted["failed"] else "good"),
                    Cell(text=one.last_error or "none"),
                    Cell(text=str(one.last_at), kind="time"),
                ]
                for name, one in sorted(self._extractors.items())
            ],
            empty="No document was read since this agent started.",
        )

    def prose(self, *, least_confidence: float) -> Panel:
        """Return what was read of prose as a table."""
        counted = ("documents", "sentences", "entities", "relations")
        unread = ", ".join(f"{name} {count}" for name, count in self._unread.most_common(20))
        return Panel(
            title="Prose",
            columns=[*(name.capitalize() for name in counted), "In languages not read", "Least confidence"],
            rows=[
                [
                    *(Cell(text=str(self._prose[name]), kind="count") for name in counted),
                    Cell(text=unread or "none"),
                    Cell(text=f"{least_confidence:g}"),
                ]
            ]
            if self._prose or self._unread
            else [],
            empty="No prose was read since this agent started.",
        )

    def others(self) -> Panel:
        """Return the items that no extractor reads."""
        return Panel(
            title="Not for RT",
            columns=["Source", "Items", "Why"],
            rows=[
                [Cell(text=source, kind="code"), Cell(text=str(count), kind="count"), Cell(text=reason[:400])]
                for source, (count, reason) in sorted(self._others.items())
            ],
            empty="Every item had an extractor.",
        )

    def _of(self, name: str) -> _Extractor:
        # Names are those of installed extractors: there are only so many.
        one = self._extractors.setdefault(name, _Extractor())
        one.last_at = self._clock.now()
        return one
