"""The statement of an audit entry: read strictly, and never mistaken for anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.vedette.evidence.sample import Authority, make_contents
from vedette.canonical import canonical_json, sha256_hex
from vedette.errors import EvidenceError
from vedette.evidence.audit_entry import AuditFacts, audit_payload, read_audit, state_audit
from vedette.evidence.bundle import BundleContents, build_bundle
from vedette.evidence.statement import audit_statement, item_statement, read_statement

FACTS = AuditFacts(
    uuid="0b6c3f6e-6f0e-4a3e-9a55-3f2f7a7a1d02",
    at=1_790_000_000_000_000,
    who="user anna",
    action="agent.revoke",
    object="probe1@localhost",
    origin="192.0.2.1",
    detail="stolen \u2603",
)
PLACE: dict[str, Any] = {
    "received_at": 1_790_000_000_500_000,
    "engine": "engine@localhost",
    "epoch": "e1",
    "log_index": 3,
    "salt": "00" * 16,
}


def stated(*, make: Any = audit_statement, manifest: str = "", payload: bytes | None = None, **meta: Any) -> bytes:
    """A statement whose meta differs from the entry's; a value of ... takes the field away."""
    fields = {"type": "audit"} | {name: getattr(FACTS, name) for name in AuditFacts.__dataclass_fields__} | meta
    meta_json = canonical_json({name: value for name, value in fields.items() if value is not ...})
    content = meta_json if payload is None else payload
    done: bytes = make(
        meta_json=meta_json,
        uuid=FACTS.uuid,
        payload_sha256=sha256_hex(content),
        size=len(content),
        manifest_sha256=manifest,
        **PLACE,
    )
    return done


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> BundleContents:
    """A bundle whose paths fit any statement."""
    made = make_contents(Authority.make(tmp_path_factory.mktemp("authority") / "a"))
    return replace(made, path=(), batch_path=())


def test_it_says_what_was_written_and_is_canonical() -> None:
    data = state_audit(FACTS, **PLACE)
    assert data == stated()
    statement = read_statement(data)
    assert read_audit(statement) == FACTS
    assert statement.meta_json == audit_payload(FACTS)
    assert statement.payload_sha256 == sha256_hex(audit_payload(FACTS))


@pytest.mark.parametrize(
    "data",
    [
        stated(make=item_statement),
        stated(manifest="0" * 64),
        stated(payload=b"{}"),
        stated(uuid="0b6c3f6e-6f0e-4a3e-9a55-3f2f7a7a1d03"),
        stated(type="item"),
        stated(type=...),
        stated(who=...),
        stated(note="more"),
        stated(at=True),
        stated(at="1790000000000000"),
        stated(detail=None),
        stated(object=["probe1@localhost"]),
    ],
    ids=[
        "of-an-item",
        "with-a-manifest",
        "with-another-payload",
        "of-another-uuid",
        "of-another-type",
        "without-type",
        "without-who",
        "with-more",
        "at-a-bool",
        "at-a-text",
        "no-detail",
        "many-objects",
    ],
)
def test_what_is_not_exactly_an_entry_is_refused_and_not_bundled(data: bytes, contents: BundleContents) -> None:
    statement = read_statement(data)
    with pytest.raises(EvidenceError, match="statement: |audit entry: "):
        read_audit(statement)
    if statement.kind == "audit":
        with pytest.raises(EvidenceError, match="statement: |audit entry: "):
            build_bundle(replace(contents, statement=data, payload=statement.meta_json))


def test_a_true_one_is_bundled(contents: BundleContents) -> None:
    good = stated()
    assert build_bundle(replace(contents, statement=good, payload=read_statement(good).meta_json))


@pytest.mark.parametrize("wrong", [{"at": 1.5}, {"at": 2**53}, {"who": None}, {"detail": b"x"}], ids=str)
def test_what_cannot_be_stated_says_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError, match="audit entry"):
        state_audit(replace(FACTS, **wrong), **PLACE)
