"""The exporter `webhook`: an investigation as JSON, posted to a server of yours and signed.

The body is `{"version": "1", "investigation": {…}, "facts": […], "edges": […], "scans": […], "proofs": […]}`; see
`records.py` for what is in them. It is posted again only when it has changed. The headers are those of Standard
Webhooks (https://www.standardwebhooks.com, specification 1.0), for which there are libraries in most languages:

- `webhook-id`: SHA-256 of the body, hex; the same when it is sent again, so that the receiver does nothing twice;
  `Idempotency-Key` is the same (draft-ietf-httpapi-idempotency-key-header);
- `webhook-timestamp`: seconds since 1970; older than some minutes: refuse it, somebody replays it;
- `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>` with the key.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated, Any, Final

import orjson
from pydantic import Field, StrictStr

from vedette.clock import MICROSECONDS
from vedette.errors import ConfigurationError
from vedette.fetching.interface import FetchError, FetchRequest
from vedette.sharing.endpoint import (
    ENDPOINT_OPTIONAL,
    MAX_EXCERPT,
    EndpointSettings,
    failure_of,
    place_of,
    read_endpoint,
    read_settings,
)
from vedette.sharing.exporter import Change, Destination, Exported, Exporter, ExportError, Outfit, Plan
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.sinks.records import KINDS, Sealed, head_line, is_empty, seal

MAX_BODY: Final = 128 * 1024 * 1024
"""Bytes that are posted at once."""

MIN_KEY: Final = 16
"""Bytes of a key: fewer can be guessed."""

_BINARY_KEY: Final = "whsec_"
"""What a key in base64 begins with, in Standard Webhooks."""

_IS_THERE: Final = frozenset({400, 404, 405, 415, 501})
"""How a server that only takes POST answers HEAD."""


class WebhookSettings(EndpointSettings):
    """A server that is told."""

    key_file: Annotated[StrictStr, Field(min_length=1)]
    """File with the key that signs: at least 16 characters, or `whsec_` and base64."""


class Webhook(Exporter):
    """Posts investigations."""

    name = "webhook"
    summary = "Posts an investigation as signed JSON when it has changed"
    required = frozenset({"url", "key_file"})
    optional = ENDPOINT_OPTIONAL - {"key_file"}

    def connect(self, outfit: Outfit) -> Destination:
        """Return the server that settings name."""
        return WebhookDestination(outfit)


class WebhookDestination(Destination):
    """A server that takes signed JSON; what it was told last is remembered here."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is sent yet.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        self._endpoint = read_endpoint(outfit, read_settings(outfit, WebhookSettings))
        self._key = _key_of(self._endpoint.key, place=place_of(outfit))
        self._fetcher = self._endpoint.fetcher()
        self._memory = outfit.memory
        self._clock = outfit.clock

    async def plan(self, investigation: Investigation) -> Plan:
        """Say whether it would be posted."""
        body, digest, own = await asyncio.to_thread(self._document, investigation)
        told = await self._told(investigation)
        return Plan(
            digest=digest,
            changes=_changes(investigation, told, digest, len(body)),
            total=_total(investigation, told, digest),
            withheld=[*investigation.withheld, *own],
        )

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Post it, unless this very one was posted last."""
        body, digest, own = await asyncio.to_thread(self._document, investigation)
        withheld = [*investigation.withheld, *own]
        told = await self._told(investigation)
        if _total(investigation, told, digest) == 0:
            return Exported(unchanged=1, withheld=withheld, address=self._endpoint.shown)
        if only is not None and only != digest:
            place = self._endpoint.shown
            raise ExportError(f"{place}: what would be sent has changed since it was approved; look at it again")
        await self._post(body, digest)
        # Killed before this, it is posted once more under the same id.
        memory = {"digest": digest, "counts": _counts(investigation)}
        await self._memory.remember({str(investigation.uuid): orjson.dumps(memory).decode()})
        return Exported(sent=1, requests=1, withheld=withheld, address=self._endpoint.shown)

    async def check(self) -> str:
        """Ask whether it is there, without telling it anything."""
        request = FetchRequest(url=str(self._endpoint.target.url), method="HEAD")
        try:
            status = (await self._fetcher.fetch(request)).status
        except FetchError as error:
            if error.status not in _IS_THERE:
                raise failure_of(error) from error
            status = error.status
        return f"{self._endpoint.shown} answers HEAD with HTTP status {status}"

    async def aclose(self) -> None:
        """Close its connections."""
        await self._fetcher.aclose()

    def _document(self, investigation: Investigation) -> tuple[bytes, str, list[Withheld]]:
        """Return the body, its digest, and what could not be written into it."""
        sealing = seal(investigation)
        body = _body(investigation, sealing.records)
        if len(body) > MAX_BODY:
            reason = f"are more than {MAX_BODY} bytes; select less, or set raw and evidence to false in its policy"
            raise ExportError(f"{self._endpoint.shown}: {len(body)} bytes {reason}")
        return body, hashlib.sha256(body).hexdigest(), list(sealing.unfit.values())

    async def _told(self, investigation: Investigation) -> dict[str, Any]:
        """Return what is remembered of the last time; empty: it was never told."""
        key = str(investigation.uuid)
        found: dict[str, Any] = orjson.loads((await self._memory.recall([key])).get(key, "{}"))
        return found

    async def _post(self, body: bytes, digest: str) -> None:
        moment = str(self._clock.now() // MICROSECONDS)
        request = FetchRequest(
            url=str(self._endpoint.target.url),
            method="POST",
            body=body,
            content_type="application/json",
            headers={
                "webhook-id": digest,
                "webhook-timestamp": moment,
                "webhook-signature": signature(self._key, id=digest, timestamp=moment, body=body),
                "Idempotency-Key": digest,
            },
            excerpt=MAX_EXCERPT,
        )
        try:
            await self._fetcher.fetch(request)
        except FetchError as error:
            raise failure_of(error) from error


def signature(key: bytes, *, id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message, as Standard Webhooks has it in its header."""
    signed = b".".join((id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _key_of(text: str, *, place: str) -> bytes:
    """Return the bytes of a key."""
    key = text.encode()
    if text.startswith(_BINARY_KEY):
        try:
            key = base64.b64decode(text.removeprefix(_BINARY_KEY), validate=True)
        except binascii.Error as error:
            raise ConfigurationError(place, "key_file", f"what follows {_BINARY_KEY} is not base64") from error
    if len(key) < MIN_KEY:
        raise ConfigurationError(place, "key_file", f"holds a key of less than {MIN_KEY} bytes: it can be guessed")
    return key


def _body(investigation: Investigation, records: Sequence[Sealed]) -> bytes:
    parts = [b'{"version":"1","investigation":', head_line(investigation)]
    for kind in KINDS:
        lines = b",".join(one.record.line() for one in records if one.record.kind == kind)
        parts.append(b',"%ss":[%s]' % (kind.encode(), lines))
    return b"".join([*parts, b"}"])


def _total(investigation: Investigation, told: dict[str, Any], digest: str) -> int:
    """Return 1 where there is something to tell: nothing at all is told only to who knew something."""
    if told.get("digest") == digest or (not told and is_empty(investigation)):
        return 0
    return 1


def _changes(investigation: Investigation, told: dict[str, Any], digest: str, size: int) -> list[Change]:
    if not _total(investigation, told, digest):
        return []
    what = f"investigation {investigation.key}"
    after = f"{_counts(investigation)}, {size} bytes"
    if not told:
        return [Change(action="add", what=what, after=after)]
    return [Change(action="change", what=what, before=str(told.get("counts", "")), after=after)]


def _counts(investigation: Investigation) -> str:
    lists = (investigation.facts, investigation.edges, investigation.scans, investigation.proofs)
    return ", ".join(f"{len(ones)} {kind}s" for kind, ones in zip(KINDS, lists, strict=True))
