"""A token's outside: CMS SignedData with one signer (RFC 5652 section 5), read strictly from its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.der import Element, EncodingError, Reader
from vedette.evidence.identifiers import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    REFUSED_SIGNATURES,
    SIGNATURES,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
    digest_name,
    read_algorithm,
)

MAX_TOKEN_SIZE = 65_536
"""Bytes; a token with its whole chain has about 6,000."""

MAX_CERTIFICATES = 20
"""Certificates, or revocation lists, in one token; a chain has two to four."""


@dataclass(frozen=True, kw_only=True)
class CertificateId:
    """ESSCertID or ESSCertIDv2: names a certificate by its hash (RFC 5035 sections 4 and 5)."""

    digest_algorithm: str
    """`sha1` for the first form, by its definition."""
    digest: bytes
    """Hash of the whole certificate."""
    issuer: bytes | None
    """The issuer's Name in DER, where given."""
    serial: int | None
    """The certificate's serial number, where given."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The one SignerInfo (RFC 5652 section 5.3)."""

    issuer: bytes
    """Name of the signer's issuer, in DER."""
    serial: int
    """Serial number of the signer's certificate."""
    digest_algorithm: str
    """Digest of the content and of the signature."""
    key_kind: str
    """`rsa` or `ecdsa`."""
    signed_attributes: bytes
    """The bytes under the signature: the attributes with SET's tag (RFC 5652 section 5.4)."""
    message_digest: bytes
    """What the content's digest must be."""
    certificate_ids: tuple[tuple[CertificateId, ...], ...]
    """One list for each signing-certificate attribute; in each, the signer's certificate comes first."""
    signature: bytes
    """The signature value."""


@dataclass(frozen=True, kw_only=True)
class SignedToken:
    """A TimeStampToken taken apart; nothing here is verified."""

    content: bytes
    """TSTInfo in DER, as it was signed."""
    certificates: tuple[bytes, ...]
    """Embedded certificates in DER: material for a chain, never trusted."""
    revocation: tuple[bytes, ...]
    """Embedded certificate revocation lists in DER."""
    signer: Signer
    """Who signed, and over what."""
    head: bytes
    """The encoded fields before the certificates."""
    signer_infos: bytes
    """The encoded SET of the one SignerInfo."""


def read_signed_token(token: bytes) -> SignedToken:
    """Return a token's parts.

    Raises:
        EvidenceError: it is not a TimeStampToken in DER with one supported signer; the message names the field.
    """
    if len(token) > MAX_TOKEN_SIZE:
        raise EvidenceError(f"token: {len(token)} bytes, more than {MAX_TOKEN_SIZE}")
    outer = der.read_whole(token, der.SEQUENCE, "token")
    if outer.oid("token content type") != SIGNED_DATA:
        raise EvidenceError("token content type: not signed data")
    wrapped = outer.enter(0xA0, "token content")
    outer.finish("token")
    reader = wrapped.enter(der.SEQUENCE, "SignedData")
    wrapped.finish("token content")
    return _read_signed_data(reader)


def _read_signed_data(reader: Reader) -> SignedToken:
    """Read the fields of SignedData in their order."""
    version = reader.element("SignedData version", der.INTEGER)
    if version.content != b"\x03":
        raise EvidenceError("SignedData version: must be 3 (RFC 5652 section 5.1)")
    digests = reader.element("digestAlgorithms", der.SET)
    encapsulated = reader.element("encapContentInfo", der.SEQUENCE)
    certificates = reader.optional(0xA0, "certificates")
    revocation = reader.optional(0xA1, "crls")
    infos = reader.element("signerInfos", der.SET)
    reader.finish("SignedData")
    signer = _read_signer(infos)
    _check_digests(digests.reader(), signer.digest_algorithm)
    return SignedToken(
        content=_read_content(encapsulated.reader()),
        certificates=() if certificates is None else _read_material(certificates.reader(), "certificates"),
        revocation=() if revocation is None else _read_material(revocation.reader(), "crls"),
        signer=signer,
        head=version.raw + digests.raw + encapsulated.raw,
        signer_infos=infos.raw,
    )


