"""Given syslog messages in all their frames and forms, when they are sent to a listener, then none is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.timing import PATIENCE
from tests.vedette.collection.rig import Rig, payload, source
from tests.vedette.tools.conftest import Authority
from vedette.canonical import parse_json
from vedette.collection.collectors import syslog_intake
from vedette.collection.collectors.syslog import Syslog
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.syslog import MAX_MESSAGE, Framing, FramingError, parse_message

MODERN = (
    b"<165>1 2026-11-22T22:14:15.003Z host.example app 812 ID47 "
    b'[ex@32473 iut="3" src="A \\"b\\" \\] c"][two@1 a=""] \xef\xbb\xbfIt happened'
)


def test_a_modern_message_is_understood() -> None:
    said = parse_message(MODERN)
    assert said.pop("raw") == MODERN.decode()
    assert said == {
        "facility": 20,
        "severity": 5,
        "timestamp": "2026-11-22T22:14:15.003Z",
        "host": "host.example",
        "app": "app",
        "procid": "812",
        "msgid": "ID47",
        "data": {"ex@32473": {"iut": "3", "src": 'A "b" ] c'}, "two@1": {"a": ""}},
        "message": "It happened",
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"<34>Oct 11 22:14:15 mymachine su[231]: 'su root' failed",
            {"facility": 4, "severity": 2, "timestamp": "Oct 11 22:14:15", "host": "mymachine", "app": "su"}
            | {"procid": "231", "message": "'su root' failed"},
        ),
        (
            b"<13>2026-11-22T10:00:00.1+01:00 web nginx: GET /",
            {"facility": 1, "severity": 5, "timestamp": "2026-11-22T10:00:00.1+01:00", "host": "web", "app": "nginx"}
            | {"message": "GET /"},
        ),
        (b"<0>Feb  5 01:02:03 su: x", {"facility": 0, "severity": 0, "timestamp": "Feb  5 01:02:03", "app": "su"}
            | {"message": "x"}),
        (b"only text\n", {"facility": 1, "severity": 5, "message": "only text"}),
        (b"<999>odd", {"facility": 1, "severity": 5, "message": "<999>odd"}),
        (b"<14>1 - - - - - -", {"facility": 1, "severity": 6}),
        (b"<14>1 - h a - - [open x=\"y", {"facility": 1, "severity": 6, "host": "h", "app": "a"}
            | {"message": "[open x=\"y"}),
        (b"<14>\xff", {"facility": 1, "severity": 6, "message": "\ufffd", "raw_base64": "PDE0Pv8="}),
    ],
    ids=["bsd", "rfc3339", "no host", "text", "bad priority", "nil", "broken data", "not utf-8"],
)  # fmt: skip
def test_what_a_message_says(data: bytes, said: dict[str, Any]) -> None:
    found = parse_message(data)
    found.pop("raw")
    assert found == said


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_frames_are_told_apart_however_they_are_cut(size: int) -> None:
    messages = [b"<13>one\nwith two lines", b"<13>two", b"2026 is no count", b"<14>three"]
    stream = b"22 " + messages[0] + b"<13>two\r\n" + messages[2] + b"\n\n" + b"9 " + messages[3]
    framing = Framing()
    found = [one for start in range(0, len(stream), size) for one in framing.feed(stream[start : start + size])]
    assert found + framing.finish() == messages


def test_what_has_no_end_is_cut_and_what_is_announced_too_long_refused() -> None:
    framing = Framing()
    found = framing.feed(b"x" * (MAX_MESSAGE * 2 + 1))
    assert [len(one) for one in found + framing.finish()] == [MAX_MESSAGE, MAX_MESSAGE, 1]
    with pytest.raises(FramingError, match="announces"):
        Framing().feed(b"99999999 <13>")


@contextlib.asynccontextmanager
async def listening(rig: Rig, what: SourceConfiguration) -> AsyncIterator[Desk]:
    """A listener, once it says where it listens."""
    desk = rig.desk(what)
    desk.lasting = True
    running = asyncio.create_task(Syslog().collect(desk))
    try:
        async with asyncio.timeout(PATIENCE):
            while desk.report.uri.endswith(":0") and not running.done():
                await asyncio.sleep(0.01)
        yield desk
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def records(rig: Rig) -> list[dict[str, Any]]:
    """What is in the outbox, record by record."""
    return [parse_json(line) for item in await rig.items() for line in payload(item).splitlines()]


async def test_datagrams_become_records(rig: Rig) -> None:
    async with listening(rig, source("udp://127.0.0.1:0", "SYSLOG")) as desk:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(3):
                sender.sendto(
                    b"<13>Oct 11 22:14:15 h app: %d" % number, ("127.0.0.1", urlsplit(desk.report.uri).port)
                )
            here = sender.getsockname()[1]
        await until(lambda: desk.report.counts["new"] == 3)
    found = await records(rig)
    assert [one["message"] for one in found] == ["0", "1", "2"]
    assert found[0]["from"] == f"udp 127.0.0.1 {here}"
    assert found[0]["received_at"] > 0


async def test_streams_become_items_of_hundreds_and_what_is_on_the_way_is_kept(rig: Rig) -> None:
    async with listening(rig, source("tcp://127.0.0.1:0", "SYSLOG")) as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(desk.report.uri).port)
        writer.write(b"".join(b"<13>number %d\n" % number for number in range(1_200)))
        writer.write(b"7 <13>one")
        writer.write_eof()
        # Taken whole, and closed; then it is ended at once, before anything had to be committed.
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    items = await rig.items()
    assert [item["meta"]["records"] for item in items] == [500, 500, 201]
    assert [item["meta"]["first_record"] for item in items] == [0, 500, 1_000]
    assert items[0]["format"] == "syslog/1"
    texts = [one["message"] for one in await records(rig)]
    assert texts == [*(f"number {number}" for number in range(1_200)), "one"]


async def test_a_sender_waits_while_there_is_no_room(
    tmp_path: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog_intake, "WAITING", 10)
    lines = [f"<13>{number} {'x' * 200}" for number in range(4_000)]
    async with listening(rig, source("tcp://127.0.0.1:0", "SYSLOG")) as desk:
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(desk.report.uri).port)
        writer.write("".join(f"{line}\n" for line in lines).encode())
        await writer.drain()
        await until(lambda: desk.report.counts["new"] == len(lines))
        writer.close()
    assert [one["raw"] for one in await records(rig)] == lines


async def test_what_is_no_syslog_is_refused_and_others_go_on(rig: Rig) -> None:
    async with listening(rig, source("tcp://127.0.0.1:0", "SYSLOG")) as desk:
        port = urlsplit(desk.report.uri).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"888888888 <13>")
        assert await reader.read() == b""
        writer.close()
        _, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"<13>fine\n")
        await until(lambda: desk.report.counts["new"] == 1)
        other.close()
    assert desk.report.counts["refused"] == 1
    assert "announces a message of 888888888 bytes" in desk.report.problems[0]


async def test_only_those_with_a_certificate_may_send_over_tls(rig: Rig, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.context()
    keys = {"certificate_file": "localhost--5-30.pem", "client_ca_file": "ca.pem"}
    async with listening(rig, source("tls://127.0.0.1:0", "SYSLOG", **keys)) as desk:
        port = urlsplit(desk.report.uri).port
        known = ssl.create_default_context(cafile=str(authority.path))
        stranger = ssl.create_default_context(cafile=str(authority.path))
        known.load_cert_chain(tmp_path / "localhost--5-30.pem")
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=stranger)
            writer.write(b"<13>stranger\n")
            await reader.read()
            writer.close()
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=known)
        writer.write(b"<13>known\n")
        await until(lambda: desk.report.counts["new"] == 1)
        writer.close()
    assert [one["message"] for one in await records(rig)] == ["known"]


@pytest.mark.parametrize(
    ("uri", "keys", "reason"),
    [
        ("http://127.0.0.1:514", {}, "must be udp"),
        ("tcp://127.0.0.1", {}, "must be udp"),
        ("tcp://127.0.0.1:999999", {}, "no address"),
        ("tls://127.0.0.1:1", {}, "needs it"),
        ("tcp://127.0.0.1:1", {"cron": "0 0 * * * ?"}, "leave it out"),
    ],
    ids=["scheme", "port", "large port", "certificate", "cron"],
)
def test_what_cannot_be_listened_on_is_told(uri: str, keys: dict[str, str], reason: str) -> None:
    assert reason in (Syslog().objection(source(uri, "SYSLOG", **keys)) or "")


async def test_a_port_that_is_taken_and_a_single_run_are_told(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        what = source(f"tcp://127.0.0.1:{taken.getsockname()[1]}", "SYSLOG")
        desk = rig.desk(what)
        desk.lasting = True
        await Syslog().collect(desk)
        assert (desk.report.counts["errors"], desk.report.complete) == (1, False)
    assert "not once" in (await rig.run(what)).problems[0]
