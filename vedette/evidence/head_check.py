"""Heads of logs then and now: a log only grows, and never becomes another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vedette.evidence.finding import Finding
from vedette.evidence.sweep_checks import LogPlace
from vedette.messages.heads import ChainHead


def follow_heads(known: Iterable[ChainHead], present: Sequence[ChainHead]) -> tuple[list[ChainHead], list[Finding]]:
    """Return the heads to sign next, and what is wrong with those that are present.

    A log that went back or became another one is signed as it was before: what was seen once stays said.

    Args:
        known: what was signed last.
        present: what the store says now.
    """
    heads = {(head.engine, head.epoch): head for head in present}
    findings: list[Finding] = []
    for old in known:
        new = heads.get((old.engine, old.epoch))
        problem = _problem(old, new)
        if problem is not None:
            findings.append(problem)
            heads[old.engine, old.epoch] = old
    return [heads[name] for name in sorted(heads)], findings


def _problem(old: ChainHead, new: ChainHead | None) -> Finding | None:
    log = LogPlace(engine=old.engine, epoch=old.epoch)
    if new is None:
        text = f"the log of {old.next_index} entries is not in the store any more"
        return Finding(kind="truncated", place=log.end, text=text)
    if new.next_index < old.next_index:
        text = f"{old.next_index} entries were signed, the log has {new.next_index}: its tail was cut off"
        return Finding(kind="truncated", place=log.item(new.next_index), text=text)
    if new.next_index == old.next_index and new.head != old.head:
        place = log.item(old.next_index - 1)
        return Finding(kind="rewritten", place=place, text="the log up to here is not the one signed")
    return None
