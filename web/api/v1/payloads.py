"""The bytes of an item over HTTP, wherever they are, sent so that no browser takes them for a page of ours."""

from __future__ import annotations

import base64
import re

from starlette.responses import Response

from registry.documents import DeletedDocumentError, Documents, UnknownDocumentError
from registry.item_detail import CONTENT_TYPE, ItemDetail, ItemDetails
from web.api.problems import ProblemError
from web.api.v1.streams import Slots, Stream

DOWNLOADS = 16
"""Documents that may be sent at once."""

_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}(\s*;[\x20-\x7e]{0,200})?\Z")


class Payloads:
    """Sends payloads."""

    def __init__(self, *, details: ItemDetails, documents: Documents) -> None:
        self._details = details
        self._documents = documents
        self._downloads = Slots(most=DOWNLOADS, what="downloads")

    async def answer(self, item: ItemDetail) -> Response:
        """Return the bytes of an item.

        Raises:
            ProblemError: 404 nobody has them here, 410 deleted, 429 too many downloads.
        """
        if item.deleted is not None:
            raise ProblemError(410, f"the payload was deleted: {item.deleted.reason}; statement and proof stay")
        headers = _headers(item)
        if not item.inline:
            return await self._stored(item, headers)
        payload = await self._details.inline(item.uuid)
        if payload is None:
            # Deleted since we looked.
            raise ProblemError(410, "the payload was deleted; statement and proof stay")
        return Response(payload, headers=headers)

    async def _stored(self, item: ItemDetail, headers: dict[str, str]) -> Response:
        try:
            document = await self._documents.find(item.payload_sha256)
        except DeletedDocumentError as error:
            raise ProblemError(410, str(error)) from error
        except UnknownDocumentError as error:
            raise ProblemError(404, "the document that the item refers to is not here") from error
        self._downloads.take()
        pieces = self._documents.read(document.sha256, verify=True)
        return Stream(pieces, headers=headers | {"Content-Length": str(document.size)}, slots=self._downloads)


def _headers(item: ItemDetail) -> dict[str, str]:
    # The agent chose the type: what is none must not break the header, and what is one must not run here.
    content_type = item.content_type if _TYPE.match(item.content_type) else CONTENT_TYPE
    digest = base64.b64encode(bytes.fromhex(item.payload_sha256)).decode()
    return {
        "Content-Type": content_type,
        "ETag": f'"{item.payload_sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Content-Disposition": f'attachment; filename="{item.uuid}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
