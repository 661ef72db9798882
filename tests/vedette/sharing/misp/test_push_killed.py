"""A process that exports is killed while the server writes: the next one ends what it began, with nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.misp_pushing import Pushing, held, pushing, said
from tests.sharing_cases import everything
from tests.sharing_memory import KeptMemory

PROCESS = """
import asyncio, sys
from pathlib import Path
from tests.fake_misp import FakeMisp
from tests.misp_pushing import Pushing
from tests.sharing_cases import everything
from tests.vedette.sharing.misp.test_push_killed import FileMemory
folder = Path(sys.argv[1])
misp = Pushing(FakeMisp(url=sys.argv[2]), folder, memory=FileMemory(folder / "memory.json"))
asyncio.run(misp.send(everything()))
"""


class FileMemory(KeptMemory):
    """A memory that outlives its process."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self._file = file

    async def recall(self, keys: Sequence[str]) -> Mapping[str, str]:
        return await super().recall(keys)

    async def remember(self, values: Mapping[str, str | None]) -> None:
        await super().remember(values)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.values))
        fresh.replace(self._file)


async def _export(misp: Pushing) -> int:
    """Export in a process of its own; return how it ended."""
    root = Path(__file__).parents[4]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROCESS,
        str(misp.folder),
        misp.fake.url,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)

    # Who it is (2), what is there, then the first write.
    misp.fake.meanwhile[len(misp.fake.requests) + 3] = kill
    return await process.wait()


async def test_killed_while_it_writes_and_started_anew_it_ends_with_nothing_twice(tmp_path: Path) -> None:
    what = everything()
    with pushing(tmp_path) as misp:
        assert await _export(misp) == -signal.SIGKILL
        assert held(misp.store, str(what.uuid)) == said(what), "the server went on with what it had"
        misp.memory = FileMemory(tmp_path / "memory.json")
        assert misp.memory.values, "the intention was remembered"
        assert await misp.write_requests(what) == 0
        assert held(misp.store, str(what.uuid)) == said(what)
        assert len(misp.store.events) == 1
