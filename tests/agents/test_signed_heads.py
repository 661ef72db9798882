"""The registry signs where the engine's log stands, and tells whoever of the fleet asks over XMPP."""

from __future__ import annotations

from behaviours.exchange import compose
from tests.agents.station import Station, Until, make_item
from tests.timing import PATIENCE
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.envelope import Action, Performative
from vedette.messages.heads import HeadList


async def test_a_sender_gets_the_heads_that_the_registry_signed(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    signing = station.registry.signing
    assert signing is not None
    signing._every, signing._look_at = 0.05, 0.0
    sender = await station.sender()
    await sender.observe(make_item(), make_item())
    registry = station.registry.identity
    lists: list[HeadList] = []

    async def asked() -> bool:
        question = compose(to=registry.jid, performative=Performative.REQUEST, action=Action.HEADS, value={})
        answer = await sender.ask(question, time_limit=PATIENCE)
        assert answer is not None
        if answer.performative is Performative.INFORM:
            lists.append(open_signed(HeadList, parse_model(Signed, answer.value()), registry.key.verifying))
        # Enrolments are in the log, too, as audit entries.
        return bool(lists) and any(head.next_index >= 2 for head in lists[-1].heads)

    await until(lambda: sender.delivering.counters["confirmed"] == 2)
    await until(asked)
    (head,) = lists[-1].heads
    assert (head.engine, lists[-1].registry) == (station.engine.identity.jid, registry.jid)
    panels = {panel.title: panel for panel in station.registry.state().panels}
    assert panels["Signed heads of the logs"].rows[0][0].text == head.engine
