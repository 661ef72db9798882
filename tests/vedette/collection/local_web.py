"""A small web over real sockets: pages that know of conditions, and some that do not."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

from tests.vedette.fetching.origin import Answer, Origin, reply

LAST_MODIFIED = "Sun, 22 Nov 2026 08:00:00 GMT"
NO_ROBOTS = reply(b"no such file", status="404 Not Found")


def page(
    web: Origin,
    body: bytes,
    *,
    etag: str = "",
    last_modified: str = "",
    content_type: str = "text/html; charset=utf-8",
    deaf: bool = False,
    packed: bool = False,
    head: bool = True,
) -> Answer:
    """A page with the validators that are given; a deaf one sends itself whatever the condition."""
    fields: dict[str, Any] = {"Content_Type": content_type}
    if etag:
        fields["ETag"] = etag
    if last_modified:
        fields["Last_Modified"] = last_modified

    async def answer(writer: asyncio.StreamWriter) -> None:
        asked = web.requests[-1]
        met = (etag and asked.fields.get("if-none-match") == etag) or (
            last_modified and asked.fields.get("if-modified-since") == last_modified
        )
        if met and not deaf:
            await reply(status="304 Not Modified", **fields)(writer)
        elif asked.method == "HEAD":
            lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
            status = "200 OK" if head else "405 Method Not Allowed"
            writer.write(f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body) if head else 0}\r\n\r\n".encode())
        elif packed:
            await reply(gzip.compress(body), Content_Encoding="gzip", **fields)(writer)
        else:
            await reply(body, **fields)(writer)

    return answer


def asked(web: Origin) -> list[str]:
    """What was asked for, in order, such as `GET /x` or `GET /x if-none-match`."""
    lines = []
    for one in web.requests:
        conditions = [name for name in ("if-none-match", "if-modified-since") if name in one.fields]
        lines.append(" ".join([one.method, one.path, *conditions]))
    web.requests.clear()
    return lines


def words(seed: int, count: int = 120) -> str:
    """A text that differs from that of any other seed."""
    return " ".join(f"w{(seed * 7919 + number * number) % 9973}" for number in range(count))


def feed(*urls: str) -> bytes:
    """An RSS feed of these pages."""
    items = "".join(f"<item><title>About {url}</title><link>{url}</link></item>" for url in urls)
    return f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()
