"""What one run of a source came to, in numbers and in words."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

COUNTED = ("fetched", "unchanged", "new", "changed", "items", "refused", "errors")
"""What is counted, in the order in which it is shown."""

PROBLEMS = 20
"""Problems that a report keeps in words; all are counted."""


@dataclass(kw_only=True)
class Report:
    """One run of one source."""

    source: str
    """The source's name."""
    uri: str
    """Its URI, as it may be shown."""
    counts: Counter[str] = field(default_factory=Counter)
    """`fetched` bodies, `unchanged`, `new` and `changed` ones, `items`, what was `refused`, and `errors`."""
    problems: deque[str] = field(default_factory=lambda: deque(maxlen=PROBLEMS))
    """The last reasons of refusals and errors."""
    items: list[str] = field(default_factory=list)
    """Uuids of the items that it brought."""
    complete: bool = True
    """Whether all was seen that was to be seen; False: the next run tries again what is missing."""

    def refuse(self, reason: str) -> None:
        """Count what rules forbid."""
        self.counts["refused"] += 1
        self.problems.append(reason)

    def fail(self, reason: str) -> None:
        """Count what went wrong."""
        self.counts["errors"] += 1
        self.problems.append(reason)

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        numbers = {name: self.counts[name] for name in COUNTED}
        return {
            "source": self.source,
            "uri": self.uri,
            **numbers,
            "complete": self.complete,
            "problems": list(self.problems),
        }
