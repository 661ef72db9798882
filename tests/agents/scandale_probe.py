"""A probe as SCANDALE writes it: SPADE and nothing of ours, in a process of its own.

Reads `{"jid", "password", "port", "to", "bodies"}` from stdin, sends each body, and ends when stdin does.
"""

from __future__ import annotations

import asyncio
import json
import sys

import spade
from spade.behaviour import OneShotBehaviour
from spade.message import Message


class SendResult(OneShotBehaviour):
    """Sends one result."""

    def __init__(self, *, to: str, body: str) -> None:
        super().__init__()
        self._to = to
        self._body = body

    async def run(self) -> None:
        message = Message(to=self._to)
        message.set_metadata("performative", "inform")
        message.set_metadata("ontology", "probeAgentOntology")
        message.set_metadata("language", "OWL-S")
        message.body = self._body
        await self.send(message)


async def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    probe = spade.agent.Agent(wanted["jid"], wanted["password"], port=wanted["port"], verify_security=False)
    await probe.start(auto_register=False)
    for body in wanted["bodies"]:
        behaviour = SendResult(to=wanted["to"], body=body)
        probe.add_behaviour(behaviour)
        await behaviour.join()
    await asyncio.to_thread(sys.stdin.read)
    await probe.stop()


if __name__ == "__main__":
    asyncio.run(main())
