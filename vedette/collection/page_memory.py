"""What is remembered of a URL, and what follows from it: how it is asked for, and whether what came is new."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import Enum

from vedette.collection.simhash import simhash
from vedette.fetching.interface import Fetched

LARGE = 64 * 1024
"""Bytes from which a HEAD before the GET pays where a server ignores conditions."""

TRIES = 3
"""Failures after which an entry is no longer waited for."""


class Verdict(Enum):
    """What a look at a URL said."""

    NEW = "new"
    """Never seen before."""
    CHANGED = "changed"
    """Seen before, with other content."""
    UNCHANGED = "unchanged"
    """As it was: nothing is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageMemory:
    """What is remembered of a URL; the case of its path counts."""

    url: str
    """The URL, without fragment."""
    etag: str = ""
    """As the server said it the last time (RFC 9110 section 8.8.3)."""
    last_modified: str = ""
    """Likewise (RFC 9110 section 8.8.2)."""
    sha256: str = ""
    """Of the bytes as they came, hexadecimal; empty: never fetched."""
    sha1: str = ""
    """Of the same, for the record: others list their documents by it."""
    simhash: int | None = None
    """Of the text; None where it has too little of it."""
    size: int = 0
    """Bytes."""
    first_seen: int = 0
    """Microseconds since 1970: first fetched."""
    checked_at: int = 0
    """Microseconds since 1970: last asked for."""
    changed_at: int = 0
    """Microseconds since 1970: last found new or changed."""
    checks: int = 0
    """How often it was asked for."""
    changes: int = 0
    """How often it was new or changed."""
    failures: int = 0
    """Failures since the last success."""
    failure: str = ""
    """The last one's reason."""
    settled: bool = False
    """Whether it is useless to ask again: gone, forbidden, or failed too often."""
    ignores_conditions: bool = False
    """Whether its server sent the same again although it was asked conditionally."""
    refuses_head: bool = False
    """Whether its server does not answer HEAD."""
    listed: str = ""
    """For a list or feed: digest of the set of URLs that it named when all of them were done."""
    uuid: str = ""
    """The item that it last became."""

    @property
    def known(self) -> bool:
        """Whether it was ever fetched."""
        return bool(self.sha256)

    @property
    def asks_head_first(self) -> bool:
        """Whether HEAD saves a body: conditions are ignored, validators are there, and the body is large."""
        validators = bool(self.etag or self.last_modified)
        return self.ignores_conditions and validators and self.size >= LARGE and not self.refuses_head

    def matches_head(self, head: Fetched) -> bool:
        """Tell whether a HEAD's answer names what we have."""
        if self.etag:
            return head.etag == self.etag
        length = head.headers.get("content-length", "")
        return head.last_modified == self.last_modified and length in ("", str(self.size))

    def checked(self, *, now: int, head: Fetched | None = None) -> PageMemory:
        """Return this after a look that found it as it was."""
        # A 304 may carry newer validators (RFC 9110 section 15.4.5).
        etag = (head.etag if head else "") or self.etag
        modified = (head.last_modified if head else "") or self.last_modified
        return replace(
            self,
            etag=etag,
            last_modified=modified,
            checked_at=now,
            checks=self.checks + 1,
            failures=0,
            failure="",
            settled=False,
        )

    def failed(self, reason: str, *, now: int, final: bool) -> PageMemory:
        """Return this after a failure; a final one is not tried again."""
        failures = self.failures + 1
        return replace(
            self,
            checked_at=now,
            checks=self.checks + 1,
            failures=failures,
            failure=reason[:1_000],
            settled=final or failures >= TRIES,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What came, compared with what is remembered."""

    verdict: Verdict
    """New, changed or unchanged."""
    memory: PageMemory
    """What is to be remembered from now on."""


def judge(memory: PageMemory, fetched: Fetched, *, now: int, text: str | None, conditional: bool) -> Judged:
    """Compare a body with what is remembered.

    Args:
        memory: what is remembered.
        fetched: what came, with status 200 and a body.
        now: microseconds since 1970.
        text: the body as text where it is one, for near-duplicates.
        conditional: whether it was asked for conditionally.
    """
    sha256 = hashlib.sha256(fetched.body).hexdigest()
    if sha256 == memory.sha256:
        after = memory.checked(now=now, head=fetched)
        return Judged(
            verdict=Verdict.UNCHANGED,
            memory=replace(after, ignores_conditions=memory.ignores_conditions or conditional),
        )
    after = replace(
        memory,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        sha256=sha256,
        sha1=hashlib.sha1(fetched.body, usedforsecurity=False).hexdigest(),
        simhash=simhash(text) if text is not None else None,
        size=len(fetched.body),
        first_seen=memory.first_seen or now,
        checked_at=now,
        changed_at=now,
        checks=memory.checks + 1,
        changes=memory.changes + 1,
        failures=0,
        failure="",
        settled=False,
    )
    return Judged(verdict=Verdict.CHANGED if memory.known else Verdict.NEW, memory=after)


def digest_of_urls(urls: list[str]) -> str:
    """Return the checksum of a feed: over its set of URLs, whatever their order."""
    return hashlib.sha256("\n".join(sorted(set(urls))).encode("utf-8", errors="replace")).hexdigest()
