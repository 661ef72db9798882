"""Tokens that others obtained for an item's payload: verified, and only then stored."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from registry import tables
from registry.database import Database
from registry.payload_rows import inline_payload
from registry.scandale_tables import posted_token
from vedette.canonical import sha256_hex
from vedette.clock import Clock
from vedette.errors import EvidenceError, RefusedError, VedetteError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import digest_function
from vedette.evidence.token import read_token, token_from_response, verify_token
from vedette.evidence.verification_single import kind_of

MAX_TOKEN = 64 * 1024
"""Bytes of a token: certificates are a few kilobytes each."""

MAX_POSTED = 8
"""Tokens that can be posted for one item."""

FORMS = ("bytes", "base64")
"""What of a payload is hashed: its bytes, or SCANDALE's way, the base64 in which they travel."""


class UnknownScanError(VedetteError):
    """There is no item with this uuid, so a token for it proves nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verified:
    token: bytes
    form: str
    digest: str
    authority: str
    gen_time: int


def imprint_of(payload: bytes, *, form: str, digest: str) -> bytes:
    """Return what a token over a payload has as its imprint.

    Raises:
        EvidenceError: the digest is not one that tokens may use.
    """
    return digest_function(digest)(payload if form == "bytes" else base64.b64encode(payload)).digest()


class PostedTokens:
    """The tokens that were posted for the items of a store."""

    def __init__(self, *, database: Database, roots: Mapping[str, TrustRoots], clock: Clock) -> None:
        """Describe them; `roots` are those of each configured authority by its name."""
        self._database = database
        self._roots = dict(roots)
        self._clock = clock

    async def post(self, *, uuid: str, token: bytes, by: str) -> bool:
        """Verify a token or time-stamp response and store its token; returns whether it is a new one.

        Raises:
            UnknownScanError: there is no such item.
            RefusedError: it is no token, is over something else, or no configured authority made it.
            StoreError: the database failed.
        """
        if len(token) > MAX_TOKEN:
            raise RefusedError("tst", f"is {len(token)} bytes; the limit is {MAX_TOKEN}")
        payload = await self._payload(uuid)
        try:
            verified = await asyncio.to_thread(self._verify, token, payload)
        except EvidenceError as error:
            raise RefusedError("tst", str(error)) from error
        values = {name: getattr(verified, name) for name in _Verified.__dataclass_fields__}
        row = values | {
            "uuid": uuid,
            "sha256": sha256_hex(verified.token),
            "posted_by": by,
            "posted_at": self._clock.now(),
        }
        return await self._database.write(lambda connection: _store(connection, row))

    async def _payload(self, uuid: str) -> bytes:
        query = select(inline_payload()).where(tables.item.c.uuid == uuid)
        found = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if found is None:
            raise UnknownScanError(f"{uuid[:64]}: there is no such item in the store; post the item first")
        if found.payload is None:
            raise RefusedError(
                "scan_uuid", "the item's payload is a document or was deleted; nothing to check against"
            )
        return bytes(found.payload)

    def _verify(self, evidence: bytes, payload: bytes) -> _Verified:
        kind = kind_of(evidence)
        if kind == "record":
            raise EvidenceError("is an evidence record; post the time-stamp token")
        token = evidence if kind == "token" else token_from_response(evidence)
        info = read_token(token).info
        form = _form(payload, digest=info.digest_algorithm, imprint=info.imprint)
        reason = "no authority is configured"
        for name, roots in self._roots.items():
            try:
                verified = verify_token(
                    token,
                    imprint=info.imprint,
                    digest_algorithm=info.digest_algorithm,
                    roots=roots,
                    now=self._clock.now(),
                )
            except EvidenceError as error:
                reason = str(error)
            else:
                digest = info.digest_algorithm
                return _Verified(token=token, form=form, digest=digest, authority=name, gen_time=verified.gen_time)
        raise EvidenceError(f"no configured authority made it: {reason}")


def _form(payload: bytes, *, digest: str, imprint: bytes) -> str:
    for form in FORMS:
        if imprint_of(payload, form=form, digest=digest) == imprint:
            return form
    raise EvidenceError("imprint: the token is over neither the item's payload nor its base64")


def _store(connection: Connection, row: dict[str, Any]) -> bool:
    table = posted_token
    mine = table.c.uuid == row["uuid"]
    if connection.execute(select(table.c.id).where(mine, table.c.sha256 == row["sha256"])).first() is not None:
        return False
    if connection.execute(select(func.count()).where(mine)).scalar_one() >= MAX_POSTED:
        raise RefusedError("scan_uuid", f"has {MAX_POSTED} posted tokens already")
    connection.execute(insert(table).values(row))
    return True
