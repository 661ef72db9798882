"""Given a server that misbehaves, when something is fetched, then it ends in bounded time and memory."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.timing import bound
from tests.vedette.fetching.asking import fetcher, refusal
from tests.vedette.fetching.origin import Origin, dripping, raw, reply
from vedette.fetching.decoding import Decoder
from vedette.fetching.interface import FetchError, FetchLimits, FetchRequest
from vedette.fetching.names import NameResolver


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_body_and_its_head(origin: Origin) -> None:
    origin.answers["/x?token=1"] = reply(b"body", Content_Type="Text/Plain; charset=utf-8", ETag='"1"')
    async with fetcher(origin) as client:
        fetched = await client.fetch(FetchRequest(url=origin.url("/x?token=1"), accept=("text/plain",)))
    assert (fetched.body, fetched.size, fetched.status) == (b"body", 4, 200)
    assert (fetched.content_type, fetched.etag, fetched.last_modified) == ("text/plain", '"1"', "")
    assert fetched.url == origin.url("/x?…")
    (asked,) = origin.requests
    assert (asked.fields["user-agent"], asked.fields["accept-encoding"]) == ("vedette", "identity")


async def test_what_is_unchanged_is_not_sent_again(origin: Origin) -> None:
    origin.answers["/x"] = reply(status="304 Not Modified", ETag='"1"')
    async with fetcher(origin) as client:
        fetched = await client.fetch(FetchRequest(url=origin.url("/x"), etag='"1"', last_modified="yesterday"))
        assert (fetched.not_modified, fetched.body, fetched.etag) == (True, b"", '"1"')
        with pytest.raises(FetchError, match="answers HTTP status 304"):
            await client.fetch(FetchRequest(url=origin.url("/x")))
    first = origin.requests[0].fields
    assert (first["if-none-match"], first["if-modified-since"]) == ('"1"', "yesterday")


@pytest.mark.parametrize(
    ("head", "sent"),
    [
        (b"Content-Length: 10737418240", b"x" * 65_536),
        (b"Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    ],
    ids=["length", "chunks"],
)
async def test_ten_gigabytes_end_at_the_limit(origin: Origin, head: bytes, sent: bytes) -> None:
    origin.answers["/x"] = origin.streaming(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", sent)
    error = await refusal(fetcher(origin), FetchRequest(url=origin.url("/x")))
    assert "answers with more than 100000 bytes" in str(error)
    # What the kernel's buffers took is all that is ever sent.
    assert origin.sent < 64 * 1024**2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_body_is_bounded_by_what_it_stands_for(origin: Origin, encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    taken = 0

    async def take(part: bytes) -> None:
        nonlocal taken
        taken += len(part)

    origin.answers["/bomb"] = reply(pack(bytes(50_000_000)), Content_Encoding=encoding)
    origin.answers["/good"] = reply(pack(b"good" * 1_000), Content_Encoding=encoding)
    origin.answers["/cut"] = reply(pack(b"good" * 1_000)[:-3], Content_Encoding=encoding)
    origin.answers["/damaged"] = reply(b"good" * 1_000, Content_Encoding=encoding)
    async with fetcher(origin) as client:
        with pytest.raises(FetchError, match="more than 100000 bytes"):
            await client.stream(FetchRequest(url=origin.url("/bomb"), compressed=True), take)
        assert taken <= 100_000
        assert (await client.fetch(FetchRequest(url=origin.url("/good"), compressed=True))).body == b"good" * 1_000
        for path, reason in (("/cut", "cut off"), ("/damaged", "damaged")):
            with pytest.raises(FetchError, match=reason):
                await client.fetch(FetchRequest(url=origin.url(path), compressed=True))
        with pytest.raises(FetchError, match="content encoding that was not asked for"):
            await client.fetch(FetchRequest(url=origin.url("/good")))


async def test_a_compressed_body_that_stands_for_nothing_ends_too(origin: Origin) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    origin.answers["/x"] = origin.streaming(head, gzip.compress(b"") * 1_000)
    error = await refusal(fetcher(origin), FetchRequest(url=origin.url("/x"), compressed=True))
    assert "more than 100000 bytes" in str(error)


def test_what_is_unpacked_comes_in_parts_of_bounded_size() -> None:
    parts = [len(part) for part in Decoder("gzip").decode(gzip.compress(bytes(20_000_000)))]
    assert sum(parts) == 20_000_000
    assert max(parts) <= 256 * 1024


async def test_members_of_a_gzip_body_follow_each_other(origin: Origin) -> None:
    origin.answers["/x"] = reply(gzip.compress(b"one ") + gzip.compress(b"two"), Content_Encoding="gzip")
    async with fetcher(origin) as client:
        assert (await client.fetch(FetchRequest(url=origin.url("/x"), compressed=True))).body == b"one two"


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nbody"],
    ids=["head", "body"],
)
async def test_one_byte_in_a_while_ends_with_the_time_limit(origin: Origin, data: bytes) -> None:
    origin.answers["/x"] = dripping(data)
    started = time.monotonic()
    error = await refusal(fetcher(origin, limits=FetchLimits(seconds=0.3)), FetchRequest(url=origin.url("/x")))
    assert "no whole answer within 0.3 s" in str(error)
    assert time.monotonic() - started < bound(5.0)


async def test_a_slow_look_up_counts_too(origin: Origin) -> None:
    class Slow(NameResolver):
        async def addresses(self, host: str, port: int) -> list[str]:
            await asyncio.Event().wait()
            return []

    client = fetcher(origin, limits=FetchLimits(seconds=0.2), names=Slow())
    assert "no whole answer" in str(await refusal(client, FetchRequest(url="http://slow.example/")))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be reached"),
        (b"garbage\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000 + b"\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "cannot be reached"),
        (b"HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nab", "answers HTTP status 206"),
    ],
    ids=["nothing", "garbage", "cut", "long line", "many headers", "two lengths", "part"],
)
async def test_what_is_no_whole_answer_is_told(origin: Origin, data: bytes, reason: str) -> None:
    origin.answers["/x?token=secret"] = raw(data)
    error = await refusal(fetcher(origin), FetchRequest(url=origin.url("/x?token=secret")))
    assert reason in str(error)
    assert str(error).startswith(f"{origin.url('/x')}?…: ")
    assert "secret" not in str(error)
    assert str(error).isprintable()


async def test_a_page_where_something_else_was_wanted_is_refused(origin: Origin) -> None:
    origin.answers |= {"/x": reply(b"<html>", Content_Type="text/html; charset=utf-8"), "/y": reply(b"?")}
    async with fetcher(origin) as client:
        for path, found in (("/x", "text/html"), ("/y", "no media type")):
            with pytest.raises(FetchError, match=f"answers with {found}, not application/a or application/b"):
                await client.fetch(FetchRequest(url=origin.url(path), accept=("application/a", "application/b")))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("17", 17.0), ("999999999999", 86_400.0), ("-1", None), ("soon", None), ("", None), ("date", 90.0)],
)
async def test_a_busy_server_says_when_to_come_again(origin: Origin, value: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    text = [moment.strftime("%a, %d %b %Y %H:%M:%S GMT") for moment in (now, now + timedelta(seconds=90))]
    value = text[1] if value == "date" else value
    origin.answers["/x"] = reply(b"busy", status="429 Too Many Requests", Retry_After=value, Date=text[0])
    error = await refusal(fetcher(origin), FetchRequest(url=origin.url("/x")))
    assert (error.status, error.retry_after) == (429, seconds)
    assert str(error) == f"{origin.url('/x')}: answers HTTP status 429"


async def test_a_refusal_shows_how_it_begins_where_that_is_asked_for(origin: Origin) -> None:
    explained = b"not\x1b[31m\r\n this, " + b"x" * 99_999
    origin.answers["/x"] = reply(explained, status="422 Unprocessable Content")
    origin.answers["/cut"] = raw(b"HTTP/1.1 422 No\r\nContent-Length: 99\r\n\r\nnot th")
    origin.answers["/packed"] = reply(gzip.compress(b"no"), status="422 No", Content_Encoding="gzip")
    wanted = (("/x", 20, "not\ufffd[31m this, xxx"), ("/x", 0, ""), ("/cut", 99, "not th"), ("/packed", 9, ""))
    for path, size, shown in wanted:
        request = FetchRequest(url=origin.url(path), method="POST", body=b"", excerpt=size)
        error = await refusal(fetcher(origin), request)
        assert (error.status, error.excerpt) == (422, shown), path


async def test_a_large_body_is_posted_whole(origin: Origin) -> None:
    origin.answers["/x"] = reply()
    body = bytes(range(256)) * 12_000
    async with fetcher(origin) as client:
        await client.fetch(FetchRequest(url=origin.url("/x"), method="POST", body=body))
    assert origin.requests[0].body == body


async def test_a_file_appears_whole_or_not_at_all(origin: Origin, tmp_path: Path) -> None:
    origin.answers |= {
        "/x": reply(b"new" * 10_000),
        "/cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
        "/same": reply(status="304 Not Modified"),
    }
    file = tmp_path / "saved"
    async with fetcher(origin) as client:
        with pytest.raises(FetchError):
            await client.save(FetchRequest(url=origin.url("/cut")), file)
        assert names_in(tmp_path) == []
        fetched = await client.save(FetchRequest(url=origin.url("/x")), file)
        assert (fetched.size, fetched.body) == (30_000, b"")
        for request in (FetchRequest(url=origin.url("/cut")), FetchRequest(url=origin.url("/same"), etag='"1"')):
            if request.etag:
                assert (await client.save(request, file)).not_modified
            else:
                with pytest.raises(FetchError):
                    await client.save(request, file)
        assert file.read_bytes() == b"new" * 10_000
        assert names_in(tmp_path) == ["saved"]


@pytest.mark.parametrize("failure", [OSError("the disk is full"), TimeoutError("too slow"), ValueError("not wanted")])
async def test_what_the_receiver_raises_is_not_taken_for_the_networks(origin: Origin, failure: Exception) -> None:
    origin.answers["/x"] = reply(b"body")

    async def take(part: bytes) -> None:
        raise failure

    async with fetcher(origin) as client:
        with pytest.raises(type(failure), match=str(failure)):
            await client.stream(FetchRequest(url=origin.url("/x")), take)


async def test_a_closed_client_opens_again(origin: Origin) -> None:
    origin.answers["/x"] = reply(b"good")
    client = fetcher(origin)
    for _ in range(2):
        assert (await client.fetch(FetchRequest(url=origin.url("/x")))).body == b"good"
        await client.aclose()
    await client.aclose()
