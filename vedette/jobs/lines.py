"""Output as lines that can be shown: bounded, decoded whatever it is, without what a terminal would obey."""

from __future__ import annotations

import codecs
import re

MAX_LINE = 2_000
"""Characters of a line that are kept; the whole output is in the item."""

MAX_LINES = 5_000
"""Lines of one run that are kept."""

MAX_BYTES = 1024 * 1024
"""Bytes of one run's lines that are kept."""

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,16}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Return a line without terminal sequences and control characters (ECMA-48), bidirectional ones included."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCE.sub("", text))


class Lines:
    """Takes output as it comes and gives it back in lines; what is past the limits is counted, not kept."""

    def __init__(self, *, most: int = MAX_LINES) -> None:
        """Keep `most` lines."""
        self._most = most
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._open = ""
        self._overlong = False
        self._ready: list[str] = []
        self._room = MAX_BYTES
        self.kept = 0
        """Lines that were kept so far, taken or not."""
        self.dropped = 0
        """Lines that were not kept."""

    def feed(self, data: bytes) -> None:
        """Take a piece of output."""
        *whole, rest = self._decoder.decode(data).split("\n")
        for text in whole:
            self._extend(text)
            self._end_line()
        self._extend(rest)

    def finish(self) -> None:
        """Take what is left as the last line."""
        self._extend(self._decoder.decode(b"", final=True))
        if self._open:
            self._end_line()

    def take(self, most: int) -> list[str]:
        """Return the next lines, at most so many."""
        taken, self._ready = self._ready[:most], self._ready[most:]
        return taken

    @property
    def waiting(self) -> int:
        """How many lines nobody took."""
        return len(self._ready)

    def _extend(self, text: str) -> None:
        # Twice a line, because what is hidden in it takes room, too.
        room = 2 * MAX_LINE - len(self._open)
        self._overlong = self._overlong or len(text) > room
        self._open += text[: max(0, room)]

    def _end_line(self) -> None:
        line = shown(self._open.rstrip("\r"))
        if self._overlong or len(line) > MAX_LINE:
            line = line[:MAX_LINE] + " […]"
        self._open, self._overlong = "", False
        size = len(line.encode("utf-8", "replace"))
        if self.kept >= self._most or size > self._room:
            self.dropped += 1
            return
        self._room -= size
        self.kept += 1
        self._ready.append(line)
