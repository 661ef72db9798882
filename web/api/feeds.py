"""The MISP feeds of this fleet: `manifest.json`, `hashes.csv` and a file an event, as MISP subscribes to them.

Only those names are ever looked up, in the folders of the configured feeds. A file is opened once and sent from
there: one that is replaced meanwhile is sent as it was.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from registry.content import PIECE
from vedette.clock import MICROSECONDS, to_datetime
from vedette.sharing.feeds import SharedFeed, is_feed_file
from web.api.access import Rules, caller_of
from web.api.negotiation import has_tag
from web.api.problems import ProblemError
from web.api.shared_access import READERS, sees
from web.api.v1.described import problems

_MISSING: Final = "there is no such feed or file, or it is not for you"


class FeedRoutes:
    """`GET /feeds/{feed}/{file}`."""

    def __init__(self, *, feeds: Sequence[SharedFeed]) -> None:
        self._feeds = {one.name: one for one in feeds}

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        app.add_api_route(
            "/feeds/{feed}/{file}",
            self.get,
            methods=["GET"],
            dependencies=[Depends(rules.any_of(*READERS))],
            responses={200: {"description": "The file."}, 304: {"description": "It is the same."}, **problems(404)},
            response_class=Response,
            tags=["MISP feeds"],
        )

    async def get(self, feed: str, file: str, request: Request) -> Response:
        """Return a file of a feed, or 304 where the client has it."""
        found = self._feeds.get(feed)
        if found is None or not sees(caller_of(request), found.keys) or not is_feed_file(file):
            raise ProblemError(404, _MISSING)
        return _FileAnswer(found.folder / file, request)


class _FileAnswer(Response):
    """A file as an answer; what is opened is closed with it."""

    def __init__(self, path: Path, request: Request) -> None:
        super().__init__()
        self._path = path
        self._known = (request.headers.get("if-none-match"), request.headers.get("if-modified-since", ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Raises:
            ProblemError: 404, there is none.
        """
        # Not in a thread: who is cancelled while one opens it would never get the file to close.
        with _opened(self._path) as file:
            status = os.fstat(file.fileno())
            headers = _headers(self._path, status)
            if self._has_it(headers["ETag"], int(status.st_mtime)):
                kept = {name: headers[name] for name in ("ETag", "Last-Modified", "Cache-Control")}
                await Response(status_code=304, headers=kept)(scope, receive, send)
                return
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            left = status.st_size
            while left and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    def _has_it(self, tag: str, changed: int) -> bool:
        """Tell whether the client has the file; its time counts only where it names no tag (RFC 9110, 13.1.3)."""
        named, since = self._known
        if named is not None:
            return has_tag(named, tag)
        try:
            return changed <= parsedate_to_datetime(since).timestamp()
        except (ValueError, TypeError, OverflowError):
            return False


def _opened(path: Path) -> BinaryIO:
    try:
        # A link in the folder leads to something that nobody meant to share, and a pipe nowhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ProblemError(404, _MISSING) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ProblemError(404, _MISSING)
    return os.fdopen(descriptor, "rb")


def _headers(path: Path, status: os.stat_result) -> dict[str, str]:
    changed = to_datetime(int(status.st_mtime) * MICROSECONDS)
    return {
        "Content-Type": "text/csv; charset=utf-8" if path.suffix == ".csv" else "application/json",
        "Content-Length": str(status.st_size),
        # Each publication is a new file.
        "ETag": f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"',
        "Last-Modified": format_datetime(changed, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
