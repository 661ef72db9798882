"""Real evidence for tests: authorities of any age, batches, signed items and their bundles."""

from __future__ import annotations

import random
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from vedette.canonical import canonical_json, sha256, sha256_hex
from vedette.clock import MICROSECONDS, ManualClock
from vedette.evidence.authority.identity import AuthorityIdentity, create_identity
from vedette.evidence.authority.issuer import TokenIssuer
from vedette.evidence.bundle import BundleContents, BundleToken
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query, read_query
from vedette.evidence.hashtree import HashTree
from vedette.evidence.statement import batch_statement, item_statement, leaf
from vedette.evidence.token import read_token
from vedette.messages.batch import Manifest, Signed
from vedette.messages.item import item_digest
from vedette.signing import SigningKey

START = 1_790_000_000 * MICROSECONDS
"""When the sample items are stamped, microseconds since 1970."""

NOW = START + 3600 * MICROSECONDS
"""When the samples are verified."""

OPENSSL = shutil.which("openssl") or "openssl"
BASH = shutil.which("bash") or "bash"

UUID = "0b6c3f6e-6f0e-4a3e-9a55-3f2f7a7a1d01"


@dataclass(frozen=True)
class Authority:
    """An authority with a clock of its own."""

    identity: AuthorityIdentity
    issuer: TokenIssuer
    clock: ManualClock

    @classmethod
    def make(cls, folder: Path, *, now: int = START) -> Authority:
        clock = ManualClock(now=now)
        identity = create_identity(folder, clock=clock)
        return cls(identity, TokenIssuer(identity=identity, clock=clock), clock)

    @property
    def roots(self) -> TrustRoots:
        return TrustRoots.from_pem(self.identity.roots_pem, place="test")

    @property
    def chain(self) -> tuple[bytes, ...]:
        return (self.identity.certificate, *self.roots.certificates)

    def stamp(self, imprint: bytes, *, digest: str = "sha256") -> bytes:
        query = build_query(imprint, digest_algorithm=digest, nonce=secrets.randbits(64))
        return self.issuer.issue(read_query(query))


def make_statement(
    *, payload: bytes, meta: dict[str, object] | None = None, log_index: int = 7, manifest_sha256: str = ""
) -> bytes:
    return item_statement(
        meta_json=canonical_json({"uuid": UUID, **(meta or {})}),
        uuid=UUID,
        payload_sha256=sha256_hex(payload),
        size=len(payload),
        received_at=START - 5 * MICROSECONDS,
        engine="aggregation@localhost",
        epoch="e1",
        log_index=log_index,
        manifest_sha256=manifest_sha256,
        salt=secrets.token_hex(16),
    )


def make_contents(
    authority: Authority,
    *,
    payload: bytes = b"22/tcp open ssh\n",
    meta: dict[str, object] | None = None,
    others: int = 5,
    key: SigningKey | None = None,
    external: bool = False,
    name: str = "local",
) -> BundleContents:
    """Return the contents of one item's bundle, in a batch with others; signed where a key is given."""
    meta = {"uuid": UUID, "ts": START // MICROSECONDS, "type": "scan", **(meta or {})}
    manifest = None
    if key is not None:
        digest = item_digest(canonical_json(meta), sha256_hex(payload)).hex()
        body = Manifest(agent="probe1@localhost", epoch="p1", first=1, last=1, items=[(UUID, digest)])
        manifest = Signed.seal(body, key)
    statement = make_statement(payload=payload, meta=meta, manifest_sha256=manifest.sha256 if manifest else "")
    batch = batch_statement(
        engine="aggregation@localhost",
        epoch="e1",
        number=3,
        count=others + 1,
        first_log_index=7,
        last_log_index=7 + others,
        previous_root="ab" * 32,
    )
    tree = HashTree([leaf(statement), *[sha256(b"%d" % other) for other in range(others)], leaf(batch)])
    token = bundle_token(authority, tree.root, name=name, external=external)
    return BundleContents(
        payload=payload,
        statement=statement,
        manifest=manifest,
        agent_key_pem=key.verifying.pem if key else None,
        batch_statement=batch,
        path=tree.path(0),
        batch_path=tree.path(others + 1),
        tokens=[token],
        format="text",
        chain=authority.chain,
    )


def bundle_token(authority: Authority, root: bytes, *, name: str, external: bool) -> BundleToken:
    token = authority.stamp(root)
    return BundleToken(name=name, external=external, token=token, gen_time=read_token(token).info.gen_time)


def with_second(contents: BundleContents, authority: Authority, root: bytes, *, name: str) -> BundleContents:
    """Return the contents with a second authority's token, called external."""
    token = bundle_token(authority, root, name=name, external=True)
    return replace(contents, tokens=[*contents.tokens, token], chain=(*contents.chain, *authority.chain))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one change: a bit, a byte, two bytes swapped, a cut, an insertion or a doubled part."""
    at = chance.randrange(len(data))
    other = chance.randrange(len(data))
    low, high = sorted((at, other))
    kind = chance.randrange(6)
    if kind <= 1:
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    if kind == 2:
        swapped = bytearray(data)
        swapped[low], swapped[high] = data[high], data[low]
        return bytes(swapped)
    if kind == 3:
        return data[:at]
    if kind == 4:
        return data[:at] + chance.randbytes(1 + chance.randrange(4)) + data[at:]
    return data[:low] + data[low:high] * 2 + data[high:]
