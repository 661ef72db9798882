"""A web server that answers as a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.vedette.fetching.origin import Origin


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    made = Origin()
    await made.start()
    yield made
    await made.stop()
