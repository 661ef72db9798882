"""A document as its client wants it: its bytes under some type, or Stucco's JSON with its text; packed or not.

All of it is streamed: no answer is held whole in memory.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import contextlib
import re
import zlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from registry.documents import Document, Documents
from vedette.canonical import sha256_hex
from vedette.clock import MICROSECONDS
from vedette.documents.description import other_fields, read_description, stucco_fields
from web.api.negotiation import Offer, choose, essence_of, has_tag, takes_gzip
from web.api.problems import ProblemError

OWN, PLAIN, OCTETS, ENVELOPE = "", "text", "octets", "json"

WORTH_PACKING = 1024
"""Bytes below which packing saves nothing."""

OCTET_STREAM = "application/octet-stream"
"""Bytes of no type in particular (RFC 9110, 8.3)."""

JSON = "application/json"

_TEXTS = frozenset({JSON, "application/xml", "application/javascript", "application/yaml", "application/x-ndjson"})
_CHARSET = re.compile(r';\s*charset="?([A-Za-z0-9._:-]{1,40})', re.IGNORECASE)
_LEVEL = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The form of an answer."""

    name: str
    """Which of the forms of a document."""
    type: str
    """Content-Type."""
    packed: bool
    """Whether it is gzip."""
    tag: str
    """Strong entity tag: each form has its own (RFC 9110, 8.8.3)."""


def form_of(document: Document, request: Request) -> Form:
    """Return the form that a client wants.

    Raises:
        ProblemError: 406, it takes none that there is.
    """
    essence = essence_of(document.content_type)
    is_text = essence.startswith("text/") or essence in _TEXTS or essence.endswith(("+json", "+xml"))
    offers = [Offer(name=OWN, type=essence, only_by_wildcard=essence == JSON)]
    if is_text:
        offers.append(Offer(name=PLAIN, type="text/plain"))
    offers += [Offer(name=OCTETS, type=OCTET_STREAM), Offer(name=ENVELOPE, type=JSON)]
    # Stucco's own clients say nothing and read JSON.
    accept = request.headers.get("accept", JSON)
    offer = choose(accept, offers)
    if offer is None:
        there = ", ".join(dict.fromkeys(one.type for one in offers))
        raise ProblemError(406, f"the document is not to be had in that form; it is in: {there}")
    worth = is_text and document.size >= WORTH_PACKING
    packed = worth and takes_gzip(request.headers.get("accept-encoding", ""))
    return Form(
        name=offer.name,
        type=_type_of(document, offer),
        packed=packed,
        tag=_tag(document, offer.name, packed=packed, extracting=is_extracting(request)),
    )


def is_extracting(request: Request) -> bool:
    """Tell whether a client of Stucco's wants the text of a document under the key `text`, too."""
    return request.query_params.get("extract", "").lower() == "true"


def answer(documents: Documents, document: Document, request: Request) -> Response:
    """Return the answer to a GET or HEAD.

    Raises:
        ProblemError: 406, the client takes no form that there is.
    """
    form = form_of(document, request)
    headers = _headers(document, form)
    if has_tag(request.headers.get("if-none-match", ""), form.tag):
        kept = ("ETag", "Vary", "Link")
        return Response(status_code=304, headers={name: headers[name] for name in kept if name in headers})
    if request.method == "HEAD":
        response = Response(headers=headers)
        if "Content-Length" not in headers:
            # It would say 0, which is not what a GET would say (RFC 9110, 9.3.2).
            del response.headers["Content-Length"]
        return response
    pieces = documents.read(document.sha256, verify=True)
    if form.name == ENVELOPE:
        pieces = envelope(documents, document, extracting=is_extracting(request))
    return _Stream(packed(pieces) if form.packed else pieces, headers=headers)


async def envelope(documents: Documents, document: Document, *, extracting: bool) -> AsyncGenerator[bytes, None]:
    """Yield Stucco's JSON with the document in it; what is not UTF-8 is base64, and says so."""
    is_text = await documents.is_utf8(document.sha256)
    fields = _fields(document) | ({} if is_text else {"encoding": "base64"})
    yield orjson.dumps(fields)[:-1]
    for key in ("document", "text") if is_text and extracting else ("document",):
        yield f',"{key}":"'.encode()
        pieces = documents.read(document.sha256, verify=True)
        async with contextlib.aclosing(_escaped(pieces) if is_text else _base64(pieces)) as encoded:
            async for piece in encoded:
                yield piece
        yield b'"'
    yield b"}"


async def packed(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield pieces as gzip (RFC 1952), without a date in it, so that the same is always the same."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    try:
        async for piece in pieces:
            if data := await asyncio.to_thread(packing.compress, piece):
                yield data
        yield packing.flush()
    finally:
        await pieces.aclose()


async def _escaped(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async for piece in pieces:
            yield orjson.dumps(decoder.decode(piece))[1:-1]
    finally:
        await pieces.aclose()


async def _base64(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    rest = b""
    try:
        async for piece in pieces:
            data = rest + piece
            # Only whole triples can be encoded one after the other.
            end = len(data) - len(data) % 3
            rest = data[end:]
            yield base64.b64encode(data[:end])
        yield base64.b64encode(rest)
    finally:
        await pieces.aclose()


def _fields(document: Document) -> dict[str, Any]:
    said = read_description(document.description)
    return {
        # Text, as Stucco's service has it: its Go clients read nothing else.
        "ok": "true",
        "key": document.key,
        "timestamp": document.created_at // MICROSECONDS,
        "content-type": document.content_type,
        **stucco_fields(said),
        "size": document.size,
        "sha256": document.sha256,
        "description": other_fields(said),
    }


def _type_of(document: Document, offer: Offer) -> str:
    if offer.name == OWN:
        return document.content_type
    if offer.name == PLAIN:
        charset = _CHARSET.search(document.content_type)
        return f"text/plain; charset={charset[1] if charset else 'utf-8'}"
    return offer.type


def _tag(document: Document, name: str, *, packed: bool, extracting: bool) -> str:
    parts = [document.sha256, name]
    if name == ENVELOPE:
        parts.append(sha256_hex(orjson.dumps([_fields(document), extracting]))[:16])
    return '"' + "-".join(part for part in (*parts, "gzip" if packed else "") if part) + '"'


def _headers(document: Document, form: Form) -> Mapping[str, str]:
    headers = {
        "Content-Type": form.type,
        "ETag": form.tag,
        "Vary": "Accept, Accept-Encoding",
        # Whatever was collected must not run as a page of ours.
        "Content-Disposition": f'attachment; filename="{document.sha256}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if form.packed:
        headers["Content-Encoding"] = "gzip"
    if form.name != ENVELOPE:
        digest = base64.b64encode(bytes.fromhex(document.sha256)).decode()
        # RFC 9530: of the bytes before they are packed only where nothing packs them.
        headers |= {} if form.packed else {"Repr-Digest": f"sha-256=:{digest}:"}
        headers |= {} if form.packed else {"Content-Length": str(document.size)}
    if document.name:
        headers["Link"] = f'</document/{document.sha256}>; rel="canonical"'
    return headers


class _Stream(StreamingResponse):
    """An answer that closes what it reads from as soon as it ends, however it ends."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], *, headers: Mapping[str, str]) -> None:
        super().__init__(pieces, headers=headers)
        self._source = pieces

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._source.aclose()
