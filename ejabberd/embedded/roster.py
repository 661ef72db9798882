"""Rosters: who may see whose presence, kept over restarts (RFC 6121 section 2)."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from ejabberd.embedded.address import Address

ROSTER = "jabber:iq:roster"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS roster (
    owner TEXT, contact TEXT, entry TEXT NOT NULL, PRIMARY KEY (owner, contact)
) STRICT, WITHOUT ROWID
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one account holds about one contact."""

    to: bool = False
    """The owner sees the contact's presence."""
    by: bool = False
    """The contact sees the owner's presence ("from" in the RFC)."""
    asked: bool = False
    """The owner asked to see it and has no answer yet."""
    waiting: bool = False
    """The contact asked and the owner has not answered: told at each login (RFC 6121 section 3.1.3)."""
    name: str = ""
    """What the owner calls the contact."""
    groups: tuple[str, ...] = ()
    """The owner's groups for it."""

    @property
    def subscription(self) -> str:
        """The state's name in roster items: none, to, from or both."""
        return {(False, False): "none", (True, False): "to", (False, True): "from", (True, True): "both"}[
            self.to, self.by
        ]

    @property
    def is_listed(self) -> bool:
        """Whether clients see it: an unanswered request alone is no roster item (RFC 6121 section A.1)."""
        return self.to or self.by or self.asked or bool(self.name) or bool(self.groups) or not self.waiting

    def item(self, contact: Address) -> Element:
        """Return it as the `item` of a roster result or push."""
        item = Element(f"{{{ROSTER}}}item", {"jid": str(contact), "subscription": self.subscription})
        if self.asked:
            item.set("ask", "subscribe")
        if self.name:
            item.set("name", self.name)
        for group in self.groups:
            SubElement(item, f"{{{ROSTER}}}group").text = group
        return item


class Rosters:
    """Every account's roster, in memory and written through to one SQLite file.

    Raises:
        sqlite3.Error: from the constructor and every change, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # A subscription lost to a power cut is asked for again at the agent's next start.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)
        self._entries: dict[Address, dict[Address, Entry]] = {}
        for owner, contact, text in self._connection.execute("SELECT owner, contact, entry FROM roster"):
            fields = json.loads(text)
            fields["groups"] = tuple(fields["groups"])
            self._entries.setdefault(Address.parse(owner), {})[Address.parse(contact)] = Entry(**fields)

    def of(self, owner: Address) -> dict[Address, Entry]:
        """Return a copy of the owner's (bare address) entries by contact."""
        return dict(self._entries.get(owner, {}))

    def owners(self) -> list[Address]:
        """Return the bare addresses that have a roster."""
        return list(self._entries)

    def entry(self, owner: Address, contact: Address) -> Entry | None:
        """Return the owner's entry about the contact, both bare addresses."""
        return self._entries.get(owner, {}).get(contact)

    def change(self, owner: Address, contact: Address, **fields: bool | str | tuple[str, ...]) -> Entry | None:
        """Set fields of an entry, making it if need be; None when that changed nothing."""
        old = self.entry(owner, contact)
        new = replace(old or Entry(), **fields)  # type: ignore[arg-type]  # the fields' own types differ
        if new == old:
            return None
        self._connection.execute(
            "INSERT OR REPLACE INTO roster VALUES (?, ?, ?)", (str(owner), str(contact), json.dumps(new.__dict__))
        )
        self._entries.setdefault(owner, {})[contact] = new
        return new

    def forget(self, owner: Address, contact: Address) -> None:
        """Remove an entry."""
        self._connection.execute("DELETE FROM roster WHERE owner = ? AND contact = ?", (str(owner), str(contact)))
        mine = self._entries.get(owner, {})
        mine.pop(contact, None)
        if not mine:
            self._entries.pop(owner, None)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
