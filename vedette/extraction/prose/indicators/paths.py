r"""Paths of files and folders: `C:\…`, `\\host\share\…`, `%TEMP%\…`, `$env:TEMP\…`, `/etc/…`, `~/…`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.prose.indicators.ending import quoted, trimmed
from vedette.extraction.prose.indicators.file_names import ends_as_file
from vedette.extraction.prose.indicators.found import Found

MAX_PATH: Final = 300
"""Characters of a path in quotes; Windows' own limit is 260."""

_STOP: Final = r"(?!(?:and|or|to|in|on|from|with|the|as|is|was|are|into|via|under|HK\w+)\b)"
WORD: Final = r"(?:<[\w .-]{1,30}>|[^\\/:*?\"<>|\s`,;]|\*|,(?=\S))"
"""A character of a folder's name, or what stands for a name: `<user>`."""

_NEXT_WORD: Final = rf"(?: {_STOP}[^\\/:*?\"<>|\s`,;%]{{1,40}}+){{0,4}}+"
FOLDERS: Final = rf"(?:(?:Documents and Settings|{WORD}{{1,120}}+{_NEXT_WORD})\\{{1,2}}){{0,40}}+"
"""Folders, a backslash behind each: so the words of a name may have spaces between them."""

_WINDOWS: Final = re.compile(
    r"(?<![^\W_])(?:(?:\\\\[?.]\\)?[A-Za-z]:\\{1,2}(?=[^\s\\])|%[A-Za-z_][\w()]{1,30}%\\{1,2}|\$env:\w{2,30}\\{1,2}"
    r"|(?<!\\)\\\\(?:[\w.$?-]|<[\w ]{1,20}>){1,64}\\{1,2}(?=[^\s\\])"
    r"|<(?:drive|system32|windows|temp|appdata)>\\{1,2})"
    rf"{FOLDERS}{WORD}{{0,200}}+",
    re.IGNORECASE,
)
# Relative ones: at least two folders, the last word a file's name.
_RELATIVE: Final = re.compile(r"(?<![\w\\%/:.$-])(?:[\w.%()-]{1,60}+\\){2,20}+[\w.()-]{1,120}+")
_ROOTS: Final = (
    "Applications|Library|System|Users|Volumes|bin|boot|data|dev|etc|home|lib|lib64|media|mnt|opt|private|proc|root|run|sbin"
    "|sdcard|srv|sys|tmp|usr|var"
)
_PART: Final = r"(?:<[\w .-]{1,30}>|[^\s\\/:?\"<>|,;`'()])"
_UNIX: Final = re.compile(
    rf"(?:(?<![\w/.:\\~$%}}>@-])|(?<=file://))(?:(?:~|\$HOME|\$\{{HOME\}})(?:/{_PART}{{1,120}}+)++|/(?:{_ROOTS})(?:/{_PART}{{1,120}}+)++|/tmp\b)/?"
)
_ANY_UNIX: Final = re.compile(rf"(?<![\w/.:\\~$%}}>@)-])(?:/{_PART}{{1,120}}+){{2,30}}+")


def find_paths(text: str) -> Iterator[Found]:
    """Yield the paths of a text, without the backslash or slash that a folder's may end with."""
    for match in _WINDOWS.finditer(text):
        inner = quoted(text, match.start(), longest=MAX_PATH)
        written = (inner if len(inner) > len(match[0]) and _is_one(inner) else trimmed(match[0])).rstrip("\\")
        if written.count("\\") and not written.endswith(":"):
            yield _path(match.start(), written, "\\")
    for pattern in (_RELATIVE, _UNIX, _ANY_UNIX):
        for match in pattern.finditer(text):
            written = trimmed(match[0]).rstrip("/")
            if pattern is _UNIX or ends_as_file(written):
                yield _path(match.start(), written, "\\" if pattern is _RELATIVE else "")


def single(written: str) -> str:
    r"""Return a path with single backslashes, which programs' texts double; `\\host` keeps its two."""
    lead = "\\\\" if written.startswith("\\\\") else ""
    return lead + written[len(lead) :].replace("\\\\", "\\")


def _path(start: int, written: str, separator: str) -> Found:
    return Found(start, start + len(written), "PATH", single(written) if separator else written)


def _is_one(inner: str) -> bool:
    """Tell whether what stands in quotes is one path, and no command with its arguments."""
    last = inner.rpartition("\\")[2]
    return (
        ":" not in inner[3:] and " -" not in inner and " /" not in inner and (" " not in last or ends_as_file(last))
    )
