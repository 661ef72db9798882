"""What the ledger says before an export's requests, and what after their outcome was read back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.delta import Delta, Step
from vedette.sharing.misp.holding import FIELDS, Child, Holding
from vedette.sharing.misp.ledger import Digests, Entry, Ledger, State, digests_of

NOT_TAKEN = "the server answered that all is well, and did not keep it"
NOT_DELETED = "the server answered that all is well, and did not delete it; it is tried again"
NOT_CHANGED = "the server keeps another form of it"

_UNKNOWN = "?"
"""A digest that is never one: what a person changed before we remembered anything is theirs."""


@dataclass(slots=True)
class Outcome:
    """What came of the steps of a delta."""

    confirmed: int = 0
    """Changes that are there."""
    missing: list[Step] = field(default_factory=list)
    """Steps that left nothing behind."""
    withheld: list[Withheld] = field(default_factory=list)


def intended(ledger: Ledger, delta: Delta, *, publish: bool) -> Ledger:
    """Return the ledger to keep before anything is sent."""
    written = ledger.copy()
    written.publish = ledger.publish or (publish and bool(delta.steps))
    for step in delta.steps:
        uuid = step.child.uuid
        before = ledger.entries.get(uuid, Entry("pending"))
        written.entries[uuid] = _intention(step, before)
    return written


def judged(delta: Delta, after: Holding, reasons: Mapping[str, str]) -> Outcome:
    """Return what came of a delta.

    Args:
        delta: what was sent.
        after: what the server holds now.
        reasons: why it did not take some, by UUID, where that is known.
    """
    outcome = Outcome()
    for step in delta.steps:
        problem = _problem(step, after.get(step.child.uuid))
        if problem is None:
            outcome.confirmed += max(1, len(step.fields)) + len(step.attach) + len(step.detach)
            continue
        outcome.missing.append(step)
        outcome.withheld.append(Withheld(what=step.child.shown, reason=reasons.get(step.child.uuid, problem)))
    return outcome


def overtaken(step: Step, there: Child | None) -> bool:
    """Tell whether somebody changed a child after we read it, so that ours was too old for the server to look at."""
    before = 0 if step.theirs is None else step.theirs.timestamp
    return there is not None and there.timestamp > max(before, step.timestamp)


def settled(
    ledger: Ledger,
    delta: Delta,
    *,
    ours: Holding,
    after: Holding,
    reasons: Mapping[str, str],
    version: str,
) -> Ledger:
    """Return the ledger to keep once the server's state was read back.

    Args:
        ledger: as it was before the export.
        delta: what was sent; without steps: nothing was.
        ours: what we say.
        after: what the server holds now.
        reasons: why it did not take some, by UUID.
        version: the server's.
    """
    steps = {step.child.uuid: step for step in delta.steps}
    kept = Ledger(publish=ledger.publish)
    for uuid, child in ours.items():
        entry = _said(child, after.get(uuid), ledger.entries.get(uuid), steps.get(uuid), delta, reasons, version)
        if entry is not None:
            kept.entries[uuid] = entry
    for uuid, entry in ledger.entries.items():
        if uuid not in ours and (there := after.get(uuid)) is not None:
            kept.entries[uuid] = _unsaid(entry, there, steps.get(uuid))
    return kept


def _intention(step: Step, before: Entry) -> Entry:
    if step.action == "remove":
        return replace(before, state="withdrawing", meant=())
    tags = tuple(sorted({*before.tags, *step.attach}))
    meant = digests_of(step.child)
    if step.action == "add":
        return Entry("pending", meant=meant, tags=tags)
    state: State = "said" if before.state == "said" else "pending"
    return replace(before, state=state, meant=meant, tags=tags, reason="", version="")


def _problem(step: Step, there: Child | None) -> str | None:
    gone = there is None or there.deleted
    if step.action == "remove":
        return None if gone else NOT_DELETED
    if there is None or gone:
        return NOT_TAKEN
    if not step.attach <= there.tags:
        return f"the server did not attach the tags {', '.join(sorted(step.attach - there.tags))}"
    if step.detach & there.tags:
        return f"the server did not take off the tags {', '.join(sorted(step.detach & there.tags))}"
    if step.theirs is not None and any(_same(step.theirs, there, name) for name in step.fields):
        return NOT_CHANGED
    return None


def _same(before: Child, there: Child, name: str) -> bool:
    position = FIELDS[there.kind].index(name)
    return there.fields[position] is not None and before.fields[position] == there.fields[position]


def _said(
    child: Child,
    there: Child | None,
    before: Entry | None,
    step: Step | None,
    delta: Delta,
    reasons: Mapping[str, str],
    version: str,
) -> Entry | None:
    if there is None or there.deleted:
        if step is None or step.action != "add":
            return before
        reason = reasons.get(child.uuid, NOT_TAKEN)
        return Entry("refused", said=digests_of(child), reason=reason, version=version)
    said, held = digests_of(child), digests_of(there)
    kept = delta.kept.get(child.uuid)
    if kept:
        said, held = _with_kept(child, kept, said, held, before)
    once = () if before is None else before.tags
    tags = (child.tags & there.tags) | (child.tags & set(once))
    problem = None if step is None else _problem(step, there)
    reason = before.reason if step is None and before is not None and before.state == "said" else ""
    if problem is not None:
        reason = reasons.get(child.uuid, problem)
    return Entry("said", said=said, held=held, tags=tuple(sorted(tags)), reason=reason)


def _with_kept(
    child: Child, kept: frozenset[str], said: Digests, held: Digests, before: Entry | None
) -> tuple[Digests, Digests]:
    """Return what we said and what was held, without what a person changed: that is measured from what was before."""
    old = before if before is not None and len(before.said) == len(said) else None
    names = FIELDS[child.kind]
    positions = [position for position, name in enumerate(names) if name in kept]
    new_said, new_held = list(said), list(held)
    for position in positions:
        new_said[position] = said[position] if old is None else old.said[position]
        new_held[position] = _UNKNOWN if old is None else old.held[position]
    return tuple(new_said), tuple(new_held)


def _unsaid(entry: Entry, there: Child, step: Step | None) -> Entry:
    if there.deleted:
        # By us, or by a person while we still said it: theirs stays deleted when we say it again.
        ours = step is not None or entry.state in {"withdrawing", "withdrawn"}
        return replace(entry, state="withdrawn" if ours else entry.state, meant=(), reason="", version="")
    if step is not None:
        return replace(entry, state="withdrawing", meant=())
    return entry
