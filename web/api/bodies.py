"""A request's body as a stream: bounded in bytes and in time, unpacked where it is packed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from registry.content import PIECE
from web.api.problems import ProblemError

PATIENCE = 30.0
"""Seconds that a client may send nothing within a body."""

_GZIP = 16 + zlib.MAX_WBITS


async def body_pieces(request: Request, *, limit: int, patience: float = PATIENCE) -> AsyncIterator[bytes]:
    """Yield the decoded body; who stores it counts its bytes.

    Raises:
        ProblemError: 411 without length, 413 too long, 415 unknown encoding, 400 wrong gzip, 408 too slow.
        ClientDisconnect: the client went away before the end.
    """
    packed = _is_packed(request)
    _check_length(request, limit)
    pieces = _unpacked(_patient(request, patience)) if packed else _patient(request, patience)
    async for piece in pieces:
        yield piece


def _is_packed(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        detail = "this content encoding is not known here; send gzip or none"
        raise ProblemError(415, detail, headers={"Accept-Encoding": "gzip"})
    return encoding != "identity"


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length")
    if length is None:
        if "transfer-encoding" not in request.headers:
            raise ProblemError(411, "send Content-Length, or the body in chunks")
    elif int(length) > limit:
        raise ProblemError(413, f"is {length} bytes; the limit is {limit}")


async def _patient(request: Request, patience: float) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(patience):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise ProblemError(408, f"nothing came for {patience:g} seconds") from error
        if piece is None:
            return
        yield piece


async def _unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        async for piece in pieces:
            rest = piece
            # A small piece may unpack into a thousand times its size, so it does so in bounded steps.
            while rest:
                yield await asyncio.to_thread(unpacking.decompress, rest, PIECE)
                rest = unpacking.unconsumed_tail
    except zlib.error as error:
        raise ProblemError(400, f"the body is not gzip: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ProblemError(400, "the body is not one complete gzip member")
