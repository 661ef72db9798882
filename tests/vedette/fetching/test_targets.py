"""Given a redirect, or a name that moves, when something is fetched, then only what was judged is connected to."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ejabberd.authority import Authority
from tests.vedette.fetching.asking import fetcher, refusal
from tests.vedette.fetching.origin import KnownNames, Origin, redirect, reply
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchError, FetchLimits, FetchRefusedError, FetchRequest
from vedette.fetching.policy import FetchPolicy
from vedette.fetching.resolution import GuardedResolver


async def test_a_post_keeps_its_body_over_a_redirect_that_says_so(origin: Origin) -> None:
    origin.answers |= {"/a": redirect("/b", "307 Temporary Redirect"), "/b": reply(b"good"), "/c": redirect("/b")}
    request = FetchRequest(url=origin.url("/a"), method="POST", body=b"question", content_type="text/x")
    async with fetcher(origin) as client:
        assert (await client.fetch(request)).body == b"good"
        with pytest.raises(FetchError, match="redirects a POST with 302"):
            await client.fetch(FetchRequest(url=origin.url("/c"), method="POST", body=b"question"))
    assert [(asked.method, asked.path, asked.body) for asked in origin.requests[:2]] == [
        ("POST", "/a", b"question"),
        ("POST", "/b", b"question"),
    ]


async def test_another_origin_does_not_get_our_headers(origin: Origin) -> None:
    other = Origin()
    await other.start()
    origin.answers |= {"/a": redirect("/b"), "/b": redirect(other.url("/c"))}
    other.answers["/c"] = reply(b"good")
    async with fetcher(origin, allow=(f"127.0.0.1:{origin.port}", f"127.0.0.1:{other.port}")) as client:
        fetched = await client.fetch(FetchRequest(url=origin.url("/a"), headers={"Authorization": "Bearer secret"}))
    await other.stop()
    assert (fetched.body, fetched.url) == (b"good", other.url("/c"))
    assert ["authorization" in asked.fields for asked in (*origin.requests, *other.requests)] == [True, True, False]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254 is a cloud's metadata service"),
        ("http://[fd00:ec2::254]/latest/", "a cloud's metadata service"),
        ("//10.0.0.1/", "10.0.0.1 is a private network"),
        ("http://2130706433/", "a form that programs read differently"),
        ("http://user:secret@127.0.0.1/", "holds a name or password"),
        ("http://127.0.0.1:22/", "port 22 is not asked"),
        ("file:///etc/passwd", "is not an http or https URL"),
        ("gopher://127.0.0.1/", "is not an http or https URL"),
        ("http:///", "is not an http or https URL"),
        ("/a b", "holds a space"),
        ("", "is no place at all"),
        ("/x" * 2_000, "is longer than"),
        ("http://[::1", "is not a URL"),
    ],
)
async def test_a_redirect_is_judged_like_any_url(origin: Origin, location: str, reason: str) -> None:
    origin.answers["/x"] = redirect(location)
    error = await refusal(fetcher(origin), FetchRequest(url=origin.url("/x")))
    assert isinstance(error, FetchRefusedError)
    assert reason in str(error)
    assert "secret" not in str(error)
    assert len(origin.requests) == 1


async def test_redirects_are_bounded(origin: Origin) -> None:
    origin.answers["/x"] = redirect("/x")
    assert "redirects more than 3 times" in str(await refusal(fetcher(origin), FetchRequest(url=origin.url("/x"))))
    assert len(origin.requests) == 4
    none = fetcher(origin, limits=FetchLimits(redirects=0))
    assert "use the final URL" in str(await refusal(none, FetchRequest(url=origin.url("/x"))))


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found"])
async def test_nobody_reads_a_body_that_is_not_wanted(origin: Origin, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nLocation: /y\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    origin.answers |= {"/x": origin.streaming(head, b"10000\r\n" + b"x" * 65_536 + b"\r\n"), "/y": reply(b"good")}
    async with fetcher(origin) as client:
        if status.startswith("302"):
            assert (await client.fetch(FetchRequest(url=origin.url("/x")))).body == b"good"
        else:
            with pytest.raises(FetchError, match="answers HTTP status 404"):
                await client.fetch(FetchRequest(url=origin.url("/x")))
    assert origin.sent < 64 * 1024**2


async def test_tls_is_verified_and_never_left(origin: Origin, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.server("localhost", names=["localhost", "127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure = Origin()
    await secure.start(tls=context)
    secure.answers |= {"/good": reply(b"good"), "/down": redirect(origin.url("/x"))}
    trusted = ssl.create_default_context(cafile=authority.ca_file)
    allow = (f"127.0.0.1:{origin.port}", f"127.0.0.1:{secure.port}")
    async with fetcher(origin, allow=allow, tls=trusted) as client:
        assert (await client.fetch(FetchRequest(url=secure.url("/good", scheme="https")))).body == b"good"
        with pytest.raises(FetchRefusedError, match="redirects from https to http"):
            await client.fetch(FetchRequest(url=secure.url("/down", scheme="https")))
    error = await refusal(fetcher(origin, allow=allow), FetchRequest(url=secure.url("/good", scheme="https")))
    assert "certificate verify failed" in str(error)
    await secure.stop()
    assert origin.requests == []


async def test_a_name_that_moves_is_connected_to_where_it_was_judged() -> None:
    origin = Origin()
    await origin.start("127.0.0.1", "127.0.0.2")
    origin.answers |= {"/x": reply(b"good", Connection="close"), "/to": redirect("/x")}
    names = KnownNames(moving_example=[["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.2"]])
    url = origin.url("/x", host="moving.example")
    async with fetcher(origin, names=names) as client:
        assert (await client.fetch(FetchRequest(url=url))).body == b"good"
    assert names.looks == ["moving.example"]
    async with fetcher(origin, names=names) as client:
        with pytest.raises(FetchRefusedError, match=r"moving.example may not be asked: 127.0.0.2 is loopback"):
            await client.fetch(FetchRequest(url=url))
    async with fetcher(origin, names=names) as client:
        assert (await client.fetch(FetchRequest(url=url))).body == b"good"
    async with fetcher(origin, names=names) as client:
        with pytest.raises(FetchRefusedError):
            await client.fetch(FetchRequest(url=origin.url("/to", host="moving.example")))
    await origin.stop()
    assert {asked.place for asked in origin.requests} == {"127.0.0.1"}
    assert len(names.looks) == 4


async def test_a_redirect_to_a_name_of_our_own_network_is_refused(origin: Origin) -> None:
    origin.answers["/x"] = redirect(origin.url("/y", host="inside.example"))
    names = KnownNames(outside_example=[["127.0.0.1"]], inside_example=[["127.0.0.9"]])
    error = await refusal(fetcher(origin, names=names), FetchRequest(url=origin.url("/x", host="outside.example")))
    assert "inside.example may not be asked: 127.0.0.9 is loopback" in str(error)
    assert len(origin.requests) == 1


async def test_a_name_that_nobody_knows_is_told(origin: Origin) -> None:
    error = await refusal(fetcher(origin, names=KnownNames()), FetchRequest(url="http://nobody.example/"))
    assert str(error).startswith("http://nobody.example/: cannot be reached: ")
    names = KnownNames(empty_example=[[]])
    error = await refusal(fetcher(origin, names=names), FetchRequest(url="http://empty.example/"))
    assert "empty.example has no address" in str(error)


def test_an_address_that_came_past_the_look_is_judged_once_more() -> None:
    resolver = GuardedResolver(policy=FetchPolicy(), names=KnownNames())
    for address in (("127.0.0.1", 80), ("169.254.169.254", 80)):
        with pytest.raises(PermissionError, match=address[0]):
            resolver.open_socket((2, 1, 6, "", address))
    resolver.open_socket((2, 1, 6, "", ("1.1.1.1", 80))).close()


async def test_one_that_is_refused_is_never_connected_to(origin: Origin) -> None:
    for url in (origin.url(), origin.url(host="localhost")):
        error = await refusal(
            HttpFetcher(policy=FetchPolicy.allowing([], ports=[origin.port])), FetchRequest(url=url)
        )
        assert isinstance(error, FetchRefusedError)
        assert "loopback" in str(error)
    error = await refusal(fetcher(origin), FetchRequest(url="http://name:secret@127.0.0.1/"))
    assert "secret" not in str(error)
    assert origin.requests == []


async def test_the_environments_proxy_and_cookies_play_no_part(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    origin.answers["/x"] = reply(b"good", Set_Cookie="a=b")
    async with fetcher(origin) as client:
        for _ in range(2):
            assert (await client.fetch(FetchRequest(url=origin.url("/x")))).body == b"good"
    assert not any("cookie" in asked.fields for asked in origin.requests)
