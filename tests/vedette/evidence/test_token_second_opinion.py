"""The known differences of rfc3161-client are still what we believe, and are met."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from tests.vedette.evidence.forge import GOOD, IMPRINT, MIDDLE, NONCE, ROOT, UNIT, Chain, Order, chain, token
from vedette.errors import EvidenceError
from vedette.evidence import der, second_opinion
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.certification_path import find_path
from vedette.evidence.signed_data import read_signed_token
from vedette.evidence.token import read_token, verify_token


@pytest.fixture(scope="module")
def by() -> Chain:
    return chain(UNIT, MIDDLE, ROOT)


def ask(by: Chain, order: Order, *, status: int = 0, intermediates: Sequence[x509.Certificate] = ()) -> None:
    """Ask rfc3161-client as its documentation says."""
    whole = der.sequence(der.sequence(der.integer(status)), token(by, order))
    builder = VerifierBuilder(roots=[by.issued[-1].certificate], intermediates=list(intermediates), nonce=NONCE)
    builder.build().verify(decode_timestamp_response(whole), IMPRINT)


def ours(by: Chain, order: Order, *, untrusted: tuple[bytes, ...] = ()) -> None:
    verify_token(
        token(by, order), imprint=IMPRINT, digest_algorithm="sha256", roots=by.roots, nonce=NONCE, untrusted=untrusted
    )


def test_it_accepts_a_plain_token(by: Chain) -> None:
    ask(by, GOOD)


def test_it_refuses_granted_with_mods(by: Chain) -> None:
    with pytest.raises(VerificationError, match="not GRANTED"):
        ask(by, GOOD, status=1)


def test_it_refuses_certificates_out_of_order(by: Chain) -> None:
    order = GOOD.but(embed=by.embedded[::-1])
    with pytest.raises(ValueError, match="InvalidSetOrdering"):
        ask(by, order)
    ours(by, order)


def test_it_does_not_find_a_signer_that_is_left_out(by: Chain) -> None:
    order = GOOD.but(embed=())
    with pytest.raises(VerificationError, match="Certificates neither found"):
        ask(by, order, intermediates=[issued.certificate for issued in by.issued[:2]])
    ours(by, order, untrusted=by.embedded)


def test_it_does_not_check_the_certificate_id(by: Chain) -> None:
    ask(by, GOOD.but(ess=()))
    with pytest.raises(EvidenceError, match=r"^ESSCertID"):
        ours(by, GOOD.but(ess=()))


def test_what_it_refuses_is_refused_even_where_ours_has_no_objection(by: Chain) -> None:
    made = token(by)
    path = find_path(by.signer.der, pool=by.embedded, roots=by.roots, at=read_token(made).info.gen_time)
    other = TrustRoots((chain(UNIT, ROOT.but(number=8)).issued[-1].der,))
    with pytest.raises(EvidenceError, match=r"^second opinion: rfc3161-client refuses"):
        second_opinion.confirm(
            made, signed=read_signed_token(made), path=path, roots=other, imprint=IMPRINT, nonce=NONCE, policy=None
        )
    with pytest.raises(EvidenceError, match=r"^second opinion: .*Nonce mismatch"):
        second_opinion.confirm(
            made, signed=read_signed_token(made), path=path, roots=by.roots, imprint=IMPRINT, nonce=1, policy=None
        )
