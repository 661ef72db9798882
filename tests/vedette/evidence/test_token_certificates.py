"""Trust roots come from files that people give; each thing wrong with one is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.vedette.evidence.forge import GOOD, IMPRINT, MIDDLE, ROOT, UNIT, chain, good_chain, token
from vedette.errors import ConfigurationError, EvidenceError
from vedette.evidence.certificates import TrustRoots, parse_certificate
from vedette.evidence.certification_path import MAX_DEPTH
from vedette.evidence.token import verify_token


def test_roots_are_read_from_pem_once_each(tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(good_chain().roots_pem * 2)
    assert TrustRoots.load(path).certificates == (good_chain().issued[-1].der,)


def test_a_system_bundle_with_its_old_roots_can_be_loaded() -> None:
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if not bundle.exists():
        pytest.skip("this system has no bundle of roots")
    assert len(TrustRoots.load(bundle).certificates) > 50


@pytest.mark.parametrize("data", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_pem_is_named(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^given\.pem: holds no readable PEM"):
        TrustRoots.from_pem(data, place="given.pem")


def test_a_file_without_a_root_is_refused() -> None:
    signer = good_chain().signer.certificate.public_bytes(Encoding.PEM)
    with pytest.raises(ConfigurationError, match="holds no root"):
        TrustRoots.from_pem(signer, place="given.pem")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the certificates: No such file"):
        TrustRoots.load(tmp_path / "none.pem")


def test_a_certificate_that_cannot_be_read_is_an_evidence_error() -> None:
    with pytest.raises(EvidenceError, match=r"^certificate: cannot be read"):
        parse_certificate(b"\x30\x00")


def test_a_chain_longer_than_real_ones_is_refused() -> None:
    middles = [MIDDLE.but(name=f"Middle {number}", number=number + 10) for number in range(MAX_DEPTH)]
    by = chain(UNIT, *middles, ROOT)
    with pytest.raises(EvidenceError, match=r"^trust:"):
        verify_token(token(by), imprint=IMPRINT, digest_algorithm="sha256", roots=by.roots)


def test_certificates_that_issue_each_other_end_in_bounded_work() -> None:
    """Twenty certificates of one name and key chain to each other in every order."""
    cross = MIDDLE.but(name="Cross", number=4)
    unit = chain(UNIT, cross)
    crowd = tuple(sorted({chain(cross).issued[0].der for _ in range(18)} | {unit.signer.der}))
    made = token(unit, GOOD.but(embed=crowd))
    with pytest.raises(EvidenceError, match=r"^trust:"):
        verify_token(made, imprint=IMPRINT, digest_algorithm="sha256", roots=good_chain().roots)
