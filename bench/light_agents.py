"""A process of many light agents, told over its stdin what to do.

Each is one stream of XMPP (RFC 6120) and no more: it logs in over TLS with SCRAM-SHA-256 (RFC 5802, RFC 7677),
registers with its signed card, lets the registry see its presence, and gives signs of life as our agents do. No
slixmpp, no SPADE, no behaviours: what is measured is the server and the hub, not 2,000 agents of ours.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import random
import ssl
import sys
import time
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser
from xml.sax.saxutils import escape, quoteattr

sys.path.insert(0, str(Path(__file__).parent))

from told import begin, obey

from agents.identity import Identity
from behaviours.register import HEARTBEAT_EVERY
from vedette import __version__
from vedette.clock import SystemClock
from vedette.messages.batch import Signed
from vedette.messages.card import Card, Heartbeat
from vedette.messages.envelope import ONTOLOGY
from vedette.tls import tls_context

TOGETHER = 8
"""Agents that log in at the same time."""

SHOWS = ("away", "dnd", "available")
"""What agents become, in turn."""

_STREAM = "{http://etherx.jabber.org/streams}"
_SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
_CLIENT = "{jabber:client}"
_FORM = "jabber:x:data"


class LightAgent:
    """One stream."""

    def __init__(self, identity: Identity, contexts: dict[str, ssl.SSLContext]) -> None:
        self.identity = identity
        key = str(identity.server.ca_file)
        self._context = contexts.setdefault(key, tls_context(identity.server.ca_file))
        self._domain = identity.jid.partition("@")[2]
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self._waiting: list[Element] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.registered = asyncio.Event()

    async def start(self) -> None:
        """Log in and register."""
        server = self.identity.server
        self._reader, self._writer = await asyncio.open_connection(server.host, server.port, limit=2**16)
        await self._open_stream()
        self._send(f"<starttls xmlns='{_TLS}'/>")
        await self._next(f"{{{_TLS}}}proceed")
        await self._writer.start_tls(self._context, server_hostname=self._domain)
        await self._open_stream()
        await self._log_in()
        await self._open_stream()
        self._send(f"<iq type='set' id='b'><bind xmlns='{_BIND}'><resource>light</resource></bind></iq>")
        await self._next(f"{_CLIENT}iq")
        self.become("available")
        registry = quoteattr(self.identity.registry.jid)
        self._send(f"<presence type='subscribe' to={registry}/>")
        self._tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._live())]
        await self.registered.wait()

    def become(self, show: str) -> None:
        """Change the presence."""
        words = "" if show == "available" else f"<show>{show}</show>"
        self._send(f"<presence>{words}<priority>1</priority></presence>")

    async def stop(self) -> None:
        """End the stream."""
        for task in self._tasks:
            task.cancel()
        self._send("</stream:stream>")
        self._writer.close()

    # The stream ----------------------------------------------------------------------

    async def _open_stream(self) -> None:
        self._parser, self._depth, self._waiting = XMLPullParser(("start", "end")), 0, []
        self._send(
            f"<?xml version='1.0'?><stream:stream to='{self._domain}' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        await self._next(f"{_STREAM}features")

    def _send(self, xml: str) -> None:
        self._writer.write(xml.encode())

    async def _stanza(self) -> Element:
        """Return the next element of the stream."""
        while not self._waiting:
            data = await self._reader.read(2**16)
            if not data:
                raise ConnectionError(f"{self.identity.jid}: the server closed the stream")
            self._parser.feed(data)
            for event, element in self._parser.read_events():
                self._depth += 1 if event == "start" else -1
                if event == "end" and self._depth == 1:
                    self._waiting.append(element)
        return self._waiting.pop(0)

    async def _next(self, tag: str) -> Element:
        element = await self._stanza()
        if element.tag != tag:
            raise ConnectionError(f"{self.identity.jid}: {element.tag} where {tag} was expected")
        return element

    async def _log_in(self) -> None:
        nonce = random.randbytes(18).hex()
        first = f"n={self.identity.jid.partition('@')[0]},r={nonce}"
        self._send(_auth(f"n,,{first}"))
        challenge = base64.b64decode((await self._next(f"{_SASL}challenge")).text or "").decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.identity.password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        last = f"c=biws,r={fields['r']}"
        client = hmac.digest(salted, b"Client Key", "sha256")
        signed = hmac.digest(hashlib.sha256(client).digest(), f"{first},{challenge},{last}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(client, signed, strict=True))
        answer = base64.b64encode(f"{last},p={base64.b64encode(proof).decode()}".encode()).decode()
        self._send(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{answer}</response>")
        await self._next(f"{_SASL}success")

    # What an agent does --------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            stanza = await self._stanza()
            kind, sender = stanza.get("type"), stanza.get("from", "")
            if stanza.tag == f"{_CLIENT}presence" and kind == "subscribe":
                self._send(f"<presence type='subscribed' to={quoteattr(sender)}/>")
            elif stanza.tag == f"{_CLIENT}message" and "agree" in {value.text for value in stanza.iter()}:
                self.registered.set()
            elif stanza.tag == f"{_CLIENT}iq" and kind == "get":
                answer = quoteattr(stanza.get("id", ""))
                self._send(f"<iq type='result' id={answer} to={quoteattr(sender)}/>")

    async def _live(self) -> None:
        now = SystemClock().now()
        card = Card(
            jid=self.identity.jid,
            role=self.identity.role,
            version=__version__,
            public_key=self.identity.key.verifying.text,
            started_at=now,
            signed_at=now,
        )
        while not self.registered.is_set():
            self._say("request", "register", Signed.seal(card, self.identity.key).model_dump())
            try:
                async with asyncio.timeout(20.0):
                    await self.registered.wait()
            except TimeoutError:
                card = card.model_copy(update={"signed_at": SystemClock().now()})
        # Spread, as those of agents that started at different times are.
        await asyncio.sleep(random.uniform(0, HEARTBEAT_EVERY))
        while True:
            self._say("inform", "heartbeat", Heartbeat().model_dump())
            await asyncio.sleep(HEARTBEAT_EVERY)

    def _say(self, performative: str, action: str, value: Any) -> None:
        fields = {"performative": performative, "ontology": ONTOLOGY, "action": action, "conversation-id": "c"}
        form = "".join(
            f"<field var='{name}' type='text-single'><value>{text}</value></field>" for name, text in fields.items()
        )
        body = escape(json.dumps(value))
        self._send(
            f"<message type='chat' to={quoteattr(self.identity.registry.jid)}><body>{body}</body>"
            f"<x xmlns='{_FORM}' type='form'><title>spade:x:metadata</title>{form}</x></message>"
        )


def _auth(text: str) -> str:
    packed = base64.b64encode(text.encode()).decode()
    return f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{packed}</auth>"


class Script:
    """What the process can be told to do."""

    def __init__(self, files: list[Path]) -> None:
        contexts: dict[str, ssl.SSLContext] = {}
        self._agents = [LightAgent(Identity.load(file), contexts) for file in files]

    async def start(self) -> dict[str, Any]:
        """Start all agents and wait until they are registered."""
        started, cpu = time.monotonic(), time.process_time()
        await in_turn(agent.start() for agent in self._agents)
        return {"seconds": time.monotonic() - started, "cpu_s": time.process_time() - cpu}

    async def change(self, count: int, rate: float) -> dict[str, Any]:
        """Let agents drawn at random change their presence; answers when each did (monotonic)."""
        changes = []
        for number, place in enumerate(random.sample(range(len(self._agents)), count)):
            agent, show = self._agents[place], SHOWS[number % 2]
            changes.append({"jid": agent.identity.jid, "show": show, "at": time.monotonic()})
            agent.become(show)
            await asyncio.sleep(1 / rate)
        return {"changes": changes}

    async def stop(self) -> None:
        """Stop all agents."""
        await in_turn(agent.stop() for agent in self._agents)


async def in_turn(tasks: Iterable[Awaitable[None]]) -> None:
    """Run them, a few at once."""
    room = asyncio.Semaphore(TOGETHER)

    async def one(task: Awaitable[None]) -> None:
        async with room:
            await task

    await asyncio.gather(*(one(task) for task in tasks))


async def serve(folder: Path) -> None:
    """Do what stdin says until it ends."""
    script = Script(sorted(folder.glob("light*.json")))
    await obey(script)
    await script.stop()


def main() -> None:
    """Be a process of light agents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="credentials, light*.json")
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    begin(arguments.parent_pid)
    asyncio.run(serve(arguments.folder))


if __name__ == "__main__":
    main()
