"""A local web, workers for the whole module, and a collector's parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.vedette.collection.local_web import NO_ROBOTS
from tests.vedette.collection.rig import Rig
from tests.vedette.fetching.origin import Origin
from vedette.collection.content import ProcessingLimits
from vedette.collection.isolation import Isolation


@pytest.fixture
async def web() -> AsyncIterator[Origin]:
    made = Origin(answers={"/robots.txt": NO_ROBOTS})
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def isolation() -> AsyncIterator[Isolation]:
    async with Isolation(limits=ProcessingLimits(seconds=60), workers=1) as made:
        yield made


@pytest.fixture
async def rig(tmp_path: Path, isolation: Isolation) -> AsyncIterator[Rig]:
    made = Rig(tmp_path, isolation=isolation)
    await made.open()
    yield made
    await made.close()
