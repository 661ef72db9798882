"""Lines of plain text, and what each looks like by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HEAD: Final = 400
"""Characters of a line that are looked at to tell what it is."""


class LineKind(StrEnum):
    """What a line looks like."""

    BLANK = "blank"
    RULE = "rule"
    """Signs that draw a line."""
    FENCE = "fence"
    """Begins or ends code in Markdown."""
    HEADING = "heading"
    """Marked as one."""
    ITEM = "item"
    """Begins with a bullet or a number."""
    INDICATOR = "indicator"
    """One address, hash or file name alone."""
    ROW = "row"
    """Columns with bars between them."""
    WIDE = "wide"
    """Columns with tabs or several spaces between them."""
    CODE = "code"
    LOG = "log"
    """Begins with a time, as a log's do; one alone may be prose."""
    FRAME = "frame"
    """What frames a page: "All rights reserved"."""
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Line:
    """A line."""

    start: int
    """Offset of its first character that is no space."""
    end: int
    """Offset behind its last one that is none."""
    kind: LineKind
    content: int
    """Offset behind its bullet, number or hashes; `start` where it has none."""
    indent: int
    """Columns before it; a tab is four."""


_LINE = re.compile("([^\n\r\f\v\x85\u2028\u2029]*+)(?:\r\n|[\n\r\f\v\x85\u2028\u2029]|\\Z)")
_RULE = re.compile(r"[-=_*~#+|: ]{3,}+")
_FENCE = re.compile(r"(?:```|~~~)[\w+#. -]{0,40}+")
_HASHES = re.compile(r"#{1,6}[ \t]++(?=\S)")
_BULLET = re.compile(
    r"(?:[-*+•‣◦▪■●○–—·»✓✔➢►]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)])[ \t\u00a0]++(?=\S)"  # noqa: RUF001 (dashes)
)
_HEX_HASH = re.compile(r"[0-9a-fA-F]{32,128}")
_INDICATOR = re.compile(r"\S{4,}+")
_JOINED = re.compile(r"[\w\])][.\\/@:]\S|\[(?:\.|dot|at|:)\]|\(dot\)")
_WIDE = re.compile(r"\S(?:[ \u00a0]{3,}+|[ \u00a0]*+\t\s*+)\S")
_LOG = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\d{1,3}(?:\.\d{1,3}){3} - "
)
_DUMP = re.compile(
    r"[0-9a-fA-F]{4,16}+[:h|]?\s{1,4}+(?:[0-9a-fA-F]{2}[ ]{1,2}){4}|(?:[0-9a-fA-F]{2}[ ]){8}|(?:\\x[0-9a-fA-F]{2}){4}"
)
_CODE = re.compile(
    r"""
    (?:alert|drop|reject|pass|log|sdrop)\s+(?:tcp|udp|icmp|ip|http|tls|dns|any)\s.*->     # Snort, Suricata
  | (?:private\s|global\s)*rule\s+\w+\s*(?::[\w\s]*)?\{?$ | (?:strings|condition|meta):$      # YARA
  | \$\w*\s*=\s*["{/] | \$\ \w | >>>\ | \w+@[\w.-]+:\S*[$#] | (?:PS\ )?[A-Za-z]:\\[^<>|]*>
  | (?:sudo|powershell(?:\.exe)?|cmd(?:\.exe)?|reg(?:\.exe)?|schtasks|wmic|netsh|certutil)\ (?:[-/]|add\b|query\b)
  | [\]\[{}()]+[,;]?$ | "[^"]+"\s*:\s*["\[{\d\w-] | \{\s*" | \[\s*[{"]
  | <\??/?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?> | <!--
  | \#(?:include|define|ifdef|endif|!/)
  | (?:import|from|def|class|function|var|let|const|if|elif|else|for|while|return|public|private|static|void|int|char
      |using|namespace|try|catch|except)\b(?:.*[()=].*[;:]|.*[({=]|\ ?:)$
  | [\w.$\->\[\]]+\s*(?:=|\+=|:=)\s*\S.*[;({]$ | [\w.$:>-]+\(.*\)\s*[;{]$
  | (?:GET|POST|PUT|HEAD)\ /\S*\ HTTP/ | (?:Host|User-Agent|Content-Type|Accept|Cookie|Referer):\ \S
  | [A-Za-z0-9+/]{60,}={0,2}$
    """,
    re.VERBOSE,
)
_SYMBOLS = frozenset("{}()[];=<>$\\|&%")
_FRAME = re.compile(
    r"""(?:share\ (?:this|on|via)|tweet(?:\ this)?$|follow\ us|subscribe\b|sign\ (?:up|in)\b|log\ ?in$|read\ more
      |see\ also$|related\ (?:posts|articles|stories)|recommended\ (?:posts|articles|reading)
      |leave\ a\ (?:reply|comment)
      |\d+\ comments?$|all\ rights\ reserved|(?:copyright|©|\(c\))\ |(?:we|this\ (?:web)?site)\ uses?\ cookies
      |(?:accept|reject|manage)(?:\ all)?\ cookies|cookie\ (?:policy|settings|preferences)|privacy\ (?:policy|notice)
      |terms\ (?:of|and)\ |back\ to\ (?:top|blog)|skip\ to\ |(?:previous|next)\ (?:post|article)$|advertisement$
      |page\ \d+(?:\ of\ \d+)?$|\d+\ ?/\ ?\d+$|table\ of\ contents$|download\ (?:the\ )?(?:pdf|report)$|menu$|search$
      |.{1,80}\.{5,}\s*\d+$|.{0,60}\ball\ rights\ reserved)""",
    re.VERBOSE | re.IGNORECASE,
)
_LONGEST_FRAME = 200


