"""Verification of a bundle, a record or a token: named checks, and one verdict that claims no more than they do."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.canonical import canonical_json, parse_json, sha256_hex
from vedette.errors import EvidenceError
from vedette.evidence.audit_entry import read_audit
from vedette.evidence.bundle import read_bundle
from vedette.evidence.bundle_contents import BundleContents, read_public_key
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import HashPath, root_of
from vedette.evidence.record import TokenVerifier, read_record
from vedette.evidence.renewal_history import binds_payload
from vedette.evidence.revocation import check_revocation, covered_since
from vedette.evidence.statement import Statement, leaf, read_batch_statement, read_statement
from vedette.evidence.token import verify_token
from vedette.evidence.verdict import Check, Verdict, check, failure, verdict_line, verdicts_json
from vedette.evidence.verification_stamps import RememberedTokens, StampTerms, certificates_used, judge_stamp
from vedette.messages.batch import Manifest, Signed, open_signed
from vedette.messages.item import item_digest
from vedette.signing import VerifyingKey

__all__ = [
    "Check",
    "RememberedTokens",
    "Verdict",
    "read_public_key",
    "verdict_line",
    "verdicts_json",
    "verify_bundle",
]


def verify_bundle(
    data: bytes,
    *,
    roots: TrustRoots | None,
    now: int,
    agent_key: VerifyingKey | None = None,
    untrusted: Sequence[bytes] = (),
    verifier: TokenVerifier = verify_token,
) -> Verdict:
    """Verify the bytes of a bundle; nothing is written, nothing inside is trusted.

    `roots` None: the verdict can only be that the bundle is consistent. `agent_key` is the agent's key as known
    from elsewhere; without it the bundle's own claim is used and called so. `now` is microseconds since 1970.
    """
    try:
        contents = read_bundle(data)
        statement = read_statement(contents.statement)
    except EvidenceError as error:
        return failure("files", str(error))
    terms = StampTerms(roots=roots, untrusted=untrusted, now=now, verifier=verifier)
    stamps = [judge_stamp(contents, token, terms=terms) for token in contents.tokens]
    tokens = [token for stamp in stamps for token in stamp.tokens]
    covered = covered_since(record for stamp in stamps for record in stamp.records)
    anchored = [stamp.gen_time for stamp in stamps if stamp.gen_time is not None]
    checks = (
        Check(name="files", ok=True, text="every byte of the zip follows from the evidence in it"),
        check("payload", lambda: _payload(contents, statement)),
        check("statement", lambda: _statement(statement)),
        check("signature", lambda: _signature(contents, statement, agent_key)),
        check("batch", lambda: _batch(contents, statement)),
        *(stamp.check for stamp in stamps),
        check("certificates", lambda: certificates_used(contents, tokens)),
        check("revocation", lambda: check_revocation(contents.crls, tokens, covered=covered)),
        _anchor(len(anchored), roots),
    )
    return Verdict(uuid=statement.uuid, anchored=bool(anchored), gen_time=min(anchored, default=None), checks=checks)


def _payload(contents: BundleContents, statement: Statement) -> str:
    if contents.deletion is not None:
        return f"not in this bundle: the operator says that it was {contents.deletion.text}; only its hash is proved"
    if contents.payload is None:
        return "not in this bundle (deleted or left out); only its hash is proved"
    if sha256_hex(contents.payload) != statement.payload_sha256 or len(contents.payload) != statement.size:
        raise EvidenceError("payload.bin is not the payload that the statement speaks of")
    newer = _newer_digests(contents, contents.payload)
    return f"{statement.size} bytes, as the statement says" + (newer and f"; bound by {newer} too, since a renewal")


def _newer_digests(contents: BundleContents, payload: bytes) -> str:
    """Return the digests with which hash-tree renewals bound the payload beside its statement."""
    records = [read_record(token.record) for token in contents.tokens if token.record is not None]
    stamps = [chain[0] for record in records for chain in record.chains[1:]]
    return ", ".join(sorted({stamp.digest for stamp in stamps if binds_payload(stamp, payload)}))


def _statement(statement: Statement) -> str:
    if statement.kind == "audit":
        entry = read_audit(statement)
        deed = f"{entry.who} did {entry.action} to {entry.object}"
        return f"audit entry {entry.uuid}: {deed}, index {statement.log_index} in the log of {statement.engine}"
    if statement.meta.get("uuid") != statement.uuid:
        raise EvidenceError("its uuid is not the one of its meta")
    if statement.meta.get("sha256", statement.payload_sha256) != statement.payload_sha256:
        raise EvidenceError("meta.sha256 is not the hash of the payload")
    return f"{statement.kind} {statement.uuid}, index {statement.log_index} in the log of {statement.engine}"


def _signature(contents: BundleContents, statement: Statement, known: VerifyingKey | None) -> str:
    if contents.manifest is None or contents.agent_key_pem is None:
        if statement.kind == "audit" and known is None:
            return "none: no agent signs an audit entry; the system wrote it down itself"
        if statement.kind == "audit":
            raise EvidenceError("no agent signs an audit entry: verify it without an agent's key")
        if statement.manifest_sha256 or known is not None:
            raise EvidenceError("the signed manifest is missing")
        return "none: the item came unsigned, so nothing says which agent observed it"
    claimed = read_public_key(contents.agent_key_pem)
    manifest = _manifest(contents.manifest, statement, known or claimed)
    if known is not None:
        return f"signed by {manifest.agent} with the key that was given"
    return f"signed with agent.pub, which is {manifest.agent}'s by this bundle's own claim only (see --agent-key)"


def _manifest(signed: Signed, statement: Statement, key: VerifyingKey) -> Manifest:
    if signed.sha256 != statement.manifest_sha256:
        raise EvidenceError("manifest.json is not the manifest that the statement names")
    manifest = open_signed(Manifest, signed, key)
    if canonical_json(parse_json(signed.text)) != signed.text.encode():
        raise EvidenceError("manifest.json is not in canonical form (RFC 8785)")
    digest = item_digest(statement.meta_json, statement.payload_sha256).hex()
    if (statement.uuid, digest) not in manifest.items:
        raise EvidenceError("the signed manifest does not list this item's meta and payload")
    return manifest


def _batch(contents: BundleContents, statement: Statement) -> str:
    batch = read_batch_statement(contents.batch_statement)
    if (batch.engine, batch.epoch) != (statement.engine, statement.epoch):
        raise EvidenceError("batch.json is of another log")
    if not batch.first_log_index <= statement.log_index <= batch.last_log_index:
        raise EvidenceError("the item's log index is outside the batch")
    if not 1 <= batch.count <= batch.last_log_index - batch.first_log_index + 1:
        raise EvidenceError("batch.json counts more items than it has log indexes, or none")
    root = _canonical_root(contents.path, contents.statement)
    if _canonical_root(contents.batch_path, contents.batch_statement) != root:
        raise EvidenceError("batch.json is not in the tree that the item is in")
    return f"number {batch.number} with {batch.count} items and audit entries, root {root.hex()}"


def _canonical_root(path: HashPath, data: bytes) -> bytes:
    """Return the root; in our bundles a path has the one form that all verifiers read alike."""
    if [len(values) for values in path] != [2, *[1] * (len(path) - 1)][: len(path)]:
        raise EvidenceError("a hash path is not in the canonical form")
    return root_of(path, leaf(data), "sha256")


def _anchor(anchored: int, roots: TrustRoots | None) -> Check:
    if roots is None:
        text = "no trust roots were given (--trust), so this is consistent at best, and anyone could have made it"
        return Check(name="anchor", ok=False, text=text)
    if not anchored:
        return Check(name="anchor", ok=False, text="no time-stamp leads to the roots given")
    return Check(name="anchor", ok=True, text=f"{anchored} time-stamps lead to the roots given")
