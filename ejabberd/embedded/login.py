"""Checking who logs in: SASL PLAIN inside TLS (RFC 4616), against the accounts' database."""

from __future__ import annotations

import asyncio
import base64
import binascii
import sqlite3
from pathlib import Path

from ejabberd.accounts import is_costly, matches, open_credentials
from ejabberd.embedded.address import Address


class Login:
    """The accounts as the server sees them: read at each login, watched for changes.

    Raises:
        sqlite3.Error: from the constructor, when the file cannot be used.
    """

    def __init__(self, folder: Path, *, domain: str) -> None:
        self._domain = domain
        self._connection = open_credentials(folder / "accounts.sqlite")
        # The accounts' file belongs to whoever enrols agents; the server only looks.
        self._connection.execute("PRAGMA query_only=1")
        self._version = self._data_version()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def check(self, text: str) -> tuple[str, str] | None:
        """Return (name, stored hash) for the base64 text of a PLAIN login, None if it is not right."""
        try:
            identity, name, password = base64.b64decode(text, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            return None
        name = name.lower()
        stored = self.stored(name)
        if stored is None or identity not in {"", name, f"{name}@{self._domain}"}:
            return None
        if not is_costly(stored):
            return (name, stored) if matches(password, stored) else None
        # A thread, one at a time: a burst of logins must neither stop the traffic nor take every core.
        async with self._one_at_a_time:
            good = await asyncio.to_thread(matches, password, stored)
        return (name, stored) if good else None

    def stored(self, name: str) -> str | None:
        """Return the stored hash of the account, None if there is none."""
        row = self._connection.execute("SELECT hash_pwd FROM credentials WHERE jid = ?", (name,)).fetchone()
        return row[0] if row else None

    def exists(self, address: Address) -> bool:
        """Tell whether the bare address is an account of this server."""
        return address.domain == self._domain and self.stored(address.user) is not None

    def has_changed(self) -> bool:
        """Tell whether another connection wrote to the accounts since the last call."""
        try:
            version = self._data_version()
        except sqlite3.Error:
            return False
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
