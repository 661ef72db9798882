"""Secrets that a command line may hold never get into an item: it is signed, stored and shown for years."""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"
"""What stands for a secret."""

_MIN_EMBEDDED = 6

_SECRET_NAME = re.compile(r"(pass(word|wd|phrase)?|pwd|secret|token|api-?key|credentials?)$", re.IGNORECASE)
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[\w.-]+)=(?P<value>.+)", re.DOTALL)
_USER = re.compile(r"(?P<user>[^:\s]*):.+", re.DOTALL)
_URL_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s@]+@")
_HEADER = re.compile(
    r"(?P<name>(?:proxy-)?authorization|cookie|x-[\w-]*(?:key|token))\s*:.+", re.IGNORECASE | re.DOTALL
)


class Redaction:
    """Hides known secrets, values of options that are named like secrets, and users in URLs."""

    def __init__(self, *, known: Sequence[str] = ()) -> None:
        self._known = sorted(filter(None, known), key=len, reverse=True)

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command line that may be shown."""
        shown: list[str] = []
        before = ""
        for word in argv:
            shown.append(self._word(word, before))
            before = word
        return tuple(shown)

    def text(self, text: str) -> str:
        """Return a text, such as standard error, that may be shown."""
        for secret in self._known:
            # A short one would also hide parts of ordinary words.
            if len(secret) >= _MIN_EMBEDDED:
                text = text.replace(secret, HIDDEN)
        return _URL_USER.sub(rf"\g<scheme>{HIDDEN}@", text)

    def _word(self, word: str, before: str) -> str:
        if word in self._known or (before.startswith("-") and "=" not in before and _SECRET_NAME.search(before)):
            return HIDDEN
        assigned = _ASSIGNED.fullmatch(word)
        if assigned and _SECRET_NAME.search(assigned["name"]):
            return f"{assigned['name']}={HIDDEN}"
        header = _HEADER.fullmatch(word)
        if header:
            return f"{header['name']}: {HIDDEN}"
        user = _USER.fullmatch(word)
        if user and before in {"-u", "--user", "--proxy-user", "-U"}:
            return f"{user['user']}:{HIDDEN}"
        return self.text(word)
