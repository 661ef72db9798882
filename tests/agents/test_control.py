"""Orders about a probe's own check, given by the hub over a real server: paused, kept, run, resumed."""

from __future__ import annotations

import json

import pytest

from agents.field import make_probe
from agents.probe import ProbeAgent
from agents.running import RunningAgents
from tests.agents.station import Station, Until
from vedette.clock import MICROSECONDS, SystemClock
from vedette.configuration.probe import load_probe
from vedette.errors import RefusedError
from vedette.messages.card import Role
from vedette.messages.state import AgentState

ANNA = "user anna"


class Ahead(SystemClock):
    """A clock that was put forward."""

    def now(self) -> int:
        """Return the time in a year."""
        return super().now() + 365 * 86_400 * MICROSECONDS


async def test_a_probe_obeys_the_hub_and_remembers_a_pause(station: Station, until: Until) -> None:
    await station.start_hub()
    identity = await station.identity("probe", Role.PROBE)
    file = station.folder / "probe.json"
    words = {"jid": identity.jid, "passwd": identity.password, "period": 3600, "command": ["echo", "seen"]}
    file.write_text(json.dumps(words))

    def made() -> ProbeAgent:
        outbox = station.folder / "probe.db"
        return make_probe(load_probe(file), file=file, identity=identity, outbox=outbox, clock=station.clock)

    async def state() -> AgentState:
        found = await hub.state_of(identity.jid)
        assert found is not None
        return found

    hub, probe = RunningAgents([station.registry], clock=station.clock), made()
    await station.start(probe)
    await until(lambda: len(probe.state().checks[0].next_runs) == 5)
    # Given a probe that looks every hour, when it is paused, then its page says by whom
    (check,) = (await state()).checks
    assert (check.when, check.state, check.title) == ("Every hour", "scheduled", "echo")
    done = await hub.order(identity.jid, check.name, "pause", by=ANNA)
    assert done is not None
    assert done.done
    (paused,) = (await state()).checks
    assert (paused.state, paused.paused_by, paused.kept, paused.next_runs) == ("paused", ANNA, True, [])
    # Paused once more it is refused, and says why
    again = await hub.order(identity.jid, check.name, "pause", by=ANNA)
    assert again is not None
    assert (again.done, "paused already" in again.reason) == (False, True)
    # The hub's clock was a year ahead for a while: what it orders afterwards counts
    ahead = RunningAgents([station.registry], clock=Ahead())
    resumed = await ahead.order(identity.jid, check.name, "resume", by=ANNA)
    paused_again = await hub.order(identity.jid, check.name, "pause", by=ANNA)
    assert resumed is not None
    assert paused_again is not None
    assert (resumed.done, paused_again.done) == (True, True)
    # Started again it is paused still, and runs on request only
    await probe.stop()
    probe = made()
    await station.start(probe)
    await until(lambda: probe.online and probe.state().presence.status == f"paused by {ANNA}")
    ran = await hub.order(identity.jid, check.name, "run", by=ANNA)
    assert ran is not None
    assert ran.done
    await until(lambda: probe.running.counters["runs"] == 1)
    resumed = await hub.order(identity.jid, check.name, "resume", by=ANNA)
    assert resumed is not None
    assert resumed.done
    await until(lambda: probe.state().checks[0].state == "scheduled")
    with pytest.raises(RefusedError, match="no such check"):
        await hub.order(identity.jid, "another", "pause", by=ANNA)
    assert await hub.order(station.jid("nobody"), check.name, "pause", by=ANNA) is None
