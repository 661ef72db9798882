"""What we remember of an event at a server: what we said last, and what the server made of it. Pure.

Without it nobody could tell a person's edit from our own older word, nor a child that somebody deleted from one that
never arrived. It is written twice in an export: before the first request, with what is intended (`pending`,
`withdrawing`), and after the answer was read back. So a process that is killed in between leaves an intention behind:
what it meant to send is known to be ours whether it arrived or not.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from vedette.errors import StoreError
from vedette.sharing.misp.holding import Child, digest

State = Literal["pending", "said", "withdrawing", "withdrawn", "refused"]
"""pending: meant to be said, not confirmed yet; said: confirmed; withdrawing, withdrawn: the same for its deletion;
refused: the server did not take it."""

MAX_TEXT: Final = 64 * 1024 * 1024
"""Bytes of a ledger, unpacked."""

_LETTERS: Final[Mapping[str, State]] = {
    "p": "pending",
    "s": "said",
    "w": "withdrawing",
    "W": "withdrawn",
    "r": "refused",
}
_LETTER_OF: Final = {state: letter for letter, state in _LETTERS.items()}
_VERSION: Final = 1

Digests = tuple[str, ...]
"""Of the fields of a child (`holding.digest`), in their order."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of one child."""

    state: State
    said: Digests = ()
    """What we said last and is confirmed; empty: nothing yet."""
    held: Digests = ()
    """What the server had then: it may write the same in another way."""
    meant: Digests = ()
    """What was sent, or was about to be, and is not confirmed."""
    tags: tuple[str, ...] = ()
    """Tags of ours on it."""
    reason: str = ""
    """Why it was refused."""
    version: str = ""
    """Of the server that refused it: another may take it."""


@dataclass(slots=True)
class Ledger:
    """All that is remembered of one event."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By UUID."""
    publish: bool = False
    """Whether something was sent that is not published yet, although it is to be."""

    @property
    def known(self) -> bool:
        """Whether the event was there once, by our word."""
        return any(entry.state in {"said", "withdrawn", "withdrawing"} for entry in self.entries.values())

    def copy(self) -> Ledger:
        """Return one that can be changed apart."""
        return Ledger(dict(self.entries), self.publish)


def digests_of(child: Child) -> Digests:
    """Return what stands for a child's fields."""
    return tuple(map(digest, child.fields))


def write_ledger(ledger: Ledger) -> str:
    """Return a ledger as text: JSON, packed."""
    rows = {uuid: _row(entry) for uuid, entry in ledger.entries.items()}
    data = orjson.dumps([_VERSION, rows, ledger.publish], option=orjson.OPT_SORT_KEYS)
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def read_ledger(text: str | None) -> Ledger:
    """Return a ledger from its text; None: an empty one.

    Raises:
        StoreError: it is none, or of a later release.
    """
    if text is None:
        return Ledger()
    try:
        unpacked = zlib.decompressobj()
        version, rows, publish = orjson.loads(unpacked.decompress(base64.b64decode(text), MAX_TEXT))
        if version != _VERSION:
            raise StoreError(f"the ledger of a MISP event has version {version}: it was written by a later Vedette")
        return Ledger({uuid: _entry(row) for uuid, row in rows.items()}, bool(publish))
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise StoreError(f"the ledger of a MISP event cannot be read: {error}; restore it from a backup") from error


def _row(entry: Entry) -> Sequence[Any]:
    held = "" if entry.held == entry.said else " ".join(entry.held)
    return (
        _LETTER_OF[entry.state],
        " ".join(entry.said),
        held,
        " ".join(entry.meant),
        entry.tags,
        entry.reason,
        entry.version,
    )


def _entry(row: Sequence[Any]) -> Entry:
    letter, said, held, meant, tags, reason, version = row
    digests = tuple(said.split())
    return Entry(
        state=_LETTERS[letter],
        said=digests,
        held=tuple(held.split()) if held else digests,
        meant=tuple(meant.split()),
        tags=tuple(tags),
        reason=reason,
        version=version,
    )
