"""TSTInfo (RFC 3161 section 2.4.2): what a time-stamping authority signs."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime

from vedette.clock import MICROSECONDS
from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.der import Element, EncodingError, Reader
from vedette.evidence.exchange import read_imprint

# X.690 section 11.7: Zulu, seconds present, a fraction only where it does not end in zero.
_GENERALIZED_TIME = re.compile(rb"(\d{14})(?:\.(\d{0,17}[1-9]))?Z")


@dataclass(frozen=True, kw_only=True)
class TokenInfo:
    """The fields of TSTInfo; nothing here is verified."""

    policy: str
    """The authority's policy, dotted."""
    digest_algorithm: str
    """The imprint's algorithm, such as `sha256`."""
    imprint: bytes
    """The hash that was stamped."""
    serial: int
    """The token's number at this authority."""
    gen_time: int
    """Microseconds UTC; digits past that are cut."""
    accuracy: int | None
    """Microseconds; None: not stated."""
    nonce: int | None
    """The request's nonce, repeated."""
    tsa: bytes | None
    """The authority's own GeneralName in DER; a hint that must match the certificate."""


def read_token_info(data: bytes) -> TokenInfo:
    """Return the fields of a TSTInfo, strictly.

    Raises:
        EvidenceError: it is not DER, not version 1, has a critical extension, or rests on a refused digest.
    """
    reader = der.read_whole(data, der.SEQUENCE, "TSTInfo")
    if reader.integer("TSTInfo version") != 1:
        raise EvidenceError("TSTInfo version: only version 1 is known")
    policy = reader.oid("policy")
    digest_algorithm, imprint = read_imprint(reader)
    serial = reader.integer("serialNumber")
    gen_time = read_time(reader.element("genTime", der.GENERALIZED_TIME).content)
    accuracy = reader.optional(der.SEQUENCE, "accuracy")
    ordering = reader.optional(der.BOOLEAN, "ordering")
    if ordering is not None and ordering.content != b"\xff":
        raise EncodingError("ordering: DER leaves the default out")
    nonce = reader.integer("nonce") if reader.peek() == der.INTEGER else None
    tsa = reader.optional(0xA0, "tsa")
    extensions = reader.optional(0xA1, "extensions")
    reader.finish("TSTInfo")
    _check_extensions(extensions)
    return TokenInfo(
        policy=policy,
        digest_algorithm=digest_algorithm,
        imprint=imprint,
        serial=serial,
        gen_time=gen_time,
        accuracy=None if accuracy is None else _accuracy(accuracy.reader()),
        nonce=nonce,
        tsa=None if tsa is None else _single(tsa),
    )


def read_time(content: bytes) -> int:
    """Return a GeneralizedTime's content as microseconds UTC.

    Raises:
        EncodingError: it is not in DER's one form, or no such moment exists.
    """
    match = _GENERALIZED_TIME.fullmatch(content)
    if match is None:
        raise EncodingError("genTime: not a DER GeneralizedTime")
    try:
        # Zulu is already required, and an aware datetime would only slow this down.
        moment = datetime.strptime(match[1].decode(), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError as error:
        raise EncodingError("genTime: no such moment") from error
    fraction = (match[2] or b"")[:6].ljust(6, b"0")
    return calendar.timegm(moment.timetuple()) * MICROSECONDS + int(fraction)


def _accuracy(reader: Reader) -> int:
    """Return Accuracy as microseconds (RFC 3161 section 2.4.2)."""
    total = reader.integer("accuracy seconds") * MICROSECONDS if reader.peek() == der.INTEGER else 0
    for tag, unit in ((0x80, 1_000), (0x81, 1)):
        part = reader.optional(tag, "accuracy")
        if part is not None:
            value = der.to_integer(part.content, "accuracy")
            if not 1 <= value <= 999:
                raise EncodingError("accuracy: outside 1 to 999")
            total += value * unit
    reader.finish("accuracy")
    if total < 0:
        raise EncodingError("accuracy: negative")
    return total


def _single(element: Element) -> bytes:
    """Return the raw value inside an EXPLICIT tag."""
    inside = element.reader()
    value = inside.element("tsa")
    inside.finish("tsa")
    der.check_nested(value.raw, "tsa")
    return value.raw


def _check_extensions(extensions: Element | None) -> None:
    """Refuse a critical extension: we know none (RFC 5280 section 4.2)."""
    for extension in [] if extensions is None else extensions.reader().elements("extensions"):
        inside = extension.reader()
        name = inside.oid("extension")
        if inside.optional(der.BOOLEAN, "critical") is not None:
            raise EvidenceError(f"extensions: the critical extension {name} is not understood")
        inside.octets("extension value")
        inside.finish("extension")
