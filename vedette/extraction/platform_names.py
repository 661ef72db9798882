"""Names of the Common Platform Enumeration: URIs (CPE 2.2) and formatted strings (CPE 2.3), one form of both.

Sources: NISTIR 7695 (naming 2.3), sections 6.1 (URI binding) and 6.2 (formatted strings); CPE 2.2 specification, 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from urllib.parse import unquote

from vedette.errors import VedetteError

MAX_PLATFORM_NAME = 2_000
"""Characters of a name; the dictionary's longest have about 300."""

MAX_WORD = 200
"""Characters of a part that is made of words."""

_URI = "cpe:/"
_FORMATTED = "cpe:2.3:"
_UNSPLIT = re.compile(r"((?:\\.|[^:\\])*)(:|\Z)", re.DOTALL)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"([^A-Za-z0-9_.\-])")
# What the URI's percent forms of the two wild cards are (NISTIR 7695, 6.1.2.3).
_WILD = {"%01": "?", "%02": "*"}
_PACKED = 5


class PlatformNameError(VedetteError):
    """A text is no CPE name; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformName:
    """A platform's name; each part as a formatted string has it, `*` for any and `-` for none."""

    part: str
    """`a`, an application; `o`, an operating system; `h`, hardware."""
    vendor: str = "*"
    product: str = "*"
    version: str = "*"
    update: str = "*"
    edition: str = "*"
    language: str = "*"
    sw_edition: str = "*"
    target_sw: str = "*"
    target_hw: str = "*"
    other: str = "*"

    @classmethod
    def parse(cls, text: str) -> PlatformName:
        """Return the name that a text is, in either form.

        Raises:
            PlatformNameError: it is none.
        """
        text = text.strip()
        if len(text) > MAX_PLATFORM_NAME:
            raise PlatformNameError(f"a CPE name of {len(text)} characters; up to {MAX_PLATFORM_NAME} are read")
        lower = text[: len(_FORMATTED)].lower()
        if lower.startswith(_URI):
            parts = _of_uri(text[len(_URI) :])
        elif lower == _FORMATTED:
            parts = _of_formatted(text[len(_FORMATTED) :])
        else:
            raise PlatformNameError(f"{text[:60]!r} is no CPE name: it begins with neither {_URI} nor {_FORMATTED}")
        if parts[0].lower() not in ("a", "o", "h"):
            raise PlatformNameError(f"{text[:60]!r} is no CPE name: its part is neither a, o nor h")
        return cls(**dict(zip(PARTS, parts, strict=False)))

    @classmethod
    def of_words(cls, part: str, **words: str) -> PlatformName:
        """Return the name that words make: in lower case, spaces as `_`, other signs quoted; empty ones are any.

        Args:
            part: `a`, `o` or `h`.
            words: of the other parts, by their names.
        """
        plain = {name: "_".join(text.lower().split())[:MAX_WORD] for name, text in words.items()}
        return cls(part=part, **{name: _SPECIAL.sub(r"\\\1", text) or "*" for name, text in plain.items()})

    @property
    def formatted(self) -> str:
        """The name as CPE 2.3 writes it, in lower case: the same for all ways to write the same name."""
        return _FORMATTED + ":".join(getattr(self, name) for name in PARTS).lower()

    @property
    def description(self) -> str:
        """Stucco's words for it: `vendor product version 1.2`."""
        vendor, product, version = (self.plain(name) for name in ("vendor", "product", "version"))
        words = f"{vendor} {product}".strip()
        return f"{words} version {version}" if version else words

    def plain(self, name: str) -> str:
        """Return a part as it reads, without quotes of characters; empty where any or none is meant."""
        value = str(getattr(self, name))
        if value in ("*", "-"):
            return ""
        return _QUOTED.sub(r"\1", value) if "\\" in value else value


PARTS = tuple(field.name for field in fields(PlatformName))
"""Names of the parts, in order."""


def _of_formatted(text: str) -> list[str]:
    if text.endswith("\\") and not text.endswith("\\\\"):
        raise PlatformNameError(f"'{_FORMATTED}{text[:60]}' ends within a quoted character")
    found = _split(text) if "\\" in text else text.split(":")
    if len(found) > len(PARTS):
        raise PlatformNameError(f"'{_FORMATTED}{text[:60]}' has more than {len(PARTS)} parts")
    return [part or "*" for part in found]


def _split(text: str) -> list[str]:
    """Split a text at the colons that no backslash quotes."""
    found = []
    for match in _UNSPLIT.finditer(text):
        found.append(match[1])
        if not match[2]:
            break
    return found


def _of_uri(text: str) -> list[str]:
    parts = text.split(":")
    if len(parts) > 7:
        raise PlatformNameError(f"'{_URI}{text[:60]}' has more than 7 parts")
    packed = parts[_PACKED].split("~") if len(parts) > _PACKED and parts[_PACKED].startswith("~") else []
    found = [_from_uri(part) for part in parts]
    if packed:
        # `~edition~sw_edition~target_sw~target_hw~other` (6.1.2.4).
        unpacked = [_from_uri(part) for part in (packed[1:6] + [""] * 5)[:5]]
        found[_PACKED] = unpacked[0]
        found += ["*"] * (7 - len(found)) + unpacked[1:]
    return found


def _from_uri(value: str) -> str:
    """Return a part of a URI as a formatted string has it."""
    if value in ("", "-"):
        return value or "*"
    pieces = re.split(r"(%0[12])", value)
    return "".join(_WILD.get(piece) or _SPECIAL.sub(r"\\\1", unquote(piece)) for piece in pieces)
