"""The shared cases: tokens made by others, with the verdict that each must get."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.errors import EvidenceError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import read_query
from vedette.evidence.token import VerifiedToken, verify_response


def _verify(folder: Path) -> VerifiedToken:
    query = (folder / "query.tsq").read_bytes()
    algorithm = read_query(query).digest_algorithm
    beside = folder / "untrusted.pem"
    certificates = x509.load_pem_x509_certificates(beside.read_bytes()) if beside.exists() else []
    return verify_response(
        (folder / "response.tsr").read_bytes(),
        imprint=hashlib.new(algorithm, (folder / "data.bin").read_bytes()).digest(),
        digest_algorithm=algorithm,
        roots=TrustRoots.load(folder / "roots.pem"),
        untrusted=[certificate.public_bytes(Encoding.DER) for certificate in certificates],
        query=query,
    )


def test_every_shared_token_is_classified_right(token_cases: Path, subtests: pytest.Subtests) -> None:
    cases = json.loads((token_cases / "cases.json").read_text())
    assert len(cases) >= 21
    for case in cases:
        with subtests.test(case["name"]):
            if case["expected"] == "valid":
                assert _verify(token_cases / case["name"]).chain
            else:
                with pytest.raises(EvidenceError):
                    _verify(token_cases / case["name"])
