"""Which investigation is meant: one line of `key=value` words, as people write it and as it is kept. Pure.

Words are quoted as in a shell (`text="a name"`), each key may be there once, and all conditions hold together:

- `item=UUID`: one item; it stands alone.
- `job=UUID`: what a one-shot job brought.
- `target=`, `agent=`, `type=`, `format=`, `check=`, `source=` (a routing key, with `*` and `#`), `verdict=`,
  `state=` (how far proved): items that have these.
- `since=`, `until=`: items received then or later, and before: `2026-11-22`, `2026-11-22T10:00:00+01:00`, or so long
  ago, `90m`, `12h`, `2d`, `1w`, which is made a time when it is read.
- `vertex=` (an id, or a name) and `depth=0..3`: what lies around a vertex of the graph.
- `text="words"`, `vertexType=`, `observableType=`, `name=`: vertices that a search finds; with `since=`, seen since.

`share=` and `part=` are written by Vedette: the share of the configuration that it is of, and what that is split by.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Self

from vedette.clock import Clock, from_datetime
from vedette.errors import RefusedError
from vedette.sharing.investigation import InvestigationKind
from vedette.sharing.selection_values import FORMS, PARTS, instant

MAX_TEXT: Final = 4096
"""Characters of a selection."""

MAX_VALUE: Final = 1024
"""Characters of one value."""

_DAY: Final = timedelta(days=1)
_ITEM_WORDS: Final = frozenset({"agent", "check", "format", "job", "source", "state", "target", "type", "verdict"})
_TIME_WORDS: Final = frozenset({"since", "until"})
_SEARCH_WORDS: Final = frozenset({"name", "observableType", "text", "vertexType"})
_VERTEX_WORDS: Final = frozenset({"depth", "vertex"})
_SHARE_WORDS: Final = frozenset({"part", "share"})
_KEYS: Final = sorted({"item"} | _ITEM_WORDS | _TIME_WORDS | _SEARCH_WORDS | _VERTEX_WORDS)
_ALONE: Final[Mapping[frozenset[str], InvestigationKind]] = {
    frozenset({"item"}): "item",
    frozenset({"target"}): "target",
    frozenset({"job"}): "job",
    frozenset({"since"}): "window",
    frozenset({"until"}): "window",
    frozenset({"since", "until"}): "window",
    frozenset({"vertex"}): "neighbourhood",
    frozenset({"vertex", "depth"}): "neighbourhood",
}
"""Words that are a kind of their own; all others are a search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What an investigation is about."""

    kind: InvestigationKind
    """Its kind: the most special that the words allow."""
    words: Mapping[str, str]
    """The words, checked and in canonical form, sorted by key; without those of a share."""
    name: str = ""
    """Name of the share that it is of; empty: none. It is then what the investigation is known by."""
    part: str = ""
    """What the share is split by: `target`, `job` or `day`; empty: it is not split."""

    @classmethod
    def parse(cls, text: str, *, clock: Clock) -> Self:
        """Return the selection that a line is.

        Args:
            text: words.
            clock: what times like `2d` are counted from.

        Raises:
            RefusedError: names the word and says what is wrong.
        """
        words = {key: FORMS[key](value, clock) for key, value in _split(text).items()}
        name, part = words.pop("share", ""), words.pop("part", "")
        _check_together(words)
        if part and (not name or not _is_split(words, part)):
            raise RefusedError("part", "is written by Vedette, beside share= and what it is split by")
        return cls(kind=_kind(words), words=MappingProxyType(dict(sorted(words.items()))), name=name, part=part)

    @classmethod
    def of_share(cls, name: str, text: str, *, clock: Clock, part: str = "") -> Self:
        """Return the selection of a share of the configuration, or of one part of it.

        Args:
            name: the share's.
            text: what it selects.
            clock: what times like `2d` are counted from.
            part: `target=192.0.2.7`, `job=UUID` or `day=2026-11-22` (UTC): only that; empty: all.

        Raises:
            RefusedError: names the word and says what is wrong.
        """
        whole = cls.parse(text, clock=clock)
        words = {**whole.words, "share": name}
        if part:
            key, _, value = part.partition("=")
            if key not in PARTS:
                raise RefusedError("part", f"{key[:40]!r}: a share is split by {', '.join(PARTS)}")
            words |= {**_narrowed(whole.words, key, value, clock), "part": key}
        return cls.parse(_join(words), clock=clock)

    @property
    def text(self) -> str:
        """The words as one line; parsing it gives the same again."""
        share = {key: value for key, value in (("share", self.name), ("part", self.part)) if value}
        return _join({**self.words, **share})

    @property
    def key(self) -> str:
        """What the investigation is known by (`Investigation.key`): the same for the same, whatever is found."""
        if not self.name:
            return f"{self.kind}:{self._what}"
        if not self.part:
            return f"search:{self.name}"
        return f"search:{self.name}/{self.part}:{self._part_value}"

    @property
    def title(self) -> str:
        """One line for a person."""
        if not self.name:
            return {"job": f"Job {self._what}", "item": f"Item {self._what}"}.get(self.kind, self._what)
        return self.name if not self.part else f"{self.name}: {self._part_value}"

    @property
    def since(self) -> int | None:
        """The time of `since=`, UTC, microseconds."""
        return self._time("since")

    @property
    def until(self) -> int | None:
        """The time of `until=`, UTC, microseconds."""
        return self._time("until")

    @property
    def is_of_graph(self) -> bool:
        """Whether the graph is asked, not the items."""
        return not _SEARCH_WORDS.isdisjoint(self.words) or "vertex" in self.words

    @property
    def _what(self) -> str:
        if self.kind == "window":
            return f"{self.words.get('since', '')}..{self.words.get('until', '')}"
        if self.kind == "neighbourhood":
            depth = self.words.get("depth", "1")
            return self.words["vertex"] if depth == "1" else f"{self.words['vertex']} depth={depth}"
        return self.words[self.kind] if self.kind in self.words else _join(self.words)

    @property
    def _part_value(self) -> str:
        return self.words["since"][:10] if self.part == "day" else self.words[self.part]

    def _time(self, key: str) -> int | None:
        return None if key not in self.words else from_datetime(datetime.fromisoformat(self.words[key]))


def _split(text: str) -> dict[str, str]:
    """Return the words as they are written.

    Raises:
        RefusedError: it is no line of words, or a key is not known or there twice.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        raise RefusedError("select", f"must have 1 to {MAX_TEXT} characters, such as target=192.0.2.7")
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise RefusedError("select", f"{error}; quote as in a shell") from error
    words: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or key not in FORMS:
            raise RefusedError("select", f"{part[:60]!r}: words are KEY=VALUE, with KEY one of {', '.join(_KEYS)}")
        if key in words:
            raise RefusedError(key, "is there twice")
        if not value or len(value) > MAX_VALUE or not value.isprintable():
            raise RefusedError(key, f"must have 1 to {MAX_VALUE} characters that can be printed")
        words[key] = value
    return words


