"""Given feeds and lists, when they are collected, then each entry comes once, and what failed comes later."""

from __future__ import annotations

from tests.vedette.collection.local_web import asked, feed, page, words
from tests.vedette.collection.rig import Rig, counts, payload, source
from tests.vedette.fetching.origin import Origin, reply
from vedette.canonical import canonical_json


def entries(web: Origin, *paths: str) -> None:
    for path in paths:
        web.answers[path] = page(web, f"<p>{path} {words(sum(path.encode()))}</p>".encode())


async def test_a_feed_brings_each_entry_once(web: Origin, rig: Rig) -> None:
    entries(web, "/1", "/2", "/3")
    web.answers["/feed"] = page(web, feed("/1", web.url("/2"), "/1"), etag='"1"', content_type="text/xml")
    what = source(web.url("/feed"), "RSS")
    first = await rig.run(what)
    assert sorted(asked(web)) == ["GET /1", "GET /2", "GET /feed", "GET /robots.txt"]
    assert first.counts["items"] == 2
    assert counts(await rig.run(what)) == {"unchanged": 1}
    assert asked(web) == ["GET /feed if-none-match"]
    # Another order is another file, but the same set of addresses: the feed's checksum says so.
    web.answers["/feed"] = page(web, feed("/2", "/1"), etag='"2"', content_type="text/xml")
    assert (await rig.run(what)).counts["items"] == 0
    assert asked(web) == ["GET /feed if-none-match"]
    web.answers["/feed"] = page(web, feed("/3", "/2", "/1"), etag='"3"', content_type="text/xml")
    assert (await rig.run(what)).counts["items"] == 1
    assert asked(web) == ["GET /feed if-none-match", "GET /3"]
    titles = {item["meta"]["title"] for item in await rig.items()}
    assert titles == {"About /1", f"About {web.url('/2')}", "About /3"}


async def test_an_entry_that_failed_comes_with_the_next_run(web: Origin, rig: Rig) -> None:
    entries(web, "/1", "/3")
    web.answers["/2"] = reply(status="500 Oops")
    web.answers["/feed"] = page(web, feed("/1", "/2", "/3"), etag='"1"', content_type="text/xml")
    what = source(web.url("/feed"), "RSS")
    report = await rig.run(what)
    assert (report.counts["items"], report.counts["errors"], report.complete) == (2, 1, False)
    asked(web)
    entries(web, "/2")
    report = await rig.run(what)
    assert (report.counts["items"], report.complete) == (1, True)
    assert asked(web) == ["GET /feed", "GET /2"]
    assert counts(await rig.run(what)) == {"unchanged": 1}


async def test_an_entry_that_is_gone_is_not_asked_for_again(web: Origin, rig: Rig) -> None:
    entries(web, "/1")
    web.answers["/gone"] = reply(status="410 Gone")
    web.answers["/feed"] = page(web, feed("/1", "/gone"), etag='"1"', content_type="text/xml")
    await rig.run(source(web.url("/feed"), "RSS"))
    asked(web)
    assert counts(await rig.run(source(web.url("/feed"), "RSS"))) == {"unchanged": 1}
    assert asked(web) == ["GET /feed if-none-match"]


async def test_what_fails_for_ever_is_given_up_after_three_tries(web: Origin, rig: Rig) -> None:
    web.answers["/bad"] = reply(status="500 Oops")
    web.answers["/feed"] = page(web, feed("/bad"), etag='"1"', content_type="text/xml")
    tries = [(await rig.run(source(web.url("/feed"), "RSS"))).counts["errors"] for _ in range(5)]
    assert tries == [1, 1, 1, 0, 0]


async def test_a_json_feed_and_atom(web: Origin, rig: Rig) -> None:
    entries(web, "/j", "/a")
    value = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "1", "url": "/j", "title": "J"}, {"id": "2"}],
    }
    web.answers["/json"] = page(web, canonical_json(value), content_type="application/feed+json")
    entry = b'<entry><title>A</title><link href="/a"/></entry>'
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>' + entry + b"</feed>"
    web.answers["/atom"] = page(web, atom, content_type="application/atom+xml")
    report = await rig.run(source(web.url("/json"), "RSS"))
    assert (report.counts["items"], list(report.problems)[-1].rpartition(": ")[2]) == (1, "1 entries name no page")
    assert (await rig.run(source(web.url("/atom"), "RSS"))).counts["items"] == 1


async def test_what_is_no_feed_is_told_and_asked_for_again(web: Origin, rig: Rig) -> None:
    web.answers["/feed"] = page(web, b"<html>We moved</html>", etag='"1"')
    for _ in range(2):
        report = await rig.run(source(web.url("/feed"), "RSS"))
        assert (report.counts["errors"], report.complete) == (1, False)
        assert "is no feed" in report.problems[0]
    assert asked(web) == ["GET /robots.txt", "GET /feed", "GET /feed"]


async def test_tabs_of_entries(web: Origin, rig: Rig) -> None:
    web.answers["/bid/1"] = page(web, b'<a href="/bid/1/info">i</a> <a href="/bid/1/exploit">e</a> <a href="/other">')
    entries(web, "/bid/1/info", "/bid/1/exploit")
    web.answers["/list"] = page(web, b'<a href="/bid/1">')
    keys = {"entry_regex": r'href="(/bid/\d+)"', "tab_regex": r'href="(/bid/\d+/(info|exploit))"'}
    report = await rig.run(source(web.url("/list"), "PSEUDO_RSS", **keys))
    assert report.counts["items"] == 2
    assert {item["meta"]["entry"] for item in await rig.items()} == {web.url("/bid/1")}
    asked(web)
    await rig.run(source(web.url("/list"), "PSEUDO_RSS", **keys))
    assert asked(web) == ["GET /list"]
    stored = await rig.run(source(web.url("/bid/1"), "TABBED_ENTRY", tab_css="a[href^='/bid']", store_entry=True))
    assert stored.counts["items"] == 3
    assert (await rig.items())[-1]["meta"]["tabs"] == [web.url("/bid/1/info"), web.url("/bid/1/exploit")]


