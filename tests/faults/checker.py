"""What must hold whatever was broken: nothing lost, nothing twice, every promise kept, every hash right."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.faults.harness import Rig, SenderPart
from vedette.evidence.audit_entry import read_audit
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.hashtree import HashTree
from vedette.evidence.statement import read_batch_statement, read_statement
from vedette.evidence.token import verify_token
from vedette.messages.batch import Receipt, open_signed
from vedette.messages.item import item_digest


@dataclass(kw_only=True)
class Log:
    """An engine's log as the store has it, every hash computed anew."""

    engine: str
    epoch: str
    items: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Digest and `log_index`, by uuid."""
    agents: dict[str, str] = field(default_factory=dict)
    """Sender, by uuid."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """`origin_seq` in the order of the log, by sender."""
    leaves: list[bytes] = field(default_factory=list)
    """Leaves in the order of the log."""
    heads: list[bytes] = field(default_factory=list)
    """Head of the chain after each item and audit entry."""


def check(rig: Rig) -> Log:
    """Assert everything about a fleet that has settled; returns its log."""
    log = read_log(rig)
    check_batches(rig, log)
    for sender in rig.senders:
        check_sender(rig, log, sender)
    mine = {sender.jid for sender in rig.senders}
    refused = [row for row in rig.query("SELECT sender, field, reason FROM refusal") if row[0] in mine]
    assert refused == [], "nothing of theirs was to be refused"
    return log


def read_log(rig: Rig) -> Log:
    """Read the log and check that it has no gap, that each statement is the item's, and that the head is right."""
    ((chain_id, engine, epoch, next_index, head),) = rig.query(
        "SELECT id, engine, epoch, next_index, head FROM chain"
    )
    log = Log(engine=engine, epoch=epoch)
    running = bytes(32)
    rows = rig.query(
        "SELECT uuid, agent, log_index, digest, statement, payload, payload_sha256, manifest_sha256"
        " FROM item LEFT JOIN item_payload USING (received_at, chain_id, log_index)"
        " WHERE chain_id = ? ORDER BY log_index",
        chain_id,
    )
    audits = dict(rig.query("SELECT log_index, statement FROM audit WHERE chain_id = ?", chain_id))
    items = iter(rows)
    for place in range(len(rows) + len(audits)):
        leaf = _check_audit(place, audits[place]) if place in audits else _check_item(log, place, next(items))
        running = hashlib.sha256(running + leaf).digest()
        log.leaves.append(leaf)
        log.heads.append(running)
    assert len(log.leaves) == next_index, "the chain's next index is the number of items and audit entries"
    assert running == head, "the chain's head is the hash over all leaves"
    assert len(log.items) == len(rows), "no uuid is stored twice"
    return log


def _check_audit(place: int, data: bytes) -> bytes:
    statement = read_statement(data)
    assert statement.log_index == place
    read_audit(statement)
    return hashlib.sha256(data).digest()


def _check_item(log: Log, place: int, row: tuple[Any, ...]) -> bytes:
    uuid, agent, index, digest, data, payload, payload_sha256, manifest = row
    assert index == place, f"log_index {place} is missing: the next is {index}"
    statement = read_statement(data)
    assert (statement.uuid, statement.log_index) == (uuid, index)
    assert (statement.engine, statement.epoch) == (log.engine, log.epoch)
    assert statement.manifest_sha256 == manifest
    assert statement.payload_sha256 == payload_sha256 == hashlib.sha256(payload).hexdigest()
    assert statement.size == len(payload)
    assert item_digest(statement.meta_json, payload_sha256) == digest
    log.items[uuid] = (digest.hex(), index)
    log.agents[uuid] = agent
    log.numbers.setdefault(agent, []).append(statement.meta["origin_seq"])
    return hashlib.sha256(data).digest()


def check_batches(rig: Rig, log: Log) -> None:
    """Check that batches follow each other without a gap, that roots are right, and that each token verifies."""
    rows = rig.query(
        "SELECT id, number, first_index, last_index, count, statement, root, previous_root, state"
        " FROM batch ORDER BY number"
    )
    roots = TrustRoots.load(rig.paths.roots)
    tokens = dict(rig.query("SELECT batch_id, token FROM token"))
    next_index, previous = 0, None
    for number, (key, stored, first, last, count, data, root, before, state) in enumerate(rows, start=1):
        assert (stored, first, count) == (number, next_index, last - first + 1), "batches have no gap"
        statement = read_batch_statement(data)
        assert (statement.first_log_index, statement.last_log_index, statement.number) == (first, last, number)
        assert before == previous
        assert statement.previous_root == (previous or b"").hex()
        tree = HashTree([*log.leaves[first : last + 1], hashlib.sha256(data).digest()])
        assert tree.root == root, f"the root of batch {number} is that of its leaves"
        assert state == "self-asserted"
        verify_token(tokens[key], imprint=root, digest_algorithm="sha256", roots=roots)
        next_index, previous = last + 1, root
    assert next_index == len(log.leaves), "every item and audit entry is in a batch"


def check_sender(rig: Rig, log: Log, sender: SenderPart) -> None:
    """Check what a sender was promised: by its outbox, then by the engine."""
    accepted = sender.ledger.accepted
    assert len(accepted) == len(set(accepted)) == sender.target
    mine = {uuid for uuid, agent in log.agents.items() if agent == sender.jid}
    lost = [uuid for uuid in accepted if uuid not in mine]
    assert not lost, f"{sender.name}: {len(lost)} items lost, such as {lost[:3]}"
    invented = mine - sender.ledger.offered_uuids(sender.jid)
    assert not invented, f"{sender.name}: {len(invented)} items stored that were never offered"
    assert sender.waiting() == 0
    numbers = log.numbers.get(sender.jid, [])
    assert sorted(numbers) == list(range(len(numbers))), f"{sender.name}: origin_seq has no gap and no double"
    check_receipts(rig, log, sender)


def check_receipts(rig: Rig, log: Log, sender: SenderPart) -> None:
    """Check that the store honours every receipt, and that everything accepted has one."""
    confirmed: set[str] = set()
    for signed in sender.ledger.receipts():
        receipt = open_signed(Receipt, signed, rig.engine_key)
        assert (receipt.engine, receipt.epoch) == (log.engine, log.epoch)
        assert receipt.refused == []
        assert log.heads[receipt.log_index].hex() == receipt.head, "the receipt's head is the chain's at that index"
        for uuid, digest, index in receipt.committed:
            assert log.items.get(uuid) == (digest, index), f"the receipt for {uuid} is not honoured"
            assert index <= receipt.log_index
            confirmed.add(uuid)
    assert confirmed >= set(sender.ledger.accepted), f"{sender.name}: everything accepted has a receipt"


def is_in_order(numbers: list[int]) -> bool:
    """Tell whether a sender's items are in the log in the order in which it made them."""
    return all(before < after for before, after in pairwise(numbers))


def count_lines(log: str, *words: str) -> Counter[str]:
    """Return how often each line of a log that has all the words was logged, times left out."""
    lines = (line.partition(" ")[2].strip() for line in log.splitlines())
    return Counter(line for line in lines if all(word in line for word in words))
