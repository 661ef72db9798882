"""What a sender wrote down: what it offered, what its outbox promised to keep, and the receipts that it got."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from vedette.messages.batch import Signed


class Ledger:
    """A sender's ledger, read on as it grows."""

    def __init__(self, file: Path, *, receipts: Path) -> None:
        self.file = file
        self.receipts_file = receipts
        self._accepted: list[str] = []
        self._offered = 0
        self._read = 0

    @property
    def accepted(self) -> list[str]:
        """Uuids of the items that the outbox accepted, in order."""
        self._read_on()
        return self._accepted

    @property
    def offered(self) -> int:
        """How many items were offered: those past `accepted` may be stored or not."""
        self._read_on()
        return self._offered

    def offered_uuids(self, jid: str) -> set[str]:
        """Return the uuids of everything that was offered."""
        return {str(uuid5(NAMESPACE_URL, f"{jid}/{number}")) for number in range(self.offered)}

    def receipts(self) -> list[Signed]:
        """Return all receipts that ever came."""
        if not self.receipts_file.exists():
            return []
        return [Signed.model_validate_json(line) for line in self.receipts_file.read_bytes().splitlines()]

    def _read_on(self) -> None:
        if not self.file.exists():
            return
        with self.file.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            self._take(orjson.loads(line))

    def _take(self, entry: dict[str, Any]) -> None:
        if "accepted" in entry:
            self._accepted += entry["accepted"]
        else:
            self._offered = max(self._offered, entry["offered"][1])
