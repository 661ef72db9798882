"""The folder of a fleet that is not running, with a store that was used."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from registry.database import Database
from registry.outbox import Outbox
from tests.registry.backing_up import Filled
from vedette.configuration.fleet import load_fleet
from vedette.evidence.authority.local import LocalAuthority

SECRET = "s3cret-of-the-probe"
PROBE = {
    "command": ["true"],
    "up_agent": "aggregation",
    "jid": "hosts@localhost",
    "passwd": SECRET,
    "type": "scan",
}


class FleetFolder:
    """The folder of a fleet that is not running, with a store in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.file = folder / "vedette.yml"
        self.file.write_text("data: var\nprobes: [hosts.json]\n")
        (folder / "hosts.json").write_text(json.dumps(PROBE))
        _, self.paths = load_fleet(self.file)
        self.paths.make()
        (self.paths.credentials / "hosts.key").write_text("private key")
        database = Database(self.paths.store_url)
        database.migrate()
        database.close()
        self.filled = Filled(url=self.paths.store_url, folder=self.paths.data)

    def start(self) -> None:
        LocalAuthority.open(self.paths.tsa, clock=self.filled.clock, create=True)
        asyncio.run(self._start())

    async def _start(self) -> None:
        await self.filled.open()
        await self.filled.commit(20)
        await self.filled.put(b"a document")

    def commit(self, count: int) -> None:
        asyncio.run(self.filled.commit(count))

    def keep_receipts(self) -> None:
        """Make the sender's outbox hold the receipts so far."""
        asyncio.run(self._keep_receipts(self.paths.outbox_of("probe")))

    async def _keep_receipts(self, path: Path) -> None:
        outbox = Outbox(path, agent=self.filled.sender.jid, clock=self.filled.clock, limit_items=10, limit_bytes=9)
        await outbox.open()
        for signed in self.filled.receipts:
            await outbox.confirm(signed, [])
        await outbox.close()
