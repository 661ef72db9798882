"""The local authority: what it issues verifies with OpenSSL, and what it cannot answer it refuses by the book."""

from __future__ import annotations

import hashlib
import stat
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vedette.evidence.oracle import OpenSsl
from vedette.clock import MICROSECONDS, ManualClock, SystemClock
from vedette.errors import ConfigurationError, EvidenceError, TimestampError
from vedette.evidence import der
from vedette.evidence.authority.identity import (
    AuthorityIdentity,
    create_identity,
    load_identity,
    load_or_create_identity,
    roots_path,
)
from vedette.evidence.authority.issuer import LOCAL_POLICY, TokenIssuer
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query, message_imprint, read_response, token_from_response
from vedette.evidence.token import read_token, verify_response

DATA = b"what was observed"
IMPRINT = hashlib.sha256(DATA).digest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "tsa"
    create_identity(path, clock=SystemClock())
    return path


@pytest.fixture
def identity(folder: Path) -> AuthorityIdentity:
    return load_identity(folder)


@pytest.fixture
def issuer(identity: AuthorityIdentity) -> TokenIssuer:
    return TokenIssuer(identity=identity, clock=SystemClock())


class TestIdentity:
    """The folder's files."""

    def test_keys_are_for_the_owner_only(self, folder: Path) -> None:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {"root.key": 0o600, "tsa.key": 0o600, "roots.pem": 0o644, "tsa.pem": 0o644}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_the_certificate_says_that_it_is_self_asserted(self, identity: AuthorityIdentity) -> None:
        subject = x509.load_der_x509_certificate(identity.certificate).subject.rfc4514_string()
        assert subject == "CN=Vedette local time (self-asserted),O=Vedette"

    def test_an_authority_is_never_overwritten(self, folder: Path) -> None:
        with pytest.raises(ConfigurationError, match="already holds an authority"):
            create_identity(folder, clock=SystemClock())

    def test_an_empty_folder_is_told_and_can_be_filled(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="make one with 'vedette tsa init'"):
            load_identity(tmp_path)
        made = load_or_create_identity(tmp_path, clock=SystemClock())
        assert load_or_create_identity(tmp_path, clock=SystemClock()).certificate == made.certificate

    @pytest.mark.parametrize("name", ["tsa.key", "tsa.pem", "roots.pem"])
    def test_an_incomplete_folder_is_told_and_not_filled_up(self, name: str, tmp_path: Path) -> None:
        create_identity(tmp_path, clock=SystemClock())
        (tmp_path / name).unlink()
        with pytest.raises(ConfigurationError, match=f"holds no complete authority .*{name}"):
            load_or_create_identity(tmp_path, clock=SystemClock())

    def test_files_of_two_authorities_do_not_mix(self, folder: Path, tmp_path: Path) -> None:
        create_identity(tmp_path, clock=SystemClock())
        (tmp_path / "tsa.pem").write_bytes((folder / "tsa.pem").read_bytes())
        with pytest.raises(ConfigurationError, match="does not belong to the certificate"):
            load_identity(tmp_path)
        (tmp_path / "tsa.key").write_bytes(b"damaged")
        with pytest.raises(ConfigurationError, match="holds a damaged authority"):
            load_identity(tmp_path)

    def test_a_folder_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ConfigurationError, match="cannot write the authority"):
            create_identity(tmp_path / "file" / "tsa", clock=SystemClock())


