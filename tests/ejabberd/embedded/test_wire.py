"""Streams that are wrong in every way: each is closed with its reason and the server goes on."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import psutil
import pytest

from tests.timing import PATIENCE


async def _secured(stream: Any, server: Any) -> Any:
    opened = await stream()
    await opened.secure(server.embedded.ca_file)
    return opened


async def _bound(stream: Any, server: Any, name: str = "a") -> Any:
    opened = await _secured(stream, server)
    await opened.login(name, server.passwords[name])
    return opened


async def test_a_client_that_sends_xml_declarations_is_served(server: Any, stream: Any) -> None:
    bound = await _bound(stream, server)
    bound.send("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert b'type="result"' in await bound.until(b"/>")


async def test_the_first_bytes_inside_tls_may_come_with_the_handshake(server: Any, stream: Any) -> None:
    for _ in range(20):
        await _bound(stream, server)


async def test_nothing_but_tls_is_offered_in_the_clear(server: Any, stream: Any) -> None:
    plain = await stream()
    plain.open()
    features = await plain.until(b"</stream:features>")
    assert b"required" in features
    assert b"mechanism" not in features
    plain.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
    assert b"policy-violation" in await plain.rest()


async def test_what_follows_starttls_in_the_clear_is_not_taken_as_secured(server: Any, stream: Any) -> None:
    plain = await stream()
    plain.open()
    await plain.until(b"</stream:features>")
    plain.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq type='get' id='1'/>")
    assert b"policy-violation" in await plain.rest()


@pytest.mark.parametrize(
    ("name", "password"), [("a", "wrong"), ("nobody", "wrong"), ("", ""), ("a' OR '1'='1", "x"), ("a", "")]
)
async def test_a_failed_login_closes_the_stream(server: Any, stream: Any, name: str, password: str) -> None:
    secured = await _secured(stream, server)
    await secured.until(b"</stream:features>")
    text = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    secured.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{text}</auth>")
    assert await secured.rest() == (
        b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure></stream:stream>"
    )


@pytest.mark.parametrize(
    "auth", ["mechanism='PLAIN'>!!!</auth>", "mechanism='PLAIN'/>", "mechanism='PLAIN'>AAAA</auth>"]
)
async def test_a_malformed_login_closes_the_stream(server: Any, stream: Any, auth: str) -> None:
    secured = await _secured(stream, server)
    secured.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' {auth}")
    assert b"<not-authorized/>" in await secured.rest()


async def test_another_mechanism_is_refused(server: Any, stream: Any) -> None:
    secured = await _secured(stream, server)
    secured.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
    assert b"<invalid-mechanism/>" in await secured.rest()


async def test_registration_is_neither_offered_nor_answered(server: Any, stream: Any) -> None:
    secured = await _secured(stream, server)
    assert b"register" not in await secured.until(b"</stream:features>")
    query = "<query xmlns='jabber:iq:register'><username>x</username><password>secret-password</password></query>"
    secured.send(f"<iq type='set' id='r'>{query}</iq>")
    assert b"<not-authorized" in await secured.rest()
    assert server.accounts.names() == ["a", "b", "c"]


async def test_registration_is_refused_to_accounts_too(server: Any, stream: Any) -> None:
    bound = await _bound(stream, server)
    query = "<query xmlns='jabber:iq:register'><username>x</username><password>secret-password</password></query>"
    bound.send(f"<iq type='set' id='r' to='localhost'>{query}</iq>")
    assert b"service-unavailable" in await bound.until(b"</iq>")


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (b"<message><body>", b""),
        (b"</message>", b"not-well-formed"),
        (b"\xff\xfe\x00", b"not-well-formed"),
        (b"<message to='b@localhost'><body>\x00</body></message>", b"not-well-formed"),
        (b"<!DOCTYPE x [<!ENTITY y 'z'>]>", b"not-well-formed"),
        (b"<!-- note -->", b"restricted-xml"),
        (b"<?php x ?>", b"restricted-xml"),
        (b"<message><body>&undefined;</body></message>", b"not-well-formed"),
        (b"<unknown xmlns='jabber:client'/>", b"unsupported-stanza-type"),
        (b"<message>" + b"<x>" * 100, b"policy-violation"),
    ],
)
async def test_bad_data_closes_that_stream_only(
    server: Any, stream: Any, connect: Any, data: bytes, condition: bytes
) -> None:
    other = await connect("b")
    bound = await _bound(stream, server)
    bound.send(data)
    if condition:
        assert b"<" + condition in await bound.rest()
    else:
        bound.writer.transport.abort()
    assert await other.plugin["xep_0199"].ping("localhost", timeout=PATIENCE) is not None


async def test_an_entity_bomb_is_refused_at_its_first_line(server: Any, stream: Any) -> None:
    plain = await stream()
    plain.send("<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>")
    assert b"restricted-xml" in await plain.rest()


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"<wrong/>", b"<stream xmlns='x'>"]
)
async def test_what_is_no_xmpp_is_closed(server: Any, stream: Any, first: bytes) -> None:
    plain = await stream()
    plain.send(first)
    assert b"</stream:stream>" in await plain.rest()


async def test_a_stanza_over_one_mebibyte_closes_the_stream(
    server: Any, stream: Any, connect: Any, until: Any
) -> None:
    receiver = await connect("b")
    bound = await _bound(stream, server)
    bound.send(b"<message to='b@localhost'><body>" + b"x" * 10 * 1024 * 1024)
    with pytest.raises((ConnectionError, AssertionError)):
        assert b"policy-violation" not in await bound.rest()
    sender = await connect("a", resource="small")
    sender.send_message("b@localhost", "y" * 900_000)
    await until(lambda: receiver.messages)
    assert len(receiver.messages[0]["body"]) == 900_000


async def test_whitespace_between_stanzas_is_a_keepalive(server: Any, stream: Any) -> None:
    bound = await _bound(stream, server)
    bound.send(" \n" * 1000 + "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert b'type="result"' in await bound.until(b"/>")


async def test_two_thousand_malformed_streams_leave_nothing_behind(
    server: Any, stream: Any, connect: Any, until: Any
) -> None:
    client = await connect("a")
    process = psutil.Process(server.embedded.pid)
    before = process.num_fds()
    for number in range(2000):
        plain = await stream()
        plain.send((b"<a" * 50, b"</x>", b"\x00", b"<stream:stream>")[number % 4])
        plain.writer.transport.abort() if number % 2 else plain.writer.close()
    await until(lambda: process.num_fds() <= before)
    await client.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)


async def test_a_client_that_does_not_read_is_dropped(server: Any, stream: Any, connect: Any, until: Any) -> None:
    lazy = await _bound(stream, server, "b")
    lazy.send("<presence/>")
    await lazy.until(b"presence")
    lazy.writer.transport.pause_reading()
    sender = await connect("a")
    # 32 MiB may wait in the server, a few more in the kernel.
    for _ in range(60):
        sender.send_message("b@localhost/raw", "z" * 900_000)
    await sender.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
    lazy.writer.transport.resume_reading()
    with pytest.raises(ConnectionError):
        await _read_to_the_end(lazy)


async def _read_to_the_end(stream: Any) -> None:
    while await asyncio.wait_for(stream.reader.read(1 << 20), PATIENCE):
        pass
    raise ConnectionError
