"""Comparison of the authority's name in a token with the names in its certificate (RFC 3161 section 2.4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.x509.oid import ExtensionOID

from vedette.evidence import der
from vedette.evidence.certificates import Certificate

DIRECTORY_NAME = 0xA4
"""GeneralName's tag for a Name (RFC 5280 section 4.2.1.6)."""

_TEXT_TAGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}
_CanonicalName = tuple[frozenset[tuple[bytes, str | bytes]], ...]


def subject_names(certificate: Certificate) -> Iterator[bytes]:
    """Yield the subject's names as GeneralNames in DER: the subject, then the alternative names."""
    yield der.encode(DIRECTORY_NAME, certificate.subject)
    for extension in certificate.x509.extensions:
        if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            names = der.read_whole(extension.value.public_bytes(), der.SEQUENCE, "subjectAltName")
            yield from (element.raw for element in names.elements("subjectAltName"))


def same_name(first: bytes, second: bytes) -> bool:
    """Tell whether two GeneralNames in DER are the same name.

    Directory names are compared as RFC 5280 section 7.1 says in its common part: kind of string and case do not
    matter, nor does space around or repeated inside. Others are compared byte by byte.

    Raises:
        EncodingError: a directory name is not DER.
    """
    if first == second:
        return True
    if first[0] != DIRECTORY_NAME or second[0] != DIRECTORY_NAME:
        return False
    return _canonical(first) == _canonical(second)


def _canonical(name: bytes) -> _CanonicalName:
    """Return a directory name with what does not matter taken out."""
    outer = der.read_whole(name, DIRECTORY_NAME, "directory name")
    sets = outer.enter(der.SEQUENCE, "directory name").elements("directory name")
    parts = []
    for element in sets:
        pairs = [pair.reader() for pair in element.reader().elements("directory name")]
        parts.append(
            frozenset((pair.element("name type").content, _text(pair.element("name value"))) for pair in pairs)
        )
    return tuple(parts)


def _text(element: der.Element) -> str | bytes:
    """Return a string's canonical text, or the raw value where it is no common string."""
    encoding = _TEXT_TAGS.get(element.tag)
    if encoding is None:
        return element.raw
    return " ".join(element.content.decode(encoding, "backslashreplace").split()).casefold()