def _read_content(reader: Reader) -> bytes:
    """Return the encapsulated TSTInfo."""
    if reader.oid("content type") != TST_INFO:
        raise EvidenceError("content type: not id-ct-TSTInfo")
    wrapped = reader.enter(0xA0, "content")
    reader.finish("encapContentInfo")
    content = wrapped.octets("content")
    wrapped.finish("content")
    return content


def _check_digests(reader: Reader, used: str) -> None:
    """Check that the signer's digest is announced, as one-pass verifiers need it."""
    announced = []
    while reader.peek() is not None:
        announced.append(digest_name(read_algorithm(reader, "digestAlgorithms"), "digestAlgorithms"))
    if used not in announced:
        raise EvidenceError("digestAlgorithms: the signer's digest is not among them")


def _read_material(reader: Reader, what: str) -> tuple[bytes, ...]:
    """Return the embedded X.509 certificates or lists; OpenSSL reads no other kind either."""
    elements = reader.elements(what)
    if len(elements) > MAX_CERTIFICATES:
        raise EvidenceError(f"{what}: more than {MAX_CERTIFICATES}")
    if any(element.tag != der.SEQUENCE for element in elements):
        raise EvidenceError(f"{what}: only those of X.509 are supported")
    return tuple(element.raw for element in elements)


def _read_signer(infos: Element) -> Signer:
    """Return the only signer (RFC 3161 section 2.4.2: no other signature than the TSA's)."""
    inside = infos.reader()
    reader = inside.enter(der.SEQUENCE, "SignerInfo")
    inside.finish("signerInfos (exactly one signer is allowed)")
    if reader.integer("SignerInfo version") != 1 or reader.peek() != der.SEQUENCE:
        raise EvidenceError("signer: must be named by issuer and serial number, as OpenSSL needs it")
    sid = reader.enter(der.SEQUENCE, "signer identifier")
    issuer, serial = sid.element("issuer", der.SEQUENCE).raw, sid.integer("serial number")
    sid.finish("signer identifier")
    digest = digest_name(read_algorithm(reader, "digest algorithm"), "digest algorithm")
    attributes = reader.element("signed attributes", 0xA0)
    key_kind = _read_signature_algorithm(reader, digest)
    signature = reader.octets("signature")
    unsigned = reader.optional(0xA1, "unsigned attributes")
    reader.finish("SignerInfo")
    if unsigned is not None:
        _check_unsigned(unsigned.reader())
    known = _read_attributes(attributes.reader())
    return Signer(
        issuer=issuer,
        serial=serial,
        digest_algorithm=digest,
        key_kind=key_kind,
        signed_attributes=bytes((der.SET,)) + attributes.raw[1:],
        message_digest=_read_message_digest(known),
        certificate_ids=_read_certificate_ids(known),
        signature=signature,
    )


def _read_signature_algorithm(reader: Reader, digest: str) -> str:
    """Return the kind of key that must have signed."""
    oid = read_algorithm(reader, "signature algorithm")
    if oid not in SIGNATURES:
        name = REFUSED_SIGNATURES.get(oid, oid)
        raise EvidenceError(f"signature algorithm: {name} is not supported")
    kind, own_digest = SIGNATURES[oid]
    if own_digest not in {None, digest}:
        raise EvidenceError("signature algorithm: its digest is not the signer's digest algorithm")
    return kind


def _read_attributes(reader: Reader) -> dict[str, Element]:
    """Return the single value of each signed attribute (RFC 5652 section 11: one instance, one value)."""
    elements = reader.elements("signed attributes")
    raws = [element.raw for element in elements]
    if raws != sorted(raws):
        raise EncodingError("signed attributes: not in DER's order")
    known: dict[str, Element] = {}
    for element in elements:
        if element.tag != der.SEQUENCE:
            raise EncodingError("signed attributes: not a sequence")
        inside = element.reader()
        name = inside.oid("attribute type")
        values = inside.enter(der.SET, "attribute values")
        inside.finish("attribute")
        if name in known:
            raise EvidenceError(f"signed attributes: {name} occurs twice")
        known[name] = values.element("attribute value")
        values.finish("attribute values (exactly one is allowed)")
    return known


