"""A web of local hosts for benchmarks: lists, pages with validators, feeds; a process of its own.

It prints its port as JSON once it listens, and ends with its stdin. It is small on purpose: what is measured
beside it has the machine's cores to itself.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys

PAGE_WORDS = 1_000
"""Words of a page: about 7 KiB."""

ENTRIES = 50
"""Entries of a feed."""

_CHOICE = random.Random(7)
_WORDS = ["".join(_CHOICE.choices("abcdefghijklmnopqrstuvwxyz", k=_CHOICE.randint(3, 10))) for _ in range(4_000)]
_ROBOTS = b"User-agent: *\nDisallow: /private/\n"


def host(number: int) -> str:
    """Return the address of a host by its number, from 0."""
    return f"127.0.1.{number + 1}"


def list_page(pages: int) -> bytes:
    """Return a list of pages."""
    return "".join(f'<li><a href="/p/{number}">Page {number}</a></li>\n' for number in range(pages)).encode()


def page(seed: str) -> bytes:
    """Return a page of text, the same for the same seed."""
    choice = random.Random(seed)
    words = choice.choices(_WORDS, k=PAGE_WORDS)
    paragraphs = (" ".join(words[at : at + 100]) for at in range(0, PAGE_WORDS, 100))
    body = "".join(f"<p>{text}.</p>\n" for text in paragraphs)
    return f"<!doctype html><html><head><title>{seed}</title></head><body>{body}</body></html>".encode()


def feed(name: str) -> bytes:
    """Return an RSS feed."""
    items = "".join(
        f"<item><title>{name} {number}</title><link>/e/{name}/{number}</link>"
        f"<description>{' '.join(_WORDS[number : number + 30])}</description></item>\n"
        for number in range(ENTRIES)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{name}</title>{items}</channel></rss>'.encode()


class Site(asyncio.Protocol):
    """One connection of HTTP/1.1, kept open."""

    def __init__(self, known: dict[str, tuple[bytes, bytes]], *, pages: int) -> None:
        self._known = known
        self._pages = pages
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            assert self._transport is not None
            self._transport.write(self._answer(head.decode("latin-1")))

    def _answer(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        path = request.split(" ")[1]
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body, etag = self._content(path, fields.get("host", ""))
        said = b"ETag: " + etag + b"\r\nContent-Type: " + _kind(path)
        if fields.get("if-none-match", "").encode() == etag:
            return b"HTTP/1.1 304 Not Modified\r\n" + said + b"\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n%s" % (said, len(body), body)

    def _content(self, path: str, name: str) -> tuple[bytes, bytes]:
        key = f"{name}{path}"
        if key not in self._known:
            made = self._made(path, key)
            self._known[key] = (made, b'"%s"' % hashlib.sha256(made).hexdigest()[:16].encode())
        return self._known[key]

    def _made(self, path: str, key: str) -> bytes:
        if path == "/robots.txt":
            return _ROBOTS
        if path == "/list":
            return list_page(self._pages)
        return feed(path.rpartition("/")[2]) if path.startswith("/feed/") else page(key)


def _kind(path: str) -> bytes:
    if path == "/robots.txt":
        return b"text/plain"
    return b"application/rss+xml" if path.startswith("/feed/") else b"text/html; charset=utf-8"


async def serve(hosts: int, pages: int) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    known: dict[str, tuple[bytes, bytes]] = {}

    def connect() -> Site:
        return Site(known, pages=pages)

    first = await loop.create_server(connect, host(0), 0)
    port = first.sockets[0].getsockname()[1]
    for number in range(1, hosts):
        await loop.create_server(connect, host(number), port)
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--pages", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.hosts, arguments.pages))


if __name__ == "__main__":
    main()
