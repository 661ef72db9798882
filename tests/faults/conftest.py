"""One fleet for the tests that leave it whole; those that kill at random or break its disk have their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.harness import START, Rig


@pytest.fixture(scope="session")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A fleet on a real ejabberd, started once."""
    with Rig(tmp_path_factory.mktemp("faults")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: Rig) -> Iterator[Rig]:
    """The same with everything running and without senders of other tests."""
    shared_rig.heal()
    shared_rig.xmpp.start(wait=START)
    shared_rig.hub.start(wait=START)
    yield shared_rig
    shared_rig.retire()
