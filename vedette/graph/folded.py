"""What mentions of one thing say together, and how it is kept: as JSON, by a name, and searched by words."""

from __future__ import annotations

from typing import Final

from vedette.graph.folding import Entry, State, name_of, read_state, texts, unite, write_state

MAX_WORDS: Final = 20_000
"""Characters of a node's text that are searched."""

LONG: Final = 10**9
"""From here on, whole numbers are not searched: ports and whatever else people look for are below."""


class Folded:
    """A state, at hand as values or as it is kept: the other is made when it is asked for, of millions of mentions.

    Equal ones have equal JSON.
    """

    __slots__ = ("_json", "_name", "_state", "_words")

    def __init__(
        self, state: State | None = None, *, json: str = "", name: str | None = None, words: str | None = None
    ) -> None:
        """Hold it.

        Args:
            state: its values; not to be changed. Without them `json` is given.
            json: as `write_state` writes it; empty: made of the values.
            name: as `name_of` finds it; None: found.
            words: as `words_of` makes them; None: made.
        """
        self._state, self._json, self._name, self._words = state, json, name, words

    @property
    def state(self) -> State:
        """Its values."""
        if self._state is None:
            self._state = read_state(self._json)
        return self._state

    @property
    def json(self) -> str:
        """It as JSON."""
        if not self._json:
            self._json = write_state(self.state)
        return self._json

    @property
    def name(self) -> str:
        """The name that it shows."""
        if self._name is None:
            self._name = name_of(self.state)
        return self._name

    @property
    def words(self) -> str:
        """What it is searched by."""
        if self._words is None:
            self._words = words_of(self.state)
        return self._words

    def may_have(self, name: str) -> bool:
        """Tell whether it may have a property; false is certain."""
        return f'"{name}"' in self._json if self._state is None else name in self._state

    def is_same(self, other: Folded) -> bool:
        """Tell whether both say the same."""
        if self._json and other._json:
            return self._json == other._json
        return self.state == other.state

    def united(self, other: Folded) -> Folded:
        """Return what both say together."""
        if self.is_same(other):
            return self
        state = unite(self.state, other.state)
        return self if state == self.state else Folded(state)


def words_of(state: State) -> str:
    """Return what a node is searched by: its name and its other values, each once and on a line of its own.

    Without long numbers: instants (milliseconds) and addresses as numbers, of which nobody knows a part, take a third
    of what the index that finds parts of words costs.
    """
    lines: dict[str, None] = {name_of(state): None}
    for name in sorted(state):
        entry = state[name]
        if not _is_long_number(entry):
            for text in texts(entry):
                lines[text] = None
    return "\n".join(lines)[:MAX_WORDS]


def _is_long_number(entry: Entry) -> bool:
    """Tell whether all that an entry says is numbers of ten digits and more."""
    if isinstance(entry, list):
        return False
    ((rule, held),) = entry.items()
    values = held if rule == "one" else held[:1]
    return all(type(value) is int and abs(value) >= LONG for value in values)
