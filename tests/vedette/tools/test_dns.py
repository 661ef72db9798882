"""`dns` against a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.dns import Dns, DnsArguments, DnsForm
from vedette.tools.interface import Limits, Result

Answer = Callable[[dns.message.Message], bytes | None]


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self.answer(dns.message.from_wire(data))
        if reply is not None and self.transport is not None:
            self.transport.sendto(reply, addr)


@asynccontextmanager
async def name_server(answer: Answer) -> AsyncIterator[int]:
    """Serve over UDP and TCP on the same free port of 127.0.0.1."""

    async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        reply = answer(dns.message.from_wire(await reader.readexactly(size)))
        if reply is not None:
            writer.write(len(reply).to_bytes(2) + reply)
            await writer.drain()
        writer.close()

    tcp = await asyncio.start_server(over_tcp, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Server(answer), local_addr=("127.0.0.1", port)
    )
    try:
        yield port
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()


def good(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA | dns.flags.AA
    if query.flags & dns.flags.AD:
        response.flags |= dns.flags.AD
    kind = query.question[0].rdtype.name
    records = {
        "A": ["192.0.2.2", "192.0.2.1"],
        "MX": ["10 mail.a.example."],
        "TXT": ['"' + "x" * 200 + '"'],
        "PTR": ["a.example."],
    }
    if kind in records:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", kind, *records[kind]))
    return response.to_wire()


def missing(query: dns.message.Message) -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()


async def ask(port: int, target: str = "a.example", **arguments: Any) -> tuple[Result, DnsForm]:
    values = {"nameserver": "127.0.0.1", "answer_time": 30, **arguments}
    result = await Dns().run(
        target=target,
        arguments=DnsArguments(port=port, **values),
        limits=Limits(time_limit=PATIENCE),
        clock=SystemClock(),
    )
    return result, DnsForm.model_validate_json(result.payload)


@pytest.mark.parametrize("tcp", [False, True])
async def test_answers_with_flags_and_sorted_records(tcp: bool) -> None:
    async with name_server(good) as port:
        result, form = await ask(port, types=("a", "MX"), tcp=tcp)
    assert (result.exit_code, result.stderr, form.nameserver, form.port) == (0, "", "127.0.0.1", port)
    a, mx = form.answers
    assert [record.data for record in a.records] == ["192.0.2.1", "192.0.2.2"]
    assert (a.type, a.rcode, a.authoritative, a.authenticated, a.recursion) == ("A", "NOERROR", True, True, True)
    assert (mx.records[0].name, mx.records[0].ttl, mx.records[0].data) == ("a.example", 300, "10 mail.a.example.")


async def test_no_record_of_a_type_is_an_answer() -> None:
    async with name_server(good) as port:
        result, form = await ask(port, types=("AAAA",))
    assert (result.exit_code, form.answers[0].records) == (0, ())


async def test_an_unknown_name_is_a_result() -> None:
    async with name_server(missing) as port:
        result, form = await ask(port)
    assert (result.exit_code, result.stderr) == (1, "A: NXDOMAIN; AAAA: NXDOMAIN")
    assert [answer.rcode for answer in form.answers] == ["NXDOMAIN", "NXDOMAIN"]


async def test_an_address_is_asked_for_in_reverse() -> None:
    async with name_server(good) as port:
        _, form = await ask(port, target="192.0.2.1", types=("PTR",))
    assert form.name == "1.2.0.192.in-addr.arpa"
    assert form.answers[0].records[0].data == "a.example."


async def test_a_cut_answer_is_asked_again_over_tcp() -> None:
    calls = 0

    def first_cut(query: dns.message.Message) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 1:
            return good(query)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    async with name_server(first_cut) as port:
        _, form = await ask(port, types=("TXT",))
    assert (calls, len(form.answers[0].records)) == (2, 1)


async def test_a_silent_server_is_a_result() -> None:
    async with name_server(lambda query: None) as port:
        result, _ = await ask(port, types=("A",), answer_time=0.2)
    assert (result.exit_code, result.stderr) == (1, "A: no answer from 127.0.0.1 within 0.2 s")


async def test_forged_and_broken_datagrams_are_passed_over() -> None:
    async with name_server(lambda query: b"\0\0broken") as port:
        result, _ = await ask(port, types=("A",), answer_time=0.2)
    assert result.exit_code == 1


async def test_nobody_there(closed_port: int) -> None:
    result, form = await ask(closed_port, types=("A",), tcp=True)
    assert (result.exit_code, form.answers[0].error) == (1, "connection refused")


def test_targets_that_are_no_names_are_objected_to() -> None:
    assert Dns().objection("a.example") is None
    assert Dns().objection("2001:db8::1") is None
    for target in ("", "a..b", "x" * 64 + ".example"):
        assert Dns().objection(target)