def lines_of(text: str, start: int, end: int) -> Iterator[Line]:
    """Yield the lines of a part of a text."""
    at = start
    while at < end:
        found = _LINE.match(text, at, end)
        if found is None or found.end() == at:
            return
        yield _line(text, *found.span(1))
        at = found.end()


def is_frame(line: str) -> bool:
    """Tell whether a line without spaces around it is what frames a page rather than what it says."""
    return len(line) <= _LONGEST_FRAME and _FRAME.match(line) is not None


def _line(text: str, start: int, end: int) -> Line:
    raw = text[start : min(end, start + HEAD)]
    head = raw.strip()
    if not head:
        # More than that of spaces alone is nothing either way: what follows stands in the same line.
        rest = text[start:end]
        if not rest.strip():
            return Line(start, start, LineKind.BLANK, start, 0)
        start += len(rest) - len(rest.lstrip())
        return _line(text, start, end)
    indent = sum(4 if one == "\t" else 1 for one in raw[: len(raw) - len(raw.lstrip())])
    first = start + len(raw) - len(raw.lstrip())
    last = start + len(text[start:end].rstrip())
    kind, skip = _kind(head, indent)
    return Line(first, last, kind, first + skip, indent)


def _kind(head: str, indent: int) -> tuple[LineKind, int]:
    """Return what a line looks like by its first characters, and how many of them are its bullet or number."""
    for pattern, kind in ((_RULE, LineKind.RULE), (_FENCE, LineKind.FENCE)):
        if pattern.fullmatch(head):
            return kind, 0
    marked = _HASHES.match(head)
    if marked is not None:
        return LineKind.HEADING, marked.end()
    if _DUMP.match(head):
        return LineKind.CODE, 0
    if head.count("|") >= 2:
        return LineKind.ROW, 0
    bullet = _BULLET.match(head)
    if bullet is not None:
        return LineKind.ITEM, bullet.end()
    return _unmarked(head, indent), 0


def _unmarked(head: str, indent: int) -> LineKind:
    if _LOG.match(head):
        return LineKind.LOG
    if _INDICATOR.fullmatch(head) and (_HEX_HASH.fullmatch(head) or _JOINED.search(head)):
        return LineKind.INDICATOR
    if _CODE.match(head) or (indent >= 4 and sum(one in _SYMBOLS for one in head) * 12 > len(head)):
        return LineKind.CODE
    if is_frame(head):
        return LineKind.FRAME
    return LineKind.WIDE if _WIDE.search(head) else LineKind.PROSE
