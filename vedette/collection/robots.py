"""robots.txt (RFC 9309): what may be asked of a host, remembered for a day; who cannot say is not asked."""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

from vedette.fetching.heads import USER_AGENT

MAX_ROBOTS = 512 * 1024
"""Bytes that are read; at least 500 KiB must be (RFC 9309 section 2.5)."""

KEPT = 86_400
"""Seconds that rules are used without asking again (RFC 9309 section 2.4)."""

RETRIED = 600
"""Seconds after which a host that could not answer is asked again."""

ASSUMED = 30 * 86_400
"""Seconds that rules are used of a host that no longer says any (RFC 9309 section 2.3.1.4)."""

MAX_DELAY = 3_600.0
"""Seconds of a crawl-delay that are obeyed: a larger one is more often a mistake, and is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotsFile:
    """What a host answered when it was asked for robots.txt."""

    origin: str
    """Such as `https://example.org`."""
    body: bytes
    """Its rules; empty where it has none."""
    reachable: bool
    """Whether it answered: rules, or that there are none."""
    fetched_at: int
    """Microseconds since 1970: when the rules came."""
    asked_at: int
    """Microseconds since 1970: when it was last asked."""


class RobotsRules:
    """The rules of one host for us."""

    def __init__(self, file: RobotsFile) -> None:
        self.file = file
        # What is past the limit is as if it were not there, the line that it cuts included.
        text = file.body[:MAX_ROBOTS].decode("utf-8", errors="replace").removeprefix("\ufeff")
        if len(file.body) > MAX_ROBOTS:
            text = text.rpartition("\n")[0]
        self._rules = Protego.parse(text) if text.strip() else None

    def refusal(self, url: str) -> str | None:
        """Return why a URL is not asked; None: it may be."""
        if not self.file.reachable and not self.file.body:
            return "its robots.txt cannot be had, so nothing there is asked (RFC 9309 section 2.3.1.4)"
        if self._rules is None or self._rules.can_fetch(url, USER_AGENT):
            return None
        return "its robots.txt forbids it"

    @property
    def delay(self) -> float:
        """Seconds between requests that it asks for."""
        asked = self._rules.crawl_delay(USER_AGENT) if self._rules is not None else None
        return min(max(asked or 0.0, 0.0), MAX_DELAY)


def is_fresh(file: RobotsFile, *, now: int) -> bool:
    """Tell whether rules may be used without asking again; a clock that was set back counts as no."""
    age = (now - file.asked_at) / 1_000_000
    return 0 <= age < (KEPT if file.reachable else RETRIED)


def after_answer(origin: str, before: RobotsFile | None, *, status: int | None, body: bytes, now: int) -> RobotsFile:
    """Return what follows from an answer (RFC 9309 section 2.3.1).

    Args:
        origin: whose it is.
        before: what is remembered.
        status: HTTP status; None: none at all.
        body: what came with a 2xx.
        now: microseconds since 1970.
    """
    if status is not None and 200 <= status < 300:
        return RobotsFile(origin=origin, body=body, reachable=True, fetched_at=now, asked_at=now)
    if status is not None and 400 <= status < 500 and status != 429:
        return RobotsFile(origin=origin, body=b"", reachable=True, fetched_at=now, asked_at=now)
    old = before is not None and bool(before.body) and now - before.fetched_at < ASSUMED * 1_000_000
    kept = before.body if old and before is not None else b""
    fetched = before.fetched_at if old and before is not None else 0
    return RobotsFile(origin=origin, body=kept, reachable=False, fetched_at=fetched, asked_at=now)
