"""Given parsers that hang, grow or die, when they are asked, then only their own process is gone."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from vedette.collection import frames
from vedette.collection.content import Content, ProcessingError, ProcessingLimits
from vedette.collection.isolation import Isolation
from vedette.collection.worker import answer

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss><channel>&b;</channel></rss>'
)
XXE = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0">&x;</rss>'
ENTRY = b"<item><link>http://x/1</link></item>"


async def test_a_worker_serves_many_and_ends_with_us(isolation: Isolation) -> None:
    for number in range(3):
        (found,) = await isolation.process(Content(data=gzip.compress(b"%d" % number)), ["unzip"])
        assert found.data == b"%d" % number
    with pytest.raises(ProcessingError, match="unknown post-processor"):
        await isolation.process(Content(data=b""), ["nothing"])
    assert isolation.killed == 0


async def test_one_that_takes_too_long_is_killed_and_the_next_question_is_answered() -> None:
    async with Isolation(limits=ProcessingLimits(seconds=60), workers=1) as isolation:
        await isolation.process(Content(data=b"x"), ["unzip"])
        isolation.limits = ProcessingLimits(seconds=-4.9)
        with pytest.raises(ProcessingError, match="takes longer"):
            # Ten million characters of it take seconds.
            await isolation.find_links(
                Content(data=b"<a href=x>" * 1_000_000), base="http://x/", patterns=[(None, "a")]
            )
        assert isolation.killed == 1
        isolation.limits = ProcessingLimits(seconds=60)
        assert (await isolation.process(Content(data=b"x"), ["unzip"]))[0].data == b"x"


async def test_one_that_grows_too_much_says_so_or_dies_alone() -> None:
    async with Isolation(limits=ProcessingLimits(seconds=60), workers=1, memory=300 * 1024 * 1024) as isolation:
        bomb = gzip.compress(bytes(150_000_000), 1)
        with pytest.raises(ProcessingError, match="memory|ended the process"):
            await isolation.process(Content(data=bomb + b"\0" * 1_000_000), ["unzip"])
        assert (await isolation.process(Content(data=b"x"), ["unzip"]))[0].data == b"x"


async def test_who_is_cancelled_leaves_no_answer_for_the_next(isolation: Isolation) -> None:
    await isolation.process(Content(data=b"warm"), ["unzip"])
    task = asyncio.create_task(isolation.process(Content(data=b"y" * 3_000_000), ["unzip"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await isolation.process(Content(data=b"x"), ["unzip"]))[0].data == b"x"


async def test_a_worker_that_died_between_two_questions_is_replaced(isolation: Isolation) -> None:
    await isolation.process(Content(data=b"x"), ["unzip"])
    (worker,) = isolation._all
    worker.process.kill()
    await worker.process.wait()
    with pytest.raises(ProcessingError, match="ended the process"):
        await isolation.process(Content(data=b"x"), ["unzip"])
    assert (await isolation.process(Content(data=b"x"), ["unzip"]))[0].data == b"x"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LAUGHS, "declares entities"),
        (XXE, "declares entities"),
        (LAUGHS.decode().encode("utf-16"), "declares entities"),
        (b"", "is no feed"),
        (b"{", "is no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "without items"),
        (b"[]", "is no feed"),
        (b"\0" * 10_000, "is no feed"),
    ],
    ids=["laughs", "xxe", "utf-16", "empty", "cut json", "no items", "list", "nulls"],
)
def test_feeds_that_are_none(data: bytes, reason: str) -> None:
    told, _ = answer({"task": "feed", "content_type": "text/xml"}, data)
    assert reason in told["error"]


@pytest.mark.parametrize(
    "data",
    [
        b"<rss version='2.0'><channel>" + ENTRY + b"<item><title>cut",
        b"<rss version='2.0'><channel>" + ENTRY + b"</wrong></channel>",
        b"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>\xff\xfe</title>" + ENTRY,
        b"<!DOCTYPE rss PUBLIC '-//Netscape//DTD RSS 0.91//EN' 'http://x/rss.dtd'><rss version='0.91'><channel>"
        + ENTRY
        + b"</channel></rss>",
    ],
    ids=["cut", "wrong tag", "wrong charset", "doctype"],
)
def test_malformed_feeds_give_what_can_be_read(data: bytes) -> None:
    told, _ = answer({"task": "feed", "content_type": "text/xml"}, data)
    assert [entry["url"] for entry in told["entries"]] == ["http://x/1"]


def test_a_feed_nested_without_end_ends() -> None:
    told, _ = answer({"task": "feed", "content_type": ""}, b"<rss version='2.0'>" + b"<a>" * 5_000)
    assert told.get("error") or told["entries"] == []


@pytest.mark.parametrize("start", [b"\xff" * 8, b"\0\0\0\0\xff\xff\xff\xff"], ids=["all", "data"])
def test_frames_are_bounded(start: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.lengths(start)
