"""The request and the response of RFC 3161 section 2.4: what is asked of an authority and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.der import Reader
from vedette.evidence.identifiers import DIGEST_OIDS, DIGEST_SIZES, DIGESTS, digest_name, read_algorithm

GRANTED = (0, 1)
"""PKIStatus granted and grantedWithMods: only these carry a token (RFC 3161 section 2.4.2)."""

STATUS_NAMES = (
    "granted",
    "grantedWithMods",
    "rejection",
    "waiting",
    "revocationWarning",
    "revocationNotification",
)
_NULL = der.encode(der.NULL)


class Failure(IntEnum):
    """PKIFailureInfo: why an authority refused; the value is the bit (RFC 3161 section 2.4.2)."""

    badAlg = 0
    badRequest = 2
    badDataFormat = 5
    timeNotAvailable = 14
    unacceptedPolicy = 15
    unacceptedExtension = 16
    addInfoNotAvailable = 17
    systemFailure = 25


class QueryRefusedError(EvidenceError):
    """A request cannot be answered with a token; `failure` is what the authority answers instead."""

    def __init__(self, failure: Failure, reason: str) -> None:
        self.failure = failure
        super().__init__(f"{failure.name}: {reason}")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A TimeStampReq."""

    imprint: bytes
    """The hash to be stamped."""
    digest_algorithm: str
    """Its algorithm, such as `sha256`."""
    policy: str | None
    """The policy asked for, dotted; None: the authority's choice."""
    nonce: int | None
    """The number that the token must repeat."""
    cert_req: bool
    """Whether the token must hold the signer's certificate."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """A TimeStampResp."""

    status: int
    """PKIStatus."""
    text: str
    """What the authority says about it; empty if nothing."""
    failures: tuple[str, ...]
    """Names of the failInfo bits that are set."""
    token: bytes | None
    """The TimeStampToken's original bytes."""


def build_query(
    imprint: bytes,
    *,
    digest_algorithm: str = "sha256",
    nonce: int | None,
    policy: str | None = None,
    cert_req: bool = True,
) -> bytes:
    """Return a TimeStampReq (RFC 3161 section 2.4.1).

    Raises:
        EvidenceError: the algorithm is not accepted or the imprint does not have its size.
    """
    if DIGEST_SIZES.get(digest_algorithm) != len(imprint):
        raise EvidenceError(f"imprint: {len(imprint)} bytes are not a digest of {digest_algorithm}")
    return der.sequence(
        der.integer(1),
        message_imprint(imprint, digest_algorithm),
        b"" if policy is None else der.oid(policy),
        b"" if nonce is None else der.integer(nonce),
        b"\x01\x01\xff" if cert_req else b"",
    )


def message_imprint(imprint: bytes, digest_algorithm: str) -> bytes:
    """Return a MessageImprint; NULL parameters, as OpenSSL writes them."""
    algorithm = der.sequence(der.oid(DIGEST_OIDS[digest_algorithm]), _NULL)
    return der.sequence(algorithm, der.octet_string(imprint))


def read_imprint(reader: Reader) -> tuple[str, bytes]:
    """Return the algorithm's name and the hash of a MessageImprint.

    Raises:
        EvidenceError: it is not DER, its algorithm is refused, or its length is not the algorithm's.
    """
    inside = reader.enter(der.SEQUENCE, "messageImprint")
    name = digest_name(read_algorithm(inside, "imprint algorithm"), "imprint algorithm")
    value = inside.octets("imprint")
    inside.finish("messageImprint")
    if len(value) != DIGEST_SIZES[name]:
        raise EvidenceError(f"imprint: {len(value)} bytes are not a digest of {name}")
    return name, value


def read_query(data: bytes) -> Query:
    """Return the request that the bytes are, strictly (RFC 3161 section 2.4.1).

    Raises:
        QueryRefusedError: it cannot be answered; `failure` says what to answer.
    """
    try:
        return _read_query(data)
    except QueryRefusedError:
        raise
    except EvidenceError as error:
        raise QueryRefusedError(Failure.badDataFormat, str(error)) from error


