"""Given servers that lie, hang, bombard or are overloaded, when they are collected, then it ends with a reason."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vedette.collection.local_web import asked, page, words
from tests.vedette.collection.rig import Rig, counts, source
from tests.vedette.fetching.origin import Answer, Origin, dripping, raw, redirect, reply
from vedette.clock import ManualClock
from vedette.collection.isolation import Isolation
from vedette.fetching.interface import FetchLimits

HOSTILE: dict[str, tuple[Callable[[Origin], Answer], str]] = {
    "redirects": (lambda web: redirect("/x"), "redirects more than 3 times"),
    "inwards": (lambda web: redirect("http://169.254.169.254/latest"), "metadata"),
    "to a file": (lambda web: redirect("file:///etc/passwd"), "redirects to"),
    "slow-loris": (lambda web: dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nx"), "no whole answer within"),
    "cut": (lambda web: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), "cannot be reached"),
    "10 GB": (
        lambda web: web.streaming(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", b"x" * 65_536),
        "more than 2000000 bytes",
    ),
    "endless": (
        lambda web: web.streaming(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        ),
        "more than 2000000 bytes",
    ),
    "bomb": (
        lambda web: reply(gzip.compress(bytes(20_000_000)), Content_Encoding="gzip"),
        "more than 2000000 bytes",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_it_ends_with_a_reason_and_without_an_item(
    web: Origin, tmp_path: Path, isolation: Isolation, name: str
) -> None:
    make, reason = HOSTILE[name]
    web.answers["/x"] = make(web)
    seconds = 0.5 if name == "slow-loris" else 30.0
    rig = Rig(tmp_path, isolation=isolation, limits=FetchLimits(max_bytes=2_000_000, seconds=seconds, redirects=3))
    await rig.open()
    try:
        # Without robots.txt, which must not run into a short time limit.
        report = await rig.run(source(web.url("/x"), robots=False))
        assert report.counts["errors"] + report.counts["refused"] == 1
        assert reason in report.problems[0]
        assert await rig.items() == []
    finally:
        await rig.close()


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_an_overloaded_host_is_left_alone_as_long_as_it_asks(
    web: Origin, tmp_path: Path, isolation: Isolation, status: str
) -> None:
    clock = ManualClock()
    rig = Rig(tmp_path, isolation=isolation, clock=clock, patience=10.0)
    await rig.open()
    web.answers["/x"] = reply(status=status, Retry_After="300")
    web.answers["/y"] = page(web, b"y")
    try:
        assert counts(await rig.run(source(web.url("/x")))) == {"errors": 1}
        report = await rig.run(source(web.url("/y")))
        assert "left alone for 300 s" in report.problems[0]
        assert not report.complete
        assert asked(web) == ["GET /robots.txt", "GET /x"]
        clock.advance(300)
        web.answers["/x"] = page(web, b"x")
        for path in ("/x", "/y"):
            assert (await rig.run(source(web.url(path)))).counts["items"] == 1
    finally:
        await rig.close()


async def test_a_host_that_is_overloaded_in_the_middle_of_a_feed_gets_the_rest_later(
    web: Origin, tmp_path: Path, isolation: Isolation
) -> None:
    clock = ManualClock()
    rig = Rig(tmp_path, isolation=isolation, clock=clock, patience=10.0)
    await rig.open()
    links = "".join(f'<a href="/{number}">' for number in range(30))
    web.answers["/l"] = page(web, links.encode())
    for number in range(30):
        web.answers[f"/{number}"] = page(web, f"<p>{words(number)}</p>".encode())
    web.answers["/7"] = reply(status="503 Busy", Retry_After="60")
    what = source(web.url("/l"), "PSEUDO_RSS", entry_css="a")
    try:
        report = await rig.run(what)
        assert not report.complete
        # Whoever was on the way when the host said so still came.
        assert len(asked(web)) < 15
        clock.advance(60)
        web.answers["/7"] = page(web, b"seven")
        assert (await rig.run(what)).complete
        assert sorted(await rig.targets()) == sorted(web.url(f"/{number}") for number in range(30))
    finally:
        await rig.close()


async def test_a_host_that_does_not_answer_rests(web: Origin, tmp_path: Path, isolation: Isolation) -> None:
    clock = ManualClock()
    rig = Rig(tmp_path, isolation=isolation, clock=clock, patience=1.0)
    await rig.open()
    web.answers["/x"] = raw(b"")
    web.answers["/y"] = page(web, b"y")
    try:
        assert "cannot be reached" in (await rig.run(source(web.url("/x")))).problems[0]
        assert "left alone" in (await rig.run(source(web.url("/y")))).problems[0]
        clock.advance(60)
        assert (await rig.run(source(web.url("/y")))).counts["items"] == 1
    finally:
        await rig.close()


async def test_addresses_that_are_none_are_refused_and_not_tried_again(web: Origin, rig: Rig) -> None:
    links = ["http://a b/", "http://[::1", "javascript:alert(1)", "http://user:pw@x.example/", "http://2130706433/"]
    web.answers["/l"] = page(web, "".join(f'<a href="{link}">' for link in links).encode())
    what = source(web.url("/l"), "PSEUDO_RSS", entry_css="a")
    first = await rig.run(what)
    assert first.counts["refused"] >= 2
    assert "pw" not in str(first.problems)
    asked(web)
    again = await rig.run(what)
    assert (again.counts["refused"], again.counts["items"]) == (0, 0)
