"""The peers of delivery: one stanza a message, nothing stored, nothing signed, nothing confirmed.

Sender and receiver are processes of their own on the given ejabberd, over TLS: slixmpp as it is, or the same with
SPADE's messages, whose metadata travels as a form.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from slixmpp import ClientXMPP

from ejabberd.accounts import new_password
from ejabberd.api import EjabberdAccounts
from ejabberd.server import EjabberdServer

SIZE = 1024
"""Bytes of a payload; base64 makes 4/3 of them."""

SILENCE = 5.0
"""Seconds without a message after which the rest counts as lost."""

METADATA = {"performative": "inform", "ontology": "vedette/1", "action": "deliver"}
"""What a message of ours says, for the messages of SPADE."""


async def one_stanza_each(server: EjabberdServer, folder: Path, count: int, *, form: str) -> float:
    """Return messages a second, from the first one sent to the last one received.

    Args:
        server: a running ejabberd.
        folder: its folder.
        count: messages to send.
        form: `slixmpp` or `spade`.
    """
    accounts = EjabberdAccounts(folder)
    passwords = {name: new_password() for name in ("raw-sender", "raw-receiver")}
    for name, password in passwords.items():
        await asyncio.to_thread(accounts.create, name, password)
    processes = [_start(server, form, name, password, count) for name, password in passwords.items()]
    try:
        for process in processes:
            await _answer(process)
        sender, receiver = processes
        assert sender.stdin is not None
        sender.stdin.write("go\n")
        sender.stdin.flush()
        first, last = await _answer(sender), await _answer(receiver)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return float(last["received"] / (last["at"] - first["at"]))


def _start(server: EjabberdServer, form: str, name: str, password: str, count: int) -> subprocess.Popen[str]:
    argv = [sys.executable, __file__, form, name, password, str(server.port), str(server.ca_file), str(count)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    if not line:
        raise RuntimeError("a raw client ended; its own words are above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _say(**answer: float) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def be_client(form: str, name: str, password: str, port: int, ca_file: Path, count: int) -> None:
    """Log in; send messages when told to, or count those that come."""
    client = ClientXMPP(f"{name}@localhost/raw", password)
    client.ca_certs = ca_file
    client.enable_direct_tls = False
    client.register_plugin("xep_0004")
    client.connect("127.0.0.1", port)
    await client.wait_until("session_start", 10)
    numbers: set[str] = set()
    client.add_event_handler("message", lambda stanza: numbers.add(_read(form, stanza)))
    client.send_presence(ppriority=1)
    # The server handles what it gets in order: with the roster here, messages reach us.
    await client.get_roster()
    if form == "spade":
        # Its import takes seconds, which belong to no message.
        import spade.message  # noqa: F401
    _say()
    if name == "raw-receiver":
        await _receive(numbers, count)
    else:
        await _send(client, form, count)
    # The benchmark kills us, or its end does.
    await asyncio.to_thread(sys.stdin.readline)


async def _receive(numbers: set[str], count: int) -> None:
    known, at = 0, time.monotonic()
    while known < count and not (known and time.monotonic() - at > SILENCE):
        await asyncio.sleep(0.002)
        if len(numbers) > known:
            known, at = len(numbers), time.monotonic()
    _say(received=known, at=at)


async def _send(client: ClientXMPP, form: str, count: int) -> None:
    body = base64.b64encode(os.urandom(SIZE)).decode()
    await asyncio.to_thread(sys.stdin.readline)
    _say(at=time.monotonic())
    for number in range(count):
        _write(client, form, f"{number} {body}")
        # Lets what was queued go out, as an agent that has something else to do would.
        if number % 20 == 0:
            await asyncio.sleep(0)


def _write(client: ClientXMPP, form: str, body: str) -> None:
    if form == "spade":
        from spade.message import Message

        message = Message(to="raw-receiver@localhost", body=body, metadata=dict(METADATA))
        message.sender = str(client.boundjid.bare)
        message.prepare(client).send()
    else:
        client.send_message(mto="raw-receiver@localhost", mbody=body)


def _read(form: str, stanza: Any) -> str:
    if form == "spade":
        from spade.message import Message

        return str(Message.from_node(stanza).body).partition(" ")[0]
    return str(stanza["body"]).partition(" ")[0]


if __name__ == "__main__":
    asyncio.run(
        be_client(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]), int(sys.argv[6]))
    )
