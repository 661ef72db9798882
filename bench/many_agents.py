"""A process of many agents that only register, told over its stdin what to do."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))

from told import begin, obey

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.register import Register
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import SystemClock

TOGETHER = 10
"""Agents that start at the same time: the server should not be measured at its limit."""

SHOWS = ("away", "dnd", "available")
"""What agents become, in turn."""


class Registering(BaseAgent):
    """An agent that only registers, with its own page."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity=identity, clock=SystemClock(), patience=60.0)
        self.register = Register(
            clock=self.clock,
            agent_name=identity.name,
            exchange=self,
            registry=identity.registry.jid,
            key=identity.key,
            card=self.card,
            heartbeat=self.heartbeat,
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return register."""
        return [self.register]


class Script:
    """What the process can be told to do."""

    def __init__(self, files: list[Path]) -> None:
        self._identities = [Identity.load(file) for file in files]
        self._agents: list[Registering] = []

    async def log_in(self) -> dict[str, Any]:
        """Log in and out with slixmpp alone, as the peer of starting."""
        cpu = time.process_time()
        await in_turn(log_in(identity) for identity in self._identities)
        return {"cpu_s": time.process_time() - cpu}

    async def start(self, together: int = TOGETHER) -> dict[str, Any]:
        """Start all agents, so many at the same time, and wait until they are registered."""
        process = psutil.Process()
        memory, cpu, started = process.memory_info().rss, time.process_time(), time.monotonic()
        await in_turn((self._start(identity) for identity in self._identities), together=together)
        while not all(agent.register.registered for agent in self._agents):
            await asyncio.sleep(0.02)
        return {
            "seconds": time.monotonic() - started,
            "cpu_s": time.process_time() - cpu,
            "memory": process.memory_info().rss - memory,
        }

    async def change(self, count: int, rate: float) -> dict[str, Any]:
        """Let agents drawn at random change their presence; answers when each did (monotonic)."""
        changes = []
        shows = dict.fromkeys(range(len(self._agents)), 0)
        for _ in range(count):
            place = random.randrange(len(self._agents))
            agent, show = self._agents[place], SHOWS[shows[place] % len(SHOWS)]
            shows[place] += 1
            changes.append({"jid": agent.identity.jid, "show": show, "at": time.monotonic()})
            agent.set_presence(show=show)
            await asyncio.sleep(1 / rate)
        return {"changes": changes}

    async def become(self, show: str) -> dict[str, Any]:
        """Let the first agent change its presence; answers when (seconds since 1970)."""
        at = time.time()
        self._agents[0].set_presence(show=show)
        return {"at": at}

    async def stop(self) -> None:
        """Stop all agents."""
        await in_turn(agent.stop() for agent in self._agents)

    async def _start(self, identity: Identity) -> None:
        agent = Registering(identity)
        # In the files' order, whoever is there first: "the first agent" is the first file's.
        self._agents.append(agent)
        await agent.start()


async def in_turn(tasks: Iterable[Awaitable[None]], *, together: int = TOGETHER) -> None:
    """Run them, so many at once."""
    room = asyncio.Semaphore(together)

    async def one(task: Awaitable[None]) -> None:
        async with room:
            await task

    await asyncio.gather(*(one(task) for task in tasks))


async def log_in(identity: Identity) -> None:
    """Log in as slixmpp does by itself, say hello and leave."""
    from slixmpp import ClientXMPP

    client = ClientXMPP(identity.jid, identity.password)
    client.ca_certs = identity.server.ca_file
    client.enable_direct_tls = False
    client.connect(identity.server.host, identity.server.port)
    await client.wait_until("session_start", 60)
    client.send_presence()
    await client.disconnect(wait=2.0)
    writer = client._run_out_filters
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)


async def serve(files: list[Path]) -> None:
    """Do what stdin says until it ends."""
    script = Script(files)
    await obey(script)
    await script.stop()


def main() -> None:
    """Be a process of agents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="credentials")
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    begin(arguments.parent_pid)
    asyncio.run(serve(arguments.files))


if __name__ == "__main__":
    main()