def _read_query(data: bytes) -> Query:
    """Read the fields of a TimeStampReq in their order."""
    reader = der.read_whole(data, der.SEQUENCE, "TimeStampReq")
    if reader.integer("version") != 1:
        raise QueryRefusedError(Failure.badRequest, "only version 1 is known")
    _check_algorithm(reader)
    algorithm, imprint = read_imprint(reader)
    policy = reader.oid("reqPolicy") if reader.peek() == der.OBJECT_IDENTIFIER else None
    nonce = reader.integer("nonce") if reader.peek() == der.INTEGER else None
    if nonce is not None and (nonce < 0 or nonce.bit_length() > 512):
        raise QueryRefusedError(Failure.badRequest, "the nonce is negative or longer than 512 bits")
    cert_req = reader.optional(der.BOOLEAN, "certReq")
    if cert_req is not None and cert_req.content != b"\xff":
        # DER leaves a default out, but old clients write FALSE: it can only mean one thing.
        if cert_req.content != b"\x00":
            raise EvidenceError("certReq: not a DER boolean")
        cert_req = None
    if reader.optional(0xA0, "extensions") is not None:
        raise QueryRefusedError(Failure.unacceptedExtension, "no extension is supported")
    reader.finish("TimeStampReq")
    return Query(
        imprint=imprint, digest_algorithm=algorithm, policy=policy, nonce=nonce, cert_req=cert_req is not None
    )


def _check_algorithm(reader: Reader) -> None:
    """Refuse an unknown or broken digest as badAlg, before its imprint is read."""
    ahead = reader.copy().enter(der.SEQUENCE, "messageImprint")
    oid = ahead.enter(der.SEQUENCE, "imprint algorithm").oid("imprint algorithm")
    if oid not in DIGESTS:
        raise QueryRefusedError(Failure.badAlg, f"use one of {', '.join(DIGEST_OIDS)}")


def read_response(data: bytes) -> Response:
    """Return the response that the bytes are; a rejection too (RFC 3161 section 2.4.2).

    Raises:
        EvidenceError: the bytes are not a TimeStampResp in DER.
    """
    reader = der.read_whole(data, der.SEQUENCE, "TimeStampResp")
    info = reader.enter(der.SEQUENCE, "status")
    status = info.integer("PKIStatus")
    text = info.optional(der.SEQUENCE, "statusString")
    failures = info.optional(der.BIT_STRING, "failInfo")
    info.finish("status")
    token = reader.element("timeStampToken", der.SEQUENCE).raw if reader.peek() is not None else None
    reader.finish("TimeStampResp")
    return Response(
        status=status,
        text="" if text is None else _free_text(text.reader()),
        failures=() if failures is None else _failure_names(failures.content),
        token=token,
    )


def _free_text(reader: Reader) -> str:
    """Return PKIFreeText as one line."""
    texts = [element.content.decode("utf-8", "replace") for element in reader.elements("statusString")]
    return " ".join(" ".join(texts).split())[:200]


def _failure_names(content: bytes) -> tuple[str, ...]:
    """Return the names of the bits set in a BIT STRING's content."""
    if not content or content[0] > 7 or len(content) > 9 or (len(content) == 1 and content[0]):
        raise der.EncodingError("failInfo: not a bit string")
    bits = [index for index in range(8 * len(content) - 8) if content[1 + index // 8] & 0x80 >> index % 8]
    known = {failure.value: failure.name for failure in Failure}
    return tuple(known.get(bit, f"bit {bit}") for bit in bits)


def token_from_response(response: bytes) -> bytes:
    """Return the TimeStampToken of a response.

    Raises:
        EvidenceError: the bytes are no TimeStampResp, or the authority refused: its status, text and failInfo
            are in the message.
    """
    answer = read_response(response)
    if answer.status not in GRANTED:
        name = STATUS_NAMES[answer.status] if 0 <= answer.status < len(STATUS_NAMES) else str(answer.status)
        reasons = ", ".join(filter(None, (*answer.failures, answer.text)))
        raise EvidenceError(f"status: the authority answered {name}" + (f" ({reasons})" if reasons else ""))
    if answer.token is None:
        raise EvidenceError("status: granted, but the response holds no token")
    return answer.token


def granted(token: bytes) -> bytes:
    """Return a TimeStampResp that grants a token."""
    return der.sequence(der.sequence(der.integer(0)), token)


def rejection(failure: Failure, text: str) -> bytes:
    """Return a TimeStampResp that refuses, with the reason for people and the bit for machines."""
    bits = 0x80000000 >> failure.value
    octets = bits.to_bytes(4).rstrip(b"\x00")
    unused = (octets[-1] & -octets[-1]).bit_length() - 1
    return der.sequence(
        der.sequence(
            der.integer(2),
            der.sequence(der.encode(der.UTF8_STRING, text.encode())),
            der.encode(der.BIT_STRING, bytes((unused,)), octets),
        )
    )