async def test_a_tab_that_failed_brings_the_entry_back(web: Origin, rig: Rig) -> None:
    web.answers["/e"] = page(web, b'<a href="/t1"><a href="/t2">', etag='"1"')
    entries(web, "/t1")
    web.answers["/t2"] = reply(status="500 Oops")
    what = source(web.url("/e"), "TABBED_ENTRY", tab_css="a")
    assert not (await rig.run(what)).complete
    entries(web, "/t2")
    assert (await rig.run(what)).counts["items"] == 1
    asked(web)
    assert counts(await rig.run(what)) == {"unchanged": 1}
    assert asked(web) == ["GET /e if-none-match"]


def listing(web: Origin, number: int, *numbers: int, last: bool = False) -> None:
    links = "".join(f'<h2><a class="e" href="/e{one}">x</a></h2>' for one in numbers)
    following = "" if last else f'<a rel="next" href="?p={number + 1}&amp;z=1">Next</a>'
    web.answers[f"/l?p={number}&z=1" if number else "/l"] = page(web, f"<html>{links}{following}</html>".encode())


async def test_pages_of_a_list_until_what_is_known(web: Origin, rig: Rig) -> None:
    entries(web, *(f"/e{number}" for number in range(1, 10)))
    listing(web, 0, 6, 5)
    listing(web, 1, 4, 3)
    listing(web, 2, 2, 1, last=True)
    what = source(web.url("/l"), "PSEUDO_RSS", entry_css="h2", next_page_css="a[rel=next]")
    assert (await rig.run(what)).counts["items"] == 6
    asked(web)
    listing(web, 0, 8, 7)
    listing(web, 1, 6, 5)
    assert (await rig.run(what)).counts["items"] == 2
    # The second page has entries that are known: those behind it are, too.
    assert asked(web) == ["GET /l", "GET /e8", "GET /e7", "GET /l?p=1&z=1"]


async def test_after_a_run_that_was_cut_off_all_pages_are_walked_again(web: Origin, rig: Rig) -> None:
    entries(web, "/e4", "/e3", "/e1")
    listing(web, 0, 4, 3)
    listing(web, 1, 2, 1, last=True)
    web.answers["/e2"] = reply(status="500 Oops")
    what = source(web.url("/l"), "PSEUDO_RSS", entry_css="a.e", next_page_css="a[rel=next]")
    assert not (await rig.run(what)).complete
    entries(web, "/e2")
    asked(web)
    assert (await rig.run(what)).counts["items"] == 1
    assert asked(web) == ["GET /l", "GET /l?p=1&z=1", "GET /e2"]


async def test_limits_end_a_walk(web: Origin, rig: Rig) -> None:
    for number in range(20):
        listing(web, number, number)
        entries(web, f"/e{number}")
    keys = {"entry_css": "a.e", "next_page_css": "a[rel=next]"}
    assert (await rig.run(source(web.url("/l"), "PSEUDO_RSS", max_pages=3, **keys))).counts["items"] == 3
    other = source(web.url("/l"), "PSEUDO_RSS", source_name="other", max_entries=5, **keys)
    assert (await rig.run(other)).counts["items"] == 5


async def test_a_page_whose_next_is_itself_ends(web: Origin, rig: Rig) -> None:
    web.answers["/l"] = page(web, b'<a class="e" href="/e1"></a><a rel="next" href="/l">')
    entries(web, "/e1")
    await rig.run(source(web.url("/l"), "PSEUDO_RSS", entry_css="a.e", next_page_css="a[rel=next]"))
    assert asked(web) == ["GET /robots.txt", "GET /l", "GET /e1"]


async def test_text_of_pages_with_what_is_said_of_them(web: Origin, rig: Rig) -> None:
    body = (
        f'<html lang="fr"><head><title>Alerte</title></head><body><article><p>{words(3)}.</p></article></body></html>'
    )
    web.answers["/x"] = page(web, body.encode("latin-1"), content_type="text/html; charset=iso-8859-1")
    await rig.run(source(web.url("/x"), post_process="removeHTML"))
    (item,) = await rig.items()
    assert payload(item).decode().startswith("w")
    assert (item["meta"]["title"], item["meta"]["language"], item["meta"]["content_type"]) == (
        "Alerte",
        "fr",
        "text/plain",
    )
    assert item["meta"]["collected_sha256"] != item["meta"]["sha256"]


async def test_what_cannot_be_processed_is_kept_as_it_came(web: Origin, rig: Rig) -> None:
    web.answers["/x"] = page(web, b"\x1f\x8b\x08 damaged", content_type="application/gzip")
    report = await rig.run(source(web.url("/x"), post_process="unzip"))
    assert counts(report) == {"errors": 1, "fetched": 1, "items": 1, "new": 1}
    (item,) = await rig.items()
    assert payload(item) == b"\x1f\x8b\x08 damaged"
    assert "gzip" in item["meta"]["processing_error"]
