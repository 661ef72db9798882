"""Makes time-stamp tokens that are right, or wrong in one chosen way, with certificates of any shape."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.evidence import der
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import granted, message_imprint
from vedette.evidence.identifiers import (
    CONTENT_TYPE,
    DIGEST_OIDS,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
)

GEN_TIME = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
POLICY = "1.3.6.1.4.1.32473.1"
DATA = b"what was observed"
IMPRINT = hashlib.sha256(DATA).digest()
NONCE = 0x1122334455667788

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)


@cache
def key_of(kind: str, number: int = 0) -> Key:
    """A key of a kind, made once: `p256`, `p384`, `p521`, `rsa2048`, `rsa1024`, `p224`."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves: dict[str, ec.EllipticCurve] = {
        "p224": ec.SECP224R1(),
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
    }
    return ec.generate_private_key(curves[kind])


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a certificate looks like; the defaults are a good time-stamping certificate."""

    name: str = "Unit"
    kind: str = "p256"
    number: int = 0
    ca: bool | None = False
    path_length: int | None = None
    usages: Sequence[x509.ObjectIdentifier] | None = TIME_STAMPING
    usages_critical: bool = True
    signs: bool = True
    certifies: bool = False
    start: datetime = GEN_TIME - timedelta(days=10)
    days: int = 365
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def but(self, **changes: object) -> Shape:
        return replace(self, **changes)  # type: ignore[arg-type]


ROOT = Shape(name="Root", number=1, ca=True, usages=None, signs=False, certifies=True, days=3650)
MIDDLE = ROOT.but(name="Middle", number=2, days=1000)
UNIT = Shape()


def name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def issue(shape: Shape, by: Issued | None = None) -> Issued:
    """A certificate of this shape, signed by another or by itself."""
    key = key_of(shape.kind, shape.number)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(shape.name))
        .issuer_name(name_of(shape.name) if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(shape.start)
        .not_valid_after(shape.start + timedelta(days=shape.days))
        .add_extension(_key_usage(shape), critical=True)
    )
    if shape.ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(shape.ca, shape.path_length), critical=True)
    if shape.usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(shape.usages), critical=shape.usages_critical)
    for extension, critical in shape.extra:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(certificate=builder.sign(key if by is None else by.key, hashes.SHA256()), key=key)


def _key_usage(shape: Shape) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=shape.signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=shape.certifies,
        crl_sign=shape.certifies,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A signer with what is above it, root last."""

    issued: tuple[Issued, ...]

    @property
    def signer(self) -> Issued:
        return self.issued[0]

    @property
    def roots(self) -> TrustRoots:
        return TrustRoots((self.issued[-1].der,))

    @property
    def roots_pem(self) -> bytes:
        return self.issued[-1].certificate.public_bytes(Encoding.PEM)

    @property
    def embedded(self) -> tuple[bytes, ...]:
        return tuple(sorted(issued.der for issued in self.issued[:-1]))


def chain(*shapes: Shape) -> Chain:
    """A chain of these shapes, signer first and root last."""
    issued: list[Issued] = []
    for shape in reversed(shapes):
        issued.insert(0, issue(shape, issued[0] if issued else None))
    return Chain(issued=tuple(issued))


