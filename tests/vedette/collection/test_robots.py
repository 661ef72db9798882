"""Given hosts with rules, when they are asked, then robots.txt is obeyed as RFC 9309 wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vedette.collection.local_web import asked, page
from tests.vedette.collection.rig import Rig, counts, source
from tests.vedette.fetching.origin import Origin, raw, redirect, reply
from vedette.clock import MICROSECONDS, ManualClock
from vedette.collection.isolation import Isolation
from vedette.collection.robots import (
    ASSUMED,
    KEPT,
    MAX_ROBOTS,
    RETRIED,
    RobotsFile,
    RobotsRules,
    after_answer,
    is_fresh,
)

DAY = 86_400


def rules(body: bytes, *, reachable: bool = True) -> RobotsRules:
    return RobotsRules(RobotsFile(origin="http://x", body=body, reachable=reachable, fetched_at=0, asked_at=0))


def test_groups_longest_match_and_delay() -> None:
    found = rules(
        b"User-agent: *\nDisallow: /\n\n"
        b"User-agent: Vedette\nDisallow: /private\nAllow: /private/ok$\nCrawl-delay: 2.5\n"
    )
    assert found.refusal("http://x/") is None
    assert found.refusal("http://x/private/x") == "its robots.txt forbids it"
    assert found.refusal("http://x/private/ok") is None
    assert found.delay == 2.5


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        (b"", True),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /", False),
        (b"\xff\xfe\x00garbage\x00", True),
        (b"<html>not found</html>", True),
        (b"User-agent: *\nDisallow: /\nCrawl-delay: 1e99\n", False),
        (b"User-agent: *\nAllow: /\n" + b"#" * MAX_ROBOTS + b"\nDisallow: /\n", True),
        (b"User-agent: *\nDisallow: /" + b"*a" * 5_000 + b"*b", True),
    ],
    ids=["empty", "mark", "garbage", "page", "endless delay", "past the limit", "wildcards"],
)
def test_rules_of_strangers(body: bytes, allowed: bool) -> None:
    found = rules(body)
    assert (found.refusal("http://x/" + "a" * 1_000) is None) is allowed
    assert 0 <= found.delay <= 3_600


@pytest.mark.parametrize(
    ("status", "open"),
    [(200, True), (404, True), (403, True), (429, False), (500, False), (503, False), (None, False)],
)
def test_what_a_status_means(status: int | None, open: bool) -> None:
    file = after_answer("http://x", None, status=status, body=b"", now=1)
    assert (RobotsRules(file).refusal("http://x/") is None) is open


def test_rules_of_a_host_that_is_gone_hold_for_thirty_days() -> None:
    then = RobotsFile(
        origin="http://x", body=b"User-agent: *\nDisallow: /a", reachable=True, fetched_at=0, asked_at=0
    )
    soon = after_answer("http://x", then, status=503, body=b"", now=DAY * MICROSECONDS)
    assert RobotsRules(soon).refusal("http://x/b") is None
    assert RobotsRules(soon).refusal("http://x/a") is not None
    late = after_answer("http://x", soon, status=503, body=b"", now=ASSUMED * MICROSECONDS)
    assert RobotsRules(late).refusal("http://x/b") is not None


def test_rules_are_used_for_a_day_and_failures_for_minutes() -> None:
    good = RobotsFile(origin="x", body=b"", reachable=True, fetched_at=0, asked_at=0)
    bad = RobotsFile(origin="x", body=b"", reachable=False, fetched_at=0, asked_at=0)
    assert is_fresh(good, now=(KEPT - 1) * MICROSECONDS)
    assert not is_fresh(good, now=KEPT * MICROSECONDS)
    assert not is_fresh(bad, now=RETRIED * MICROSECONDS)
    # A clock that was put back must not make rules last for ever.
    assert not is_fresh(good, now=-1)


async def test_what_is_forbidden_is_not_asked_for(web: Origin, rig: Rig) -> None:
    web.answers["/robots.txt"] = reply(b"User-agent: *\nDisallow: /secret")
    web.answers["/to-secret"] = redirect("/secret/x")
    web.answers["/open"] = page(web, b"open")
    for path, expected in (("/secret/x", {"refused": 1}), ("/to-secret", {"refused": 1})):
        assert counts(await rig.run(source(web.url(path)))) == expected
    assert (await rig.run(source(web.url("/open")))).counts["items"] == 1
    assert asked(web) == ["GET /robots.txt", "GET /to-secret", "GET /open"]
    web.answers["/secret/x"] = page(web, b"own server")
    assert (await rig.run(source(web.url("/secret/x"), robots=False))).counts["items"] == 1


@pytest.mark.parametrize("answer", [reply(status="500 Oops"), raw(b"")], ids=["500", "nothing"])
async def test_a_host_that_cannot_say_is_not_asked(web: Origin, rig: Rig, answer: object) -> None:
    web.answers["/robots.txt"] = answer  # type: ignore[assignment]
    web.answers["/x"] = page(web, b"x")
    report = await rig.run(source(web.url("/x")))
    assert counts(report) == {"refused": 1}
    assert "robots.txt cannot be had" in report.problems[0]
    assert "GET /x" not in asked(web)


async def test_rules_are_asked_for_once_a_day_also_over_restarts(
    web: Origin, tmp_path: Path, isolation: Isolation
) -> None:
    clock = ManualClock()
    web.answers["/x"] = page(web, b"x", etag='"1"')
    expected = (
        (0, ["GET /robots.txt", "GET /x"]),
        (KEPT - 10, ["GET /x if-none-match"]),
        (20, ["GET /robots.txt", "GET /x if-none-match"]),
    )
    for seconds, requests in expected:
        clock.advance(seconds)
        one = Rig(tmp_path, isolation=isolation, clock=clock)
        await one.open()
        await one.run(source(web.url("/x")))
        await one.close()
        assert asked(web) == requests


async def test_an_endless_robots_txt_is_read_up_to_the_limit(web: Origin, rig: Rig) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nUser-agent: *\nDisallow: /no\n"
    web.answers["/robots.txt"] = web.streaming(head, b"#" * 65_535 + b"\n")
    web.answers["/x"] = page(web, b"x")
    assert (await rig.run(source(web.url("/x")))).counts["items"] == 1
    assert counts(await rig.run(source(web.url("/no")))) == {"refused": 1}
