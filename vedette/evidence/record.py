"""Evidence records (RFC 4998): from a document's hash over a batch's root to a time-stamp, renewed over decades.

A record holds chains of archive time-stamps. Within a chain each time-stamp covers the token before it
(section 5.2); a new chain, with a new digest, covers the document and all chains before (section 5.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vedette.errors import EvidenceError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.der import INTEGER, NULL, OCTET_STRING, SEQUENCE, Reader, encode, oid, read_whole
from vedette.evidence.hashtree import HashPath, digest_function, root_of
from vedette.evidence.identifiers import DIGEST_OIDS, digest_name
from vedette.evidence.statement import read_any_statement
from vedette.evidence.token import VerifiedToken, read_token, verify_token

MAX_RECORD = 4 * 1024 * 1024
"""Bytes of a record that is read; one of ours is a token and about 700 bytes, plus as much for each renewal."""

_DIGEST_ALGORITHM = 0xA0
_REDUCED_HASHTREE = 0xA2
_VERSION_1 = encode(INTEGER, b"\x01")
_ALGORITHM_CONTENTS = {name: oid(dotted) + encode(NULL) for name, dotted in DIGEST_OIDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveTimestamp:
    """One ArchiveTimeStamp (RFC 4998 section 4.1)."""

    digest: str
    """Name of the digest of its hash tree."""
    path: HashPath
    """The reducedHashtree; empty where the time-stamp is over the hash itself."""
    token: bytes
    """The time-stamp as a DER ContentInfo (RFC 3161 TimeStampToken)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """What a record says, nothing of it verified."""

    digests: tuple[str, ...]
    """Digests declared in `digestAlgorithms`."""
    chains: tuple[tuple[ArchiveTimestamp, ...], ...]
    """Chains of archive time-stamps, oldest first."""
    chain_ders: tuple[bytes, ...]
    """The same chains as bytes: a hash-tree renewal covers these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecord:
    """What a record proves: the data existed at `gen_time`."""

    gen_time: int
    """Microseconds since 1970: genTime of the first token, the one that counts."""
    tokens: tuple[VerifiedToken, ...]
    """Every token, oldest first; each was valid when the next one was made."""
    chains: int
    """Number of chains: one more than there were hash-tree renewals."""
    not_after: int
    """Microseconds since 1970: until when the last token's certificate is valid; renew before."""
    expired: bool
    """The last token's certificate is past its validity: it was not renewed in time."""


class TokenVerifier(Protocol):
    """What verifies one token, as `vedette.evidence.token.verify_token` does."""

    def __call__(
        self,
        token: bytes,
        *,
        imprint: bytes,
        digest_algorithm: str,
        roots: TrustRoots,
        untrusted: Sequence[bytes] = (),
        now: int | None = None,
    ) -> VerifiedToken:
        """Return the verified token or raise EvidenceError."""
        ...


def build_record(*, path: Sequence[Sequence[bytes]], token: bytes, digest: str = "sha256") -> bytes:
    """Return the DER record of one leaf with one archive time-stamp.

    `path` comes from `HashTree.path`; `token` is the DER ContentInfo over the tree's root.

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    chain = encode(SEQUENCE, build_timestamp(path=path, token=token, digest=digest))
    return join_record(digests=(digest,), chains=(chain,))


def build_timestamp(*, path: Sequence[Sequence[bytes]], token: bytes, digest: str) -> bytes:
    """Return the DER of one ArchiveTimeStamp (RFC 4998 section 4.1).

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    digest_function(digest)
    algorithm = encode(_DIGEST_ALGORITHM, _ALGORITHM_CONTENTS[digest])
    if not path:
        return encode(SEQUENCE, algorithm + token)
    lists = b"".join(encode(SEQUENCE, b"".join([encode(OCTET_STRING, value) for value in values])) for values in path)
    return encode(SEQUENCE, algorithm + encode(_REDUCED_HASHTREE, lists) + token)


def join_record(*, digests: Sequence[str], chains: Sequence[bytes]) -> bytes:
    """Return the DER record of ready chains.

    Raises:
        EvidenceError: a digest is not one that records may use.
    """
    for name in digests:
        digest_function(name)
    algorithms = encode(SEQUENCE, b"".join(encode(SEQUENCE, _ALGORITHM_CONTENTS[name]) for name in digests))
    return encode(SEQUENCE, _VERSION_1 + algorithms + encode(SEQUENCE, b"".join(chains)))


def read_record(record: bytes) -> EvidenceRecord:
    """Return the parts of a DER record.

    Raises:
        EvidenceError: not DER, trailing bytes, not version 1, an unknown digest or an unsupported part
            (encryptionInfo, cryptoInfos, attributes).
    """
    if len(record) > MAX_RECORD:
        raise EvidenceError(f"record: is {len(record)} bytes; the limit is {MAX_RECORD}")
    reader = read_whole(record, SEQUENCE, "record")
    if reader.element("record: version", INTEGER).raw != _VERSION_1:
        raise EvidenceError("record: version must be 1")
    digests = tuple(_read_digest(part) for part in _inner(reader, "record: digestAlgorithms"))
    sequence = reader.element("record: archiveTimeStampSequence", SEQUENCE)
    reader.finish("record")
    chains = sequence.reader().elements("record: chains")
    stamps = tuple(
        tuple(_read_timestamp(stamp) for stamp in _inner(Reader(chain.raw), "record: chain")) for chain in chains
    )
    if not stamps:
        raise EvidenceError("record: has no chain of archive time-stamps")
    return EvidenceRecord(digests=digests, chains=stamps, chain_ders=tuple(chain.raw for chain in chains))