@cache
def good_chain(kind: str = "p256") -> Chain:
    """A usual chain: a signer straight under its root."""
    return chain(UNIT.but(kind=kind), ROOT)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a token is to look like; the defaults are a good one over DATA."""

    imprint: bytes = IMPRINT
    imprint_digest: str = "sha256"
    imprint_encoded: bytes | None = None
    gen_time: bytes = b"20260601120000Z"
    policy: str = POLICY
    serial: int = 7
    nonce: int | None = NONCE
    version: int = 1
    accuracy: bytes = b""
    ordering: bytes = b""
    tsa: bytes = b""
    extensions: bytes = b""
    content_type: str = TST_INFO
    attribute_type: str = TST_INFO
    digest: str = "sha256"
    ess: tuple[str, ...] = ("v2",)
    ess_of: bytes | None = None
    ess_more: tuple[bytes, ...] = ()
    embed: Sequence[bytes] | None = None
    signers: int = 1
    sorted_attributes: bool = True
    extra_attributes: tuple[bytes, ...] = ()
    signature_oid: str | None = None
    cms_version: int = 3
    crls: tuple[bytes, ...] = ()
    unsigned: tuple[bytes, ...] = ()

    def but(self, **changes: object) -> Order:
        return replace(self, **changes)  # type: ignore[arg-type]


GOOD = Order()


def token(by: Chain, order: Order = GOOD) -> bytes:
    """The token that was ordered, signed by a chain's signer."""
    info = der.sequence(
        der.integer(order.version),
        der.oid(order.policy),
        order.imprint_encoded or message_imprint(order.imprint, order.imprint_digest),
        der.integer(order.serial),
        der.encode(der.GENERALIZED_TIME, order.gen_time),
        order.accuracy,
        order.ordering,
        b"" if order.nonce is None else der.integer(order.nonce),
        order.tsa and der.encode(0xA0, order.tsa),
        order.extensions,
    )
    signer = _signer_info(by.signer, order, info)
    embedded = by.embedded if order.embed is None else order.embed
    data = der.sequence(
        der.integer(order.cms_version),
        der.set_of(_algorithm(order.digest)),
        der.sequence(der.oid(order.content_type), der.encode(0xA0, der.octet_string(info))),
        der.encode(0xA0, *embedded) if embedded else b"",
        der.encode(0xA1, *order.crls) if order.crls else b"",
        der.encode(der.SET, *[signer] * order.signers),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.encode(0xA0, data))


def response(by: Chain, order: Order = GOOD) -> bytes:
    """The token that was ordered, granted."""
    return granted(token(by, order))


def _algorithm(digest: str) -> bytes:
    return der.sequence(der.oid(DIGEST_OIDS[digest]))


def _signer_info(signer: Issued, order: Order, info: bytes) -> bytes:
    attributes = [
        attribute(CONTENT_TYPE, der.oid(order.attribute_type)),
        attribute(MESSAGE_DIGEST, der.octet_string(hashlib.new(order.digest, info).digest())),
        *(_ess(signer.der if order.ess_of is None else order.ess_of, form, order) for form in order.ess),
        *order.extra_attributes,
    ]
    joined = b"".join(sorted(attributes, reverse=not order.sorted_attributes))
    oid, signature = _sign(signer.key, order.digest, der.encode(der.SET, joined))
    certificate = signer.certificate
    return der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
        _algorithm(order.digest),
        der.encode(0xA0, joined),
        der.sequence(der.oid(order.signature_oid or oid)),
        der.octet_string(signature),
        der.encode(0xA1, *order.unsigned) if order.unsigned else b"",
    )


def revocation_list(by: Issued) -> bytes:
    """An empty list of revoked certificates, DER."""
    builder = x509.CertificateRevocationListBuilder(
        by.certificate.subject, last_update=GEN_TIME, next_update=GEN_TIME + timedelta(days=30)
    )
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def attribute(name: str, *values: bytes) -> bytes:
    """An Attribute."""
    return der.sequence(der.oid(name), der.set_of(*values))


def _ess(certificate: bytes, form: str, order: Order) -> bytes:
    """A signing-certificate attribute of form `v1` or `v2`."""
    name = SIGNING_CERTIFICATE if form == "v1" else SIGNING_CERTIFICATE_V2
    digest = "sha1" if form == "v1" else "sha256"
    ids = [
        der.sequence(der.octet_string(hashlib.new(digest, named).digest()))
        for named in (certificate, *order.ess_more)
    ]
    return attribute(name, der.sequence(der.sequence(*ids)))


def _sign(key: Key, digest: str, data: bytes) -> tuple[str, bytes]:
    """Algorithm and signature value."""
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[digest]
    index = ("sha256", "sha384", "sha512").index(digest)
    if isinstance(key, rsa.RSAPrivateKey):
        return f"1.2.840.113549.1.1.{11 + index}", key.sign(data, padding.PKCS1v15(), algorithm)
    return f"1.2.840.10045.4.3.{2 + index}", key.sign(data, ec.ECDSA(algorithm))