class TestIssuing:
    """What is granted."""

    @pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
    def test_openssl_asks_and_openssl_verifies(
        self, digest: str, issuer: TokenIssuer, identity: AuthorityIdentity, openssl: OpenSsl
    ) -> None:
        query = openssl.query(DATA, f"-{digest}", "-cert")
        response = issuer.respond(query)
        assert openssl.accepts(response=response, query=query, roots_pem=identity.roots_pem)
        assert openssl.accepts(response=response, data=DATA, roots_pem=identity.roots_pem)
        assert not openssl.accepts(response=response, data=b"other", roots_pem=identity.roots_pem)
        assert "Accuracy: 0x01 seconds" in openssl.text(response)

    def test_without_cert_req_the_certificate_is_left_out(
        self, issuer: TokenIssuer, identity: AuthorityIdentity, openssl: OpenSsl
    ) -> None:
        response = issuer.respond(openssl.query(DATA, "-sha256"))
        assert read_token(token_from_response(response)).certificates == ()
        beside = (identity.certificate,)
        roots = TrustRoots.from_pem(identity.roots_pem, place="roots.pem")
        assert openssl.accepts(response=response, data=DATA, roots_pem=identity.roots_pem, untrusted=beside)
        assert verify_response(
            response, imprint=IMPRINT, digest_algorithm="sha256", roots=roots, untrusted=beside
        ).tsa.startswith("CN=Vedette local time")

    def test_the_policy_may_be_asked_for(self, issuer: TokenIssuer, identity: AuthorityIdentity) -> None:
        roots = TrustRoots.from_pem(identity.roots_pem, place="roots.pem")
        query = build_query(IMPRINT, nonce=5, policy=LOCAL_POLICY)
        verified = verify_response(
            issuer.respond(query), imprint=IMPRINT, digest_algorithm="sha256", roots=roots, query=query
        )
        assert (verified.policy, verified.nonce, verified.accuracy) == (LOCAL_POLICY, 5, MICROSECONDS)

    @pytest.mark.parametrize("microseconds", [0, 1_000, 120_000, 999_999, 500_000])
    def test_the_time_is_cut_to_milliseconds_and_written_in_der(
        self, microseconds: int, identity: AuthorityIdentity
    ) -> None:
        clock = ManualClock(now=SystemClock().now() // MICROSECONDS * MICROSECONDS + microseconds)
        issuer = TokenIssuer(identity=identity, clock=clock)
        info = read_token(token_from_response(issuer.respond(build_query(IMPRINT, nonce=None)))).info
        assert info.gen_time == clock.now() // 1_000 * 1_000

    def test_serial_numbers_never_repeat_and_stay_short_enough(self, identity: AuthorityIdentity) -> None:
        serials = set()
        for _ in range(10):
            issuer = TokenIssuer(identity=identity, clock=SystemClock())
            for _ in range(20):
                token = token_from_response(issuer.respond(build_query(IMPRINT, nonce=None)))
                serials.add(read_token(token).info.serial)
        assert len(serials) == 200
        assert all(0 <= serial < 2**160 for serial in serials)


def algorithm(oid: str, size: int) -> bytes:
    """A MessageImprint of any algorithm."""
    return der.sequence(der.sequence(der.oid(oid), der.encode(der.NULL)), der.octet_string(bytes(size)))


GOOD_IMPRINT = message_imprint(IMPRINT, "sha256")
ONE = der.integer(1)
NOT_ANSWERED = {
    "SHA-1": ("badAlg", der.sequence(ONE, algorithm("1.3.14.3.2.26", 20))),
    "an unknown digest": ("badAlg", der.sequence(ONE, algorithm("1.2.3", 20))),
    "a digest of the wrong size": ("badDataFormat", der.sequence(ONE, algorithm("2.16.840.1.101.3.4.2.1", 20))),
    "another version": ("badRequest", der.sequence(der.integer(2), GOOD_IMPRINT)),
    "another policy": ("unacceptedPolicy", der.sequence(ONE, GOOD_IMPRINT, der.oid("1.2.3"))),
    "a negative nonce": ("badRequest", der.sequence(ONE, GOOD_IMPRINT, der.integer(-1))),
    "an endless nonce": ("badRequest", der.sequence(ONE, GOOD_IMPRINT, der.integer(2**600))),
    "an extension": ("unacceptedExtension", der.sequence(ONE, GOOD_IMPRINT, der.encode(0xA0, der.sequence()))),
    "no DER": ("badDataFormat", b"<html>"),
    "nothing": ("badDataFormat", b""),
    "bytes after it": ("badDataFormat", build_query(IMPRINT, nonce=1) + b"\x00"),
    "half of it": ("badDataFormat", build_query(IMPRINT, nonce=1)[:-5]),
    "a field too many": ("badDataFormat", der.sequence(ONE, GOOD_IMPRINT, ONE, ONE)),
    "a boolean that is none": ("badDataFormat", der.sequence(ONE, GOOD_IMPRINT, b"\x01\x01\x05")),
}


@cache
def issuer_of_all() -> TokenIssuer:
    """One issuer for all examples that hypothesis makes."""
    with TemporaryDirectory() as folder:
        return TokenIssuer(identity=create_identity(Path(folder), clock=SystemClock()), clock=SystemClock())


_QUERY = build_query(IMPRINT, nonce=2**40, policy=LOCAL_POLICY)


class TestRefusing:
    """What is answered with a rejection."""

    @pytest.mark.parametrize("name", NOT_ANSWERED)
    def test_each_is_rejected_by_its_failure(self, name: str, issuer: TokenIssuer, openssl: OpenSsl) -> None:
        failure, request = NOT_ANSWERED[name]
        response = issuer.respond(request)
        read = read_response(response)
        assert (read.status, read.failures, read.token) == (2, (failure,), None)
        assert read.text.startswith(f"{failure}: ")
        assert "Status: Rejected." in openssl.text(response)
        with pytest.raises(EvidenceError, match=rf"answered rejection \({failure}"):
            token_from_response(response)

    @settings(deadline=None)
    @given(st.binary(max_size=80))
    def test_any_bytes_are_answered(self, request_bytes: bytes) -> None:
        answer = read_response(issuer_of_all().respond(request_bytes))
        assert answer.status == 2

    @settings(deadline=None)
    @given(st.integers(0, len(_QUERY) - 1), st.integers(0, 255))
    def test_any_query_with_a_byte_changed_is_answered(self, at: int, byte: int) -> None:
        answer = read_response(issuer_of_all().respond(_QUERY[:at] + bytes((byte,)) + _QUERY[at + 1 :]))
        assert (answer.status == 0) == (answer.token is not None)

    def test_a_false_cert_req_is_taken_as_left_out(self, issuer: TokenIssuer) -> None:
        response = issuer.respond(der.sequence(ONE, GOOD_IMPRINT, b"\x01\x01\x00"))
        assert read_token(token_from_response(response)).certificates == ()

    @pytest.mark.parametrize("seconds", [-86_400, 20 * 365 * 86_400])
    def test_a_clock_outside_the_certificate_gives_no_time(self, seconds: float, identity: AuthorityIdentity) -> None:
        clock = ManualClock(now=SystemClock().now())
        clock.jump(seconds)
        response = TokenIssuer(identity=identity, clock=clock).respond(build_query(IMPRINT, nonce=1))
        assert read_response(response).failures == ("timeNotAvailable",)


class TestLocalAuthority:
    """The port without HTTP."""

    async def test_it_stamps_as_any_authority_does(self, folder: Path, openssl: OpenSsl) -> None:
        async with LocalAuthority.open(folder, clock=SystemClock()) as authority:
            token = await authority.stamp(IMPRINT)
        assert not authority.external
        assert (token.imprint, token.tsa) == (IMPRINT, "CN=Vedette local time (self-asserted),O=Vedette")
        assert openssl.accepts(token=token.token, data=DATA, roots_pem=roots_path(folder).read_bytes())

    async def test_it_can_make_its_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "tsa"
        authority = LocalAuthority.open(folder, clock=SystemClock(), create=True)
        assert (await authority.stamp(IMPRINT)).chain[-1] == TrustRoots.load(roots_path(folder)).certificates[0]

    async def test_what_cannot_be_stamped_is_told(self, folder: Path) -> None:
        clock = ManualClock(now=SystemClock().now())
        authority = LocalAuthority.open(folder, clock=clock)
        with pytest.raises(TimestampError, match=r"local: .* are not a digest of sha256"):
            await authority.stamp(b"short")
        with pytest.raises(TimestampError, match=r"local: .* are not a digest of md5"):
            await authority.stamp(bytes(16), digest_algorithm="md5")
        clock.jump(-86_400 * 365)
        with pytest.raises(TimestampError, match="local: timeNotAvailable"):
            await authority.stamp(IMPRINT)