def _inner(reader: Reader, what: str) -> list[Reader]:
    """Return a reader for each SEQUENCE of the next value, a SEQUENCE OF with at least one."""
    inside = reader.enter(SEQUENCE, what)
    found = []
    while inside.peek() is not None:
        found.append(inside.enter(SEQUENCE, what))
    if not found:
        raise EvidenceError(f"{what}: is empty")
    return found


def _read_digest(reader: Reader) -> str:
    """Return the digest's name of an AlgorithmIdentifier; parameters are absent or NULL (RFC 5754 section 2)."""
    name = digest_name(reader.oid("record: digest algorithm"), "record")
    parameters = reader.optional(NULL, "record: digest algorithm")
    reader.finish("record: digest algorithm")
    if parameters is not None and parameters.content:
        raise EvidenceError("record: NULL parameters have content")
    return name


def _read_timestamp(reader: Reader) -> ArchiveTimestamp:
    declared = reader.optional(_DIGEST_ALGORITHM, "record: digestAlgorithm")
    tree = reader.optional(_REDUCED_HASHTREE, "record: reducedHashtree")
    token = reader.element("record: timeStamp", SEQUENCE).raw
    reader.finish("record: archive time-stamp")
    return ArchiveTimestamp(
        digest=_read_digest(declared.reader()) if declared else _imprint_digest(token),
        path=_read_lists(tree.reader()) if tree else (),
        token=token,
    )


def _imprint_digest(token: bytes) -> str:
    """Return the digest of the token's imprint: what counts where the record names none (section 4.1)."""
    return read_token(token).info.digest_algorithm


def _read_lists(reader: Reader) -> HashPath:
    lists = []
    while reader.peek() is not None:
        hashes = reader.enter(SEQUENCE, "record: hash tree")
        values = []
        while hashes.peek() is not None:
            values.append(hashes.octets("record: hash tree"))
        lists.append(tuple(values))
    if not lists or not all(lists):
        raise EvidenceError("record: reducedHashtree or a list in it is empty")
    return tuple(lists)


def verify_record(
    record: bytes,
    data: bytes,
    *,
    roots: TrustRoots,
    untrusted: Sequence[bytes] = (),
    strict: bool,
    now: int,
    verifier: TokenVerifier = verify_token,
) -> VerifiedRecord:
    """Verify that `data` existed at the time of the record's first token (RFC 4998 sections 4.3 and 5.3).

    `strict` demands that `data` is one of our statements, so that two joined hashes of a tree cannot pass as
    data. `now` is in microseconds since 1970. `untrusted` are DER certificates that may help to build a chain.

    Raises:
        EvidenceError: names the chain, the archive time-stamp and the check that failed.
    """
    if strict:
        read_any_statement(data)
    parsed = read_record(record)
    tokens: list[VerifiedToken] = []
    for number, chain in enumerate(parsed.chains):
        _check_digests(parsed, number)
        for position, stamp in enumerate(chain):
            place = f"chain {number}, archive time-stamp {position}"
            covered = covered_hash(parsed, data, number, position)
            try:
                imprint = root_of(stamp.path, covered, stamp.digest)
                token = verifier(
                    stamp.token,
                    imprint=imprint,
                    digest_algorithm=stamp.digest,
                    roots=roots,
                    untrusted=untrusted,
                    now=now,
                )
                _check_renewed_in_time(tokens, token)
            except EvidenceError as error:
                raise EvidenceError(f"record: {place}: {error}") from error
            tokens.append(token)
    last = tokens[-1]
    return VerifiedRecord(
        gen_time=tokens[0].gen_time,
        tokens=tuple(tokens),
        chains=len(parsed.chains),
        not_after=last.not_after,
        expired=last.not_after < now,
    )


def _check_digests(record: EvidenceRecord, number: int) -> None:
    """One digest a chain, and declared (RFC 4998 sections 3.1 and 5.1)."""
    digests = {stamp.digest for stamp in record.chains[number]}
    if len(digests) != 1:
        raise EvidenceError(f"record: chain {number}: uses more than one digest")
    if not digests <= set(record.digests):
        raise EvidenceError(f"record: chain {number}: its digest is not in digestAlgorithms")


def _check_renewed_in_time(earlier: Sequence[VerifiedToken], token: VerifiedToken) -> None:
    """A token must have been valid when the next one was made (RFC 4998 section 5.3, step 3)."""
    if not earlier:
        return
    previous = earlier[-1]
    if token.gen_time < previous.gen_time:
        raise EvidenceError("its time is before the time-stamp that it renews")
    if token.gen_time > previous.not_after:
        raise EvidenceError("was made after the certificate of the time-stamp before had expired")


def covered_hash(record: EvidenceRecord, data: bytes, chain: int, position: int) -> bytes:
    """Return the hash that an archive time-stamp covers.

    Within a chain: the token before (section 5.2). At the start of a later chain: H(H(data) || H(chains before)),
    in this order and with the chains' DER as one ArchiveTimeStampSequence (section 5.3 with its errata).

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    stamp = record.chains[chain][position]
    if position:
        return hashed(record.chains[chain][position - 1].token, stamp.digest)
    if chain:
        return renewed_hash(data, record.chain_ders[:chain], stamp.digest)
    return hashed(data, stamp.digest)


def renewed_hash(data: bytes, chain_ders: Sequence[bytes], digest: str) -> bytes:
    """Return H(H(data) || H(ArchiveTimeStampSequence)), the leaf of a hash-tree renewal (RFC 4998 section 5.3).

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    sequence = encode(SEQUENCE, b"".join(chain_ders))
    return hashed(hashed(data, digest) + hashed(sequence, digest), digest)


def hashed(data: bytes, digest: str) -> bytes:
    """Return the digest of `data`.

    Raises:
        EvidenceError: the digest is not one that records may use.
    """
    digest_function(digest)
    return hashlib.new(digest, data).digest()
