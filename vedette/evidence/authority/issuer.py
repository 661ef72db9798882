"""Issues time-stamp tokens: RFC 3161 requests in, responses out, no I/O."""

from __future__ import annotations

import secrets
import time
from itertools import count

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from vedette.canonical import sha256
from vedette.clock import MICROSECONDS, Clock
from vedette.evidence import der
from vedette.evidence.authority.identity import AuthorityIdentity
from vedette.evidence.exchange import (
    Failure,
    Query,
    QueryRefusedError,
    granted,
    message_imprint,
    read_query,
    rejection,
)
from vedette.evidence.identifiers import (
    CONTENT_TYPE,
    DIGEST_OIDS,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
)

LOCAL_POLICY = "2.25.80131737113561865782932359755285730669"
"""Policy of self-asserted time: an identifier made from a random UUID (ITU-T X.667), so nobody else's."""

ACCURACY_SECONDS = 1

_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SERIAL_COUNTER_BITS = 40


class TokenIssuer:
    """Signs tokens with an authority's key; the constant parts are encoded once."""

    def __init__(self, *, identity: AuthorityIdentity, clock: Clock, policy: str = LOCAL_POLICY) -> None:
        self._identity = identity
        self._clock = clock
        self._policy = policy
        self._info_head = der.integer(1) + der.oid(policy)
        # Each start draws its own block of serial numbers, so none repeats over restarts, two processes on one
        # folder, or a restored backup; the whole stays within the 160 bits of RFC 3161 section 2.4.2.
        self._serials = count(secrets.randbits(112) << _SERIAL_COUNTER_BITS)
        self._second = -1
        self._second_text = b""
        self._encode_constants()

    def _encode_constants(self) -> None:
        """Encode what is the same in every token."""
        content_type = _attribute(CONTENT_TYPE, der.oid(TST_INFO))
        certificate_id = der.sequence(der.octet_string(sha256(self._identity.certificate)))
        certificate = _attribute(SIGNING_CERTIFICATE_V2, der.sequence(der.sequence(certificate_id)))
        digest = _attribute(MESSAGE_DIGEST, der.octet_string(bytes(32)))
        # DER orders a SET OF by its encodings: each begins with its length, and the lengths differ.
        attributes = b"".join(sorted((content_type, digest, certificate)))
        at = attributes.index(digest) + len(digest) - 32
        self._attributes = (attributes[:at], attributes[at + 32 :])
        self._attributes_head = der.encode(der.SET, attributes)[1 : -len(attributes)]
        algorithm = der.sequence(der.oid(DIGEST_OIDS["sha256"]))
        self._head = der.integer(3) + der.set_of(algorithm)
        self._certificates = der.encode(0xA0, self._identity.certificate)
        self._signer_head = der.integer(1) + _signer_identifier(self._identity.certificate) + algorithm
        self._signature_algorithm = der.sequence(der.oid(_ECDSA_SHA256))
        self._accuracy = der.sequence(der.integer(ACCURACY_SECONDS))

    def respond(self, request: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq; one that cannot be answered gets a rejection."""
        try:
            return granted(self.issue(read_query(request)))
        except QueryRefusedError as error:
            return rejection(error.failure, str(error))

    def issue(self, query: Query) -> bytes:
        """Return a token over the query's imprint, stamped now.

        Raises:
            QueryRefusedError: another policy is asked for, or the clock is outside the certificate's validity.
        """
        if query.policy not in {None, self._policy}:
            raise QueryRefusedError(Failure.unacceptedPolicy, f"only {self._policy} is served")
        now = self._clock.now()
        if not self._identity.not_before <= now <= self._identity.not_after:
            raise QueryRefusedError(Failure.timeNotAvailable, "the clock is outside the certificate's validity")
        info = der.sequence(
            self._info_head,
            message_imprint(query.imprint, query.digest_algorithm),
            der.integer(next(self._serials)),
            der.encode(der.GENERALIZED_TIME, self._time(now)),
            self._accuracy,
            b"" if query.nonce is None else der.integer(query.nonce),
        )
        return self._sign(info, with_certificate=query.cert_req)

    def _time(self, now: int) -> bytes:
        """Return a GeneralizedTime's content in DER (X.690 section 11.7), cut to milliseconds."""
        second, rest = divmod(now, MICROSECONDS)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y%m%d%H%M%S", time.gmtime(second)).encode()
        milliseconds = b".%03d" % (rest // 1_000)
        return self._second_text + milliseconds.rstrip(b"0").rstrip(b".") + b"Z"

    def _sign(self, info: bytes, *, with_certificate: bool) -> bytes:
        """Return the SignedData over a TSTInfo (RFC 5652 section 5)."""
        before, after = self._attributes
        attributes = self._attributes_head + before + sha256(info) + after
        signature = self._identity.key.sign(b"\x31" + attributes, ec.ECDSA(hashes.SHA256()))
        signer = der.sequence(
            self._signer_head, b"\xa0", attributes, self._signature_algorithm, der.octet_string(signature)
        )
        content = der.sequence(der.oid(TST_INFO), der.encode(0xA0, der.octet_string(info)))
        certificates = self._certificates if with_certificate else b""
        data = der.sequence(self._head, content, certificates, der.encode(der.SET, signer))
        return der.sequence(der.oid(SIGNED_DATA), der.encode(0xA0, data))


def _attribute(name: str, value: bytes) -> bytes:
    """Return an Attribute with one value."""
    return der.sequence(der.oid(name), der.encode(der.SET, value))


def _signer_identifier(certificate: bytes) -> bytes:
    """Return the IssuerAndSerialNumber of a certificate, cut from its own bytes (RFC 5280 section 4.1)."""
    body = der.read_whole(certificate, der.SEQUENCE, "certificate").enter(der.SEQUENCE, "tbsCertificate")
    body.optional(0xA0, "version")
    serial = body.element("serialNumber", der.INTEGER).raw
    body.element("signature", der.SEQUENCE)
    return der.sequence(body.element("issuer", der.SEQUENCE).raw, serial)
