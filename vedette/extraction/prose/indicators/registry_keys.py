r"""Keys of Windows' registry: `HKLM\Software\…`, the hive by its long name or its short one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.prose.indicators.ending import quoted, trimmed
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.indicators.paths import FOLDERS, MAX_PATH, WORD, single

_HIVES: Final = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
    "HKPD": "HKEY_PERFORMANCE_DATA",
}
_KEY: Final = re.compile(
    r"(?<![^\W_])(?P<hive>HKEY_[A-Z_]{5,20}|HKLM|HKCU|HKCR|HKU|HKCC|HKPD):?\\{1,2}"
    rf"(?={WORD}){FOLDERS}{WORD}{{0,200}}+"
    r"|(?<![\w\\])(?:SOFTWARE|SYSTEM)\\{1,2}(?:Microsoft|CurrentControlSet|ControlSet00\d|Wow6432Node|Policies|Classes)\\{1,2}"
    rf"{FOLDERS}{WORD}{{0,200}}+",
    re.IGNORECASE,
)


def find_registry_keys(text: str) -> Iterator[Found]:
    """Yield the keys of a text; the value is with the hive's long name and single backslashes."""
    for match in _KEY.finditer(text):
        inner = quoted(text, match.start(), longest=MAX_PATH)
        is_whole = len(inner) > len(match[0]) and ":" not in inner[6:] and "," not in inner
        written = (inner if is_whole else trimmed(match[0])).rstrip("\\ ")
        value = single(written)
        if match["hive"]:
            hive = match["hive"].upper()
            value = f"{_HIVES.get(hive, hive)}{value[len(hive) :].removeprefix(':')}"
        yield Found(match.start(), match.start() + len(written), "REGISTRY_KEY", value)