def _check_unsigned(reader: Reader) -> None:
    """Check the form of attributes that are kept but mean nothing here: others must be able to read the token."""
    for element in reader.elements("unsigned attributes"):
        if element.tag != der.SEQUENCE:
            raise EncodingError("unsigned attributes: not a sequence")
        inside = element.reader()
        inside.oid("unsigned attribute type")
        der.check_nested(inside.element("unsigned attribute values", der.SET).content, "unsigned attribute values")
        inside.finish("unsigned attribute")


def _read_message_digest(known: dict[str, Element]) -> bytes:
    """Return the message-digest attribute; check content-type beside it (RFC 5652 sections 11.1 and 11.2)."""
    content_type, digest = known.get(CONTENT_TYPE), known.get(MESSAGE_DIGEST)
    if content_type is None or content_type.tag != der.OBJECT_IDENTIFIER:
        raise EvidenceError("content-type attribute: missing")
    if der.to_oid(content_type.content) != TST_INFO:
        raise EvidenceError("content-type attribute: not id-ct-TSTInfo")
    if digest is None or digest.tag != der.OCTET_STRING:
        raise EvidenceError("message-digest attribute: missing")
    return digest.content


def _read_certificate_ids(known: dict[str, Element]) -> tuple[tuple[CertificateId, ...], ...]:
    """Return the lists of the signing-certificate attributes; at least one is required."""
    found = tuple(
        _read_id_list(known[name], newer=name == SIGNING_CERTIFICATE_V2)
        for name in (SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2)
        if name in known
    )
    if not found:
        raise EvidenceError("ESSCertID: neither signing-certificate attribute is present (RFC 3161 section 2.4.2)")
    return found


def _read_id_list(value: Element, *, newer: bool) -> tuple[CertificateId, ...]:
    """Return the certificates that a SigningCertificate or SigningCertificateV2 names."""
    if value.tag != der.SEQUENCE:
        raise EncodingError("ESSCertID: not a sequence")
    reader = value.reader()
    certificates = reader.enter(der.SEQUENCE, "ESSCertID list").elements("ESSCertID list")
    policies = reader.optional(der.SEQUENCE, "ESSCertID policies")
    reader.finish("signing-certificate attribute")
    if policies is not None:
        der.check_nested(policies.content, "ESSCertID policies")
    if not certificates:
        raise EvidenceError("ESSCertID: the list is empty")
    return tuple(_read_id(element, newer=newer) for element in certificates)


def _read_id(element: Element, *, newer: bool) -> CertificateId:
    """Return one ESSCertID or, where `newer`, ESSCertIDv2."""
    if element.tag != der.SEQUENCE:
        raise EncodingError("ESSCertID: not a sequence")
    reader = element.reader()
    algorithm = "sha256" if newer else "sha1"
    if newer and reader.peek() == der.SEQUENCE:
        algorithm = digest_name(read_algorithm(reader, "ESSCertIDv2 digest"), "ESSCertIDv2 digest")
    digest = reader.octets("ESSCertID hash")
    named = reader.optional(der.SEQUENCE, "ESSCertID issuerSerial")
    reader.finish("ESSCertID")
    if named is None:
        return CertificateId(digest_algorithm=algorithm, digest=digest, issuer=None, serial=None)
    inside = named.reader()
    names = inside.enter(der.SEQUENCE, "ESSCertID issuer")
    directory = names.enter(0xA4, "ESSCertID issuer")
    issuer = directory.element("ESSCertID issuer", der.SEQUENCE).raw
    directory.finish("ESSCertID issuer")
    names.finish("ESSCertID issuer")
    serial = inside.integer("ESSCertID serial")
    inside.finish("ESSCertID issuerSerial")
    return CertificateId(digest_algorithm=algorithm, digest=digest, issuer=issuer, serial=serial)
