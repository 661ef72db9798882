"""What a look at a URL brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vedette.collection.content import Content
from vedette.collection.page_memory import PageMemory, Verdict
from vedette.fetching.interface import Fetched


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What a look at a URL brought."""

    url: str
    """The URL that was asked for."""
    verdict: Verdict | None
    """None: it failed, which is counted already."""
    memory: PageMemory
    """What is to be remembered of it."""
    fetched: Fetched | None = None
    """The answer with its body; None: it failed, or was not sent again."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the collector knows of it, for the item."""

    @property
    def fresh(self) -> bool:
        """Whether there is something new to keep."""
        return self.verdict in (Verdict.NEW, Verdict.CHANGED)

    @property
    def settled(self) -> bool:
        """Whether there is nothing to try again."""
        return self.verdict is not None or self.memory.settled

    @property
    def content(self) -> Content:
        """The body, as it came."""
        fetched = self.fetched
        if fetched is None:
            return Content(data=b"")
        return Content(data=fetched.body, content_type=fetched.content_type, charset=fetched.charset)

    @property
    def location(self) -> str:
        """Where relative links start from."""
        return self.fetched.location if self.fetched is not None and self.fetched.location else self.url
