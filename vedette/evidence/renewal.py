"""Renewing evidence records before a certificate expires or a digest breaks (RFC 4998 section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.errors import EvidenceError
from vedette.evidence.der import SEQUENCE, Reader, encode
from vedette.evidence.record import (
    EvidenceRecord,
    build_timestamp,
    hashed,
    join_record,
    read_record,
    renewed_hash,
)


def timestamp_renewal_leaf(record: bytes) -> bytes:
    """Return the leaf of a time-stamp renewal: the hash of the record's last token (section 5.2).

    Records that share this token share the leaf, so one renewal serves them all.

    Raises:
        EvidenceError: it is not a record.
    """
    last = read_record(record).chains[-1][-1]
    return hashed(last.token, last.digest)


def renew_timestamp(record: bytes, *, path: Sequence[Sequence[bytes]], token: bytes) -> bytes:
    """Return the record with one more archive time-stamp in its last chain (section 5.2).

    `path` leads from `timestamp_renewal_leaf` to the hash that `token` is over, in the chain's own digest.

    Raises:
        EvidenceError: it is not a record.
    """
    parsed = read_record(record)
    last = Reader(parsed.chain_ders[-1]).element("record: chain", SEQUENCE)
    stamp = build_timestamp(path=path, token=token, digest=parsed.chains[-1][-1].digest)
    chains = (*parsed.chain_ders[:-1], encode(SEQUENCE, last.content + stamp))
    return join_record(digests=parsed.digests, chains=chains)


def hashtree_renewal_leaf(record: bytes, data: bytes, *, digest: str) -> bytes:
    """Return the leaf of a hash-tree renewal: the data and all chains so far under a new digest (section 5.3).

    Raises:
        EvidenceError: it is not a record, or the digest is not one that records may use.
    """
    return renewed_hash(data, read_record(record).chain_ders, digest)


def renew_hashtree(record: bytes, *, path: Sequence[Sequence[bytes]], token: bytes, digest: str) -> bytes:
    """Return the record with one more chain, in a new digest (section 5.3).

    `path` leads from `hashtree_renewal_leaf` to the hash that `token` is over.

    Raises:
        EvidenceError: it is not a record, or the digest is the one that its last chain has already.
    """
    parsed = read_record(record)
    _check_new_digest(parsed, digest)
    chain = encode(SEQUENCE, build_timestamp(path=path, token=token, digest=digest))
    digests = parsed.digests if digest in parsed.digests else (*parsed.digests, digest)
    return join_record(digests=digests, chains=(*parsed.chain_ders, chain))


def _check_new_digest(record: EvidenceRecord, digest: str) -> None:
    if record.chains[-1][-1].digest == digest:
        raise EvidenceError(f"renewal: the record's last chain uses {digest} already; renew its time-stamp instead")
