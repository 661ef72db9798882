"""Given pages with and without validators, when they are collected again, then only what is needed is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vedette.collection.local_web import LAST_MODIFIED, asked, page, words
from tests.vedette.collection.rig import Rig, counts, payload, source
from tests.vedette.fetching.origin import Origin, redirect, reply
from vedette.collection.page_memory import LARGE

HTML = f"<html><title>T</title><p>{words(1)}</p></html>".encode()


@pytest.mark.parametrize(
    ("validators", "condition"),
    [
        ({"etag": '"1"'}, " if-none-match"),
        ({"last_modified": LAST_MODIFIED}, " if-modified-since"),
        ({"etag": '"1"', "last_modified": LAST_MODIFIED}, " if-none-match if-modified-since"),
        ({}, ""),
    ],
    ids=["etag", "last-modified", "both", "neither"],
)
async def test_an_unchanged_page_is_one_request_no_document_and_no_item(
    web: Origin, rig: Rig, validators: dict[str, Any], condition: str
) -> None:
    web.answers["/x"] = page(web, HTML, **validators)
    what = source(web.url("/x"))
    first = await rig.run(what)
    assert asked(web) == ["GET /robots.txt", "GET /x"]
    assert counts(first) == {"fetched": 1, "items": 1, "new": 1}
    again = await rig.run(what)
    assert asked(web) == [f"GET /x{condition}"]
    assert again.counts["unchanged"] == 1
    assert again.counts["items"] == 0
    (item,) = await rig.items()
    assert payload(item) == HTML


async def test_a_changed_page_is_a_new_item_and_a_nearly_same_one_is_marked(web: Origin, rig: Rig) -> None:
    web.answers["/x"] = page(web, f"<p>{words(1, 400)}</p>".encode(), etag='"1"')
    web.answers["/copy"] = page(web, f"<p>{words(1, 400)} more</p>".encode())
    await rig.run(source(web.url("/x")))
    web.answers["/x"] = page(web, f"<p>{words(2, 400)}</p>".encode(), etag='"2"')
    await rig.run(source(web.url("/x")))
    await rig.run(source(web.url("/copy")))
    one, two, copy = await rig.items()
    assert (one["meta"]["seen"], two["meta"]["seen"]) == ("new", "changed")
    assert "near_duplicate_of" not in one["meta"]
    assert "near_duplicate_of" not in two["meta"]
    # The page that it is a copy of has changed since: what is remembered is its text of now.
    assert "near_duplicate_of" not in copy["meta"]
    web.answers["/copy2"] = page(web, f"<div>{words(2, 400)} more</div>".encode())
    await rig.run(source(web.url("/copy2")))
    assert (await rig.items())[-1]["meta"]["near_duplicate_of"] == two["meta"]["uuid"]


async def test_an_item_tells_where_it_is_from(web: Origin, rig: Rig) -> None:
    web.answers["/old"] = redirect("/new?x=1")
    web.answers["/new?x=1"] = page(web, HTML, etag='"1"', packed=True)
    await rig.run(source(web.url("/old"), data_type="structured", priority=3))
    (item,) = await rig.items()
    meta = item["meta"]
    assert (item["format"], meta["type"], meta["source"]) == ("document", "document", "vedette.in.structured.test")
    assert (meta["target"], meta["location"]) == (web.url("/old"), web.url("/new?x=1"))
    assert (meta["http_status"], meta["headers"]["etag"], meta["priority"]) == (200, '"1"', 3)
    assert (meta["agent"], meta["origin_seq"], meta["collector"]) == ("c@localhost", 0, "WEB")
    assert (meta["content_type"], meta["size"]) == ("text/html", len(HTML))


async def test_items_of_a_sealed_source_are_marked_each_differently(web: Origin, rig: Rig) -> None:
    for path in ("/one", "/two"):
        web.answers[path] = page(web, HTML)
        await rig.run(source(web.url(path), sealed=True))
    marks = [item["meta"]["sealed"] for item in await rig.items()]
    assert len({*marks}) == 2
    assert all(len(mark) == 32 for mark in marks)


async def test_a_server_that_ignores_conditions_is_asked_for_the_head_first(web: Origin, rig: Rig) -> None:
    body = b"x" * LARGE
    web.answers["/x"] = page(web, body, etag='"1"', deaf=True)
    what = source(web.url("/x"))
    for expected in (["GET /robots.txt", "GET /x"], ["GET /x if-none-match"], ["HEAD /x"], ["HEAD /x"]):
        await rig.run(what)
        assert asked(web) == expected
    web.answers["/x"] = page(web, body + b"y", etag='"2"', deaf=True)
    assert counts(await rig.run(what)) == {"changed": 1, "fetched": 1, "items": 1}
    assert asked(web) == ["HEAD /x", "GET /x if-none-match"]


async def test_a_server_that_refuses_head_is_not_asked_for_it_again(web: Origin, rig: Rig) -> None:
    web.answers["/x"] = page(web, b"x" * LARGE, etag='"1"', deaf=True, head=False)
    what = source(web.url("/x"))
    for expected in (
        ["GET /robots.txt", "GET /x"],
        ["GET /x if-none-match"],
        ["HEAD /x", "GET /x if-none-match"],
        ["GET /x if-none-match"],
    ):
        await rig.run(what)
        assert asked(web) == expected


async def test_all_is_asked_for_unconditionally_and_sent_again(web: Origin, rig: Rig) -> None:
    web.answers["/x"] = page(web, HTML, etag='"1"')
    await rig.run(source(web.url("/x")))
    asked(web)
    report = await rig.run(source(web.url("/x")), mode="all")
    assert (asked(web), report.counts["items"]) == (["GET /x"], 1)


async def test_the_case_of_a_path_counts(web: Origin, rig: Rig) -> None:
    for path in ("/Page", "/page"):
        web.answers[path] = page(web, HTML + path.encode())
        assert (await rig.run(source(web.url(path)))).counts["new"] == 1


async def test_what_fails_is_counted_told_and_tried_again(web: Origin, rig: Rig) -> None:
    web.answers["/x"] = reply(status="500 Oops")
    report = await rig.run(source(web.url("/x")))
    assert (counts(report), report.complete) == ({"errors": 1}, False)
    assert "answers HTTP status 500" in report.problems[0]
    web.answers["/x"] = page(web, HTML)
    assert counts(await rig.run(source(web.url("/x")))) == {"fetched": 1, "items": 1, "new": 1}


async def test_a_large_page_goes_by_reference(web: Origin, rig: Rig) -> None:
    body = b"z" * 300_000
    web.answers["/x"] = page(web, body, content_type="application/octet-stream")
    await rig.run(source(web.url("/x")))
    (item,) = await rig.items()
    with rig.outbox.spool.open_file(item["payload"]["document"]) as file:
        assert file.read() == body
    assert item["meta"]["size"] == len(body)
