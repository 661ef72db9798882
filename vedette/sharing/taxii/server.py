"""The port to a collection of another TAXII 2.1 server (OASIS Standard, 2021), bounded in time and size."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from pydantic import Field, StrictStr, model_validator

from vedette.canonical import parse_json
from vedette.errors import ConnectionFailedError, RefusedError
from vedette.fetching.authorization import authorization
from vedette.fetching.interface import FetchError, FetchRequest
from vedette.sharing.endpoint import (
    MAX_EXCERPT,
    EndpointSettings,
    failure_of,
    read_endpoint,
    read_secret,
    read_settings,
)
from vedette.sharing.exporter import ExportError, Outfit
from vedette.sharing.taxii.resources import MEDIA_TYPE, instant

MOST_POSTED: Final = 1024 * 1024
"""Bytes of an envelope, where the server does not take less."""

LEAST_POSTED: Final = 1024
"""Bytes that a server must take: less is no server for objects."""

_COLLECTIONS: Final = "/collections/"
_ASKED: Final = 20
"""Objects that one request names: an id has up to 80 characters, and servers take addresses of 4 KiB at least."""

_PAGES: Final = 50
"""Pages of one answer that are read."""

_PATIENCE: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a status is asked for again, one after the other; the last one stays."""


class TaxiiSettings(EndpointSettings):
    """What a destination of the exporter `taxii` is set by; `url` is the collection's."""

    user: Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"^[!-9;-~]+$")] | None = None
    """User of HTTP Basic, without a colon; goes with `password_file`."""
    password_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    """File with the password, relative to the configuration."""

    @model_validator(mode="after")
    def _one_way_in(self) -> TaxiiSettings:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        if self.user is not None and self.key_file is not None:
            raise ValueError("give either key_file, or user and password_file")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """What became of an envelope."""

    pending: bool = False
    """Whether the server still works on it."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why objects were not taken, by their ids."""
    unnamed: int = 0
    """How many more were not taken, of which the server does not say the ids."""


class TaxiiServer:
    """A collection, with what opens it."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is asked yet.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        settings = read_settings(outfit, TaxiiSettings)
        endpoint = read_endpoint(outfit, settings)
        url = str(endpoint.target.url)
        self._url = url if url.endswith("/") else f"{url}/"
        self.shown = endpoint.shown
        """Where it is, for messages."""
        self._time_limit = settings.time_limit
        key = endpoint.key
        if settings.user is not None and settings.password_file is not None:
            key = f"{settings.user}:{read_secret(outfit, 'password_file', settings.password_file)}"
        self._headers = {"Accept": MEDIA_TYPE, **authorization(key)}
        self._fetcher = endpoint.fetcher()

    async def describe(self) -> Mapping[str, Any]:
        """Return the collection resource (section 5.2).

        Raises:
            ExportError: it is none.
            ComeAgainError: later.
            ConnectionFailedError: it does not answer, is not trusted or refuses the key.
        """
        found = await self._get(self._url)
        if not isinstance(found.get("can_write"), bool):
            raise ExportError(
                f"{self.shown}: is no TAXII 2.1 collection; url must be https://HOST/ROOT/collections/ID/"
            )
        return found

    async def most_posted(self) -> int:
        """Return how many bytes an envelope may have: what the API root says (section 4.2), and never too many.

        Raises:
            ComeAgainError: later.
            ConnectionFailedError: it does not answer.
        """
        try:
            most = (await self._get(self._root)).get("max_content_length")
        except ExportError:
            # Whoever may write need not be allowed to see the root.
            return MOST_POSTED
        return max(LEAST_POSTED, min(most, MOST_POSTED)) if isinstance(most, int) else MOST_POSTED

    async def find(self, id: str) -> Mapping[str, Any] | None:
        """Return the last version of an object that is there; None: it is not, or is not shown to us.

        Raises:
            ComeAgainError: later.
            ConnectionFailedError: it does not answer.
        """
        try:
            objects = (await self._get(f"{self._url}objects/{id}/")).get("objects")
        except ExportError:
            return None
        last = objects[-1] if isinstance(objects, list) and objects else None
        return last if isinstance(last, dict) and last.get("id") == id else None

    async def versions(self, ids: Sequence[str]) -> Mapping[str, set[int]]:
        """Return which versions of objects are there, in microseconds; nothing where the manifest is not for us.

        Raises:
            ComeAgainError: later.
            ConnectionFailedError: it does not answer.
        """
        found: dict[str, set[int]] = {}
        for start in range(0, len(ids), _ASKED):
            wanted = {"match[id]": ",".join(ids[start : start + _ASKED]), "match[version]": "all"}
            try:
                async for record in self._manifest(wanted):
                    with contextlib.suppress(RefusedError):
                        found.setdefault(str(record.get("id")), set()).add(instant(str(record.get("version"))))
            except ExportError:
                return found
        return found

    async def _manifest(self, wanted: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        following: dict[str, str] = {}
        for _ in range(_PAGES):
            page = await self._get(f"{self._url}manifest/?{urlencode({**wanted, **following})}")
            records = page.get("objects")
            for one in records if isinstance(records, list) else ():
                if isinstance(one, dict):
                    yield one
            if page.get("more") is not True or not page.get("next"):
                return
            following = {"next": str(page["next"])}

    async def post(self, objects: Sequence[bytes]) -> Posted:
        """Post objects and wait until the server is done with them (sections 5.5 and 4.3), within the time limit.

        Raises:
            ExportError: it does not take them.
            ComeAgainError: later.
            ConnectionFailedError: it does not answer; it may have taken them all the same.
        """
        body = b'{"objects":[%b]}' % b",".join(objects)
        status = await self._ask(
            FetchRequest(
                url=f"{self._url}objects/",
                method="POST",
                body=body,
                content_type=MEDIA_TYPE,
                headers=self._headers,
                excerpt=MAX_EXCERPT,
            )
        )
        return _outcome(await self._finished(status))

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._fetcher.aclose()

    @property
    def _root(self) -> str:
        return self._url.rpartition(_COLLECTIONS)[0] + "/"

    async def _finished(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        id, waits = str(status.get("id", "")), 0
        try:
            async with asyncio.timeout(self._time_limit):
                # What a server calls its statuses must not lead elsewhere.
                while status.get("status") == "pending" and id and id.replace("-", "").isalnum():
                    await asyncio.sleep(_PATIENCE[min(waits, len(_PATIENCE) - 1)])
                    waits += 1
                    status = await self._get(f"{self._root}status/{id}/")
        except TimeoutError:
            return status
        return status

    async def _get(self, url: str) -> Mapping[str, Any]:
        return await self._ask(FetchRequest(url=url, headers=self._headers, excerpt=MAX_EXCERPT))

    async def _ask(self, request: FetchRequest) -> Mapping[str, Any]:
        try:
            fetched = await self._fetcher.fetch(request)
        except FetchError as error:
            raise failure_of(error) from error
        try:
            value = parse_json(fetched.body)
        except RefusedError as error:
            raise ConnectionFailedError(f"{self.shown}: answers with something else than TAXII: {error}") from error
        if not isinstance(value, dict):
            raise ConnectionFailedError(f"{self.shown}: answers with something else than TAXII")
        return value


def _outcome(status: Mapping[str, Any]) -> Posted:
    if status.get("status") == "pending":
        return Posted(pending=True)
    listed = status.get("failures")
    failures = {
        str(one.get("id", ""))[:300]: str(one.get("message") or "the server does not say why")[:1_000]
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    }
    count = status.get("failure_count")
    return Posted(failures=failures, unnamed=max(0, (count if isinstance(count, int) else 0) - len(failures)))