def _join(words: Mapping[str, str]) -> str:
    return " ".join(f"{key}={shlex.quote(words[key])}" for key in sorted(words))


def _kind(words: Mapping[str, str]) -> InvestigationKind:
    return _ALONE.get(frozenset(words), "search")


def _check_together(words: Mapping[str, str]) -> None:
    """Check that the words may stand together.

    Raises:
        RefusedError: they may not; names the first that is too much.
    """
    given = set(words)
    if not given:
        raise RefusedError("select", "says nothing of what is meant")
    if "depth" in given and "vertex" not in given:
        raise RefusedError("depth", "is of a neighbourhood: say vertex=, too")
    for some, others in (({"item"}, given), (_VERTEX_WORDS, given), (_SEARCH_WORDS, given - {"since"})):
        odd = sorted(others - set(some))
        if given & some and odd:
            raise RefusedError(odd[0], f"cannot be combined with {min(given & some)}=")
    if "since" in words and "until" in words and words["since"] >= words["until"]:
        raise RefusedError("until", "is not after since")


def _is_split(words: Mapping[str, str], part: str) -> bool:
    return {"since", "until"} <= words.keys() if part == "day" else part in words


def _narrowed(words: Mapping[str, str], key: str, value: str, clock: Clock) -> dict[str, str]:
    """Return the words that only one part of a share has."""
    if key != "day":
        wanted = FORMS[key](value, clock)
        if words.get(key, wanted) != wanted:
            raise RefusedError("part", f"{key}={value[:60]} is not in what the share selects")
        return {key: wanted}
    try:
        start = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusedError("part", f"day={value[:40]!r} is no day such as 2026-11-22") from error
    since, until = instant(start), instant(start + _DAY)
    return {"since": max(since, words.get("since", since)), "until": min(until, words.get("until", until))}
