"""What the sweep looks for: an item, a manifest or a batch that is not what the proof says, and exactly where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from vedette.canonical import sha256_hex
from vedette.errors import EvidenceError, RefusedError
from vedette.evidence.audit_entry import AuditFacts, read_audit
from vedette.evidence.finding import Finding
from vedette.evidence.statement import Statement, read_batch_statement, read_statement
from vedette.messages.batch import Manifest, Signed, open_signed
from vedette.messages.item import item_digest
from vedette.signing import VerifyingKey


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPlace:
    """A log."""

    engine: str
    """Bare JID."""
    epoch: str
    """Epoch of its chain."""

    def item(self, log_index: int) -> str:
        """Return how findings name an item."""
        return f"{self.engine}/{self.epoch}, item {log_index}"

    def batch(self, number: int) -> str:
        """Return how findings name a batch."""
        return f"{self.engine}/{self.epoch}, batch {number}"

    @property
    def end(self) -> str:
        """How findings name the end of the log."""
        return f"{self.engine}/{self.epoch}, end"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredItem:
    """An item as it is stored."""

    log_index: int
    uuid: str
    agent: str
    statement: bytes
    payload: bytes | None
    """Inline bytes; None: in a document, or deleted."""
    payload_sha256: str
    size: int
    digest: bytes
    received_at: int
    manifest_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAudit:
    """An audit entry as it is stored."""

    log_index: int
    statement: bytes
    received_at: int
    facts: AuditFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBatch:
    """A batch as it is stored."""

    number: int
    first_index: int
    last_index: int
    count: int
    statement: bytes
    root: bytes
    previous_root: bytes | None


def check_item(item: StoredItem, log: LogPlace) -> list[Finding]:
    """Return what is wrong with an item by itself: statement, columns and inline payload against each other."""
    place = log.item(item.log_index)
    try:
        statement = read_statement(item.statement)
    except EvidenceError as error:
        return [Finding(kind="statement", place=place, text=f"{item.uuid}: {error}")]
    found = [
        Finding(kind="statement", place=place, text=f"{item.uuid}: {text}")
        for text in _differences(item, statement, log)
    ]
    if item.payload is not None and sha256_hex(item.payload) != statement.payload_sha256:
        text = f"{item.uuid}: the payload is not the one that was committed ({len(item.payload)} bytes)"
        found.append(Finding(kind="payload", place=place, text=text))
    return found


def _differences(item: StoredItem, statement: Statement, log: LogPlace) -> Iterator[str]:
    if statement.log_index != item.log_index:
        yield f"the statement is of item {statement.log_index}: the order was changed"
    if (statement.engine, statement.epoch) != (log.engine, log.epoch):
        yield f"the statement is of the log {statement.engine}/{statement.epoch}"
    if statement.uuid != item.uuid:
        yield f"the statement is of {statement.uuid}"
    if item_digest(statement.meta_json, statement.payload_sha256) != item.digest:
        yield "the statement's meta or payload hash is not what the sender handed in"
    stored = (item.payload_sha256, item.size, item.received_at, item.manifest_sha256 or "")
    stated = (statement.payload_sha256, statement.size, statement.received_at, statement.manifest_sha256)
    names = ("payload_sha256", "size", "received_at", "manifest_sha256")
    for name, one, other in zip(names, stored, stated, strict=True):
        if one != other:
            yield f"{name} is not the statement's"


def check_audit(entry: StoredAudit, log: LogPlace) -> list[Finding]:
    """Return what is wrong with an audit entry: what its row says against its statement."""
    place = log.item(entry.log_index)
    try:
        statement = read_statement(entry.statement)
        stated = read_audit(statement)
    except EvidenceError as error:
        return [Finding(kind="statement", place=place, text=f"audit entry {entry.facts.uuid}: {error}")]
    found = []
    if (statement.log_index, statement.engine, statement.epoch) != (entry.log_index, log.engine, log.epoch):
        found.append(f"the statement is of {statement.engine}/{statement.epoch}, item {statement.log_index}")
    if statement.received_at != entry.received_at:
        found.append("received_at is not the statement's")
    names = AuditFacts.__dataclass_fields__
    changed = [name for name in names if getattr(entry.facts, name) != getattr(stated, name)]
    found += [f"{name} is not the statement's" for name in changed]
    return [Finding(kind="statement", place=place, text=f"audit entry {stated.uuid}: {text}") for text in found]


def check_manifest(sha256: str, *, text: str, signature: str, public_key: str | None) -> tuple[Manifest | None, str]:
    """Return a stored manifest that is what its name and its agent's key say, or None and what is wrong."""
    if not isinstance(text, str) or not isinstance(signature, str):
        return None, "the manifest was changed"
    signed = Signed(text=text, signature=signature)
    if signed.sha256 != sha256:
        return None, "the manifest was changed"
    if public_key is None:
        return None, "the agent's key is missing"
    try:
        return open_signed(Manifest, signed, VerifyingKey.from_text(public_key)), ""
    except RefusedError as error:
        return None, f"the manifest does not verify: {error}"


def check_batch(
    batch: StoredBatch, log: LogPlace, *, number: int, position: int, root: bytes | None
) -> list[Finding]:
    """Return what is wrong with a batch that follows batch `number`, which ended before `position` with `root`."""
    place = log.batch(batch.number)
    found: list[Finding] = []

    def note(kind: str, text: str, where: str = place) -> None:
        found.append(Finding(kind=kind, place=where, text=text))

    if batch.number != number + 1:
        last = batch.number - 1
        missing = f"batch {number + 1}" if last == number + 1 else f"batches {number + 1} to {last}"
        note("batch-missing", f"{missing} of the chain are not there", log.batch(number + 1))
    elif batch.first_index != position:
        note("batch", f"begins at item {batch.first_index}, the one before ended before {position}")
    if batch.number == number + 1 and (batch.previous_root or b"") != (root or b""):
        note("batch", "names another root of the batch before")
    _check_statement(batch, log, note)
    return found


def _check_statement(batch: StoredBatch, log: LogPlace, note: Callable[[str, str], None]) -> None:
    try:
        statement = read_batch_statement(batch.statement)
    except EvidenceError as error:
        note("batch", str(error))
        return
    stored = (log.engine, log.epoch, batch.number, batch.count, batch.first_index, batch.last_index)
    stated = (
        statement.engine,
        statement.epoch,
        statement.number,
        statement.count,
        statement.first_log_index,
        statement.last_log_index,
    )
    if stored != stated or (batch.previous_root or b"").hex() != statement.previous_root:
        note("batch", "its columns are not what its statement says")


def missing_ranges(first: int, last: int, present: list[int]) -> list[tuple[int, int]]:
    """Return the ranges of indexes from `first` to `last` that are not in `present`, which ascends."""
    found, expected = [], first
    for index in [*present, last + 1]:
        if index > expected:
            found.append((expected, index - 1))
        expected = index + 1
    return found


def twice_findings(log: LogPlace, present: list[int]) -> list[Finding]:
    """Return a finding for each index of `present`, which ascends, that is there more than once."""
    twice = dict.fromkeys(one for one, following in pairwise(present) if one == following)
    text = "an item and an audit entry have the same place: one was inserted"
    return [Finding(kind="inserted", place=log.item(index), text=text) for index in twice]


def gap_findings(log: LogPlace, ranges: list[tuple[int, int]]) -> list[Finding]:
    """Return a finding for each range of items, or audit entries, that are not there."""
    return [
        Finding(
            kind="gap",
            place=log.item(first),
            text="the item is missing" if first == last else f"the items {first} to {last} are missing",
        )
        for first, last in ranges
    ]
