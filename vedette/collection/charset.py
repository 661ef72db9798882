"""Which characters bytes are: what they say themselves, what the server says, and a guess, in this order."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding=["']([A-Za-z0-9._:-]{1,40})["']"""
    rb"""|<meta[^>]{0,200}?charset=["']?\s{0,8}([A-Za-z0-9._:-]{1,40})""",
    re.IGNORECASE,
)
_HEAD = 2_048
_GUESSED = 64 * 1024
_TOO_SHORT = 64
# HTML calls Latin-1 what is Windows-1252 in fact (WHATWG Encoding, section 4.2).
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}


def decode(data: bytes, *, declared: str = "") -> tuple[str, str]:
    """Return the text that bytes are and the encoding that was used; what does not fit becomes U+FFFD.

    A byte order mark counts most, then strict UTF-8, then what server and document say, then a guess: a server that
    says Latin-1 of UTF-8 is common, while text of another encoding is hardly ever valid UTF-8 by accident.

    Args:
        data: the bytes.
        declared: encoding that the server names; empty: none.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, errors="replace"), name.removesuffix("-sig")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    for said in (declared, _in_document(data)):
        name = _known(said)
        if name and (text := _strict(data, name)) is not None:
            return text, name
    guessed = from_bytes(data[:_GUESSED]).best() if len(data) >= _TOO_SHORT else None
    name = _known(guessed.encoding) if guessed is not None else ""
    return data.decode(name or "cp1252", errors="replace"), name or "cp1252"


def _in_document(data: bytes) -> str:
    found = _DECLARED.search(data[:_HEAD])
    return (found[1] or found[2]).decode("ascii") if found else ""


def _known(name: str) -> str:
    """Return Python's name of a text encoding; empty where it knows none by that name."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Python also has codecs such as bz2 and rot13, which a server must not choose.
    return _MEANT.get(found.name, found.name) if found._is_text_encoding else ""


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeDecodeError, ValueError):
        return None
