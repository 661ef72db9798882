"""Who is answered without being looked up: our own server and our own connection, and nobody else."""

from __future__ import annotations

import asyncio
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from behaviours.peers import Known, Peer
from behaviours.people import Query, ServePeople
from vedette.clock import ManualClock
from vedette.messages.card import Role
from vedette.people.discovery import INFO, Nature

JID = "registry@here"


class Nobody:
    """Knows nobody, and notes who was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def of_jid(self, jid: str) -> Peer | None:
        """Return nobody."""
        return None

    async def of_role(self, role: Role) -> tuple[Peer, ...]:
        """Return nobody."""
        return ()

    async def who(self, jid: str) -> Known | None:
        """Return that nobody is known."""
        self.asked.append(jid)
        return None

    def forget(self) -> None:
        """Have nothing to forget."""


async def answer_to(sender: str, peers: Nobody) -> Element:
    """Return what somebody gets who asks what the agent is."""
    answer: asyncio.Future[Element] = asyncio.get_running_loop().create_future()
    serving = ServePeople(clock=ManualClock(), jid=JID, nature=Nature(role="registry"), peers=peers, commands=())
    serving.ask(
        Query(
            sender=sender,
            kind="get",
            payload=Element(f"{{{INFO}}}query"),
            answer=answer.set_result,
            refuse=answer.set_result,
        )
    )
    await serving.run()
    return await answer


@pytest.mark.parametrize("sender", ["", "here", JID, f"{JID}/it"], ids=["server", "domain", "account", "connection"])
async def test_our_own_server_and_connection_are_no_strangers(sender: str) -> None:
    peers = Nobody()
    with capture_logs() as lines:
        answer = await answer_to(sender, peers)
    assert answer.tag == f"{{{INFO}}}query"
    assert (peers.asked, lines) == ([], [])


@pytest.mark.parametrize("sender", ["eve@here/it", "registry@elsewhere/it", "there", "xregistry@here"])
async def test_others_are_looked_up_refused_and_noted(sender: str) -> None:
    peers = Nobody()
    with capture_logs() as lines:
        answer = await answer_to(sender, peers)
    assert answer.tag.endswith("error")
    assert peers.asked == [sender.partition("/")[0]]
    assert [line["event"] for line in lines] == ["a stranger asked"]
