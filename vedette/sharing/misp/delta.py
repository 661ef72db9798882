"""The smallest difference between what we say and what a MISP server holds. Pure.

Three states are compared, as a version control system merges: what the ledger remembers, what we say now, and what
the server holds. ADR 0038 says why the rules are these:

1. What only others added is never touched.
2. A field that only we changed since is sent. A field that a person changed there stays as it is, whether we changed
   it too or not; that is noted. The other fields of that child go on following us.
3. What we no longer say is soft-deleted, also where a person edited it: it may no longer be ours to share. An object
   in which a person added something stays, and loses only what is ours.
4. What we withdrew and say again is undeleted. What a person deleted, or took a tag of ours off, stays so.
5. What the server refused is not sent again before it changes, or the server does.
6. Without a memory, a child of ours is known by its UUID, which is made of its value; the newer timestamp wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from vedette.sharing.exporter import Change
from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.holding import FIELDS, Child, Holding, digest, one_line
from vedette.sharing.misp.ledger import Digests, Entry, Ledger, digests_of

Action = Literal["add", "change", "remove", "restore"]

NO_TAGGING = "the key's role may not attach tags: give it the permission `perm_tagger` on the server"


@dataclass(slots=True)
class Step:
    """What is done to one child."""

    action: Action
    child: Child
    """As we say it; of a removal as the server has it."""
    theirs: Child | None
    """As the server has it; None: it has not."""
    fields: tuple[str, ...] = ()
    """What changes of it."""
    attach: frozenset[str] = frozenset()
    """Tags."""
    detach: frozenset[str] = frozenset()

    @property
    def timestamp(self) -> int:
        """Seconds: newer than what the server has, or it would not look at it; and never older than our own."""
        return max(self.child.timestamp, 0 if self.theirs is None else self.theirs.timestamp + 1)


@dataclass(slots=True)
class Delta:
    """All that is done to one event."""

    steps: list[Step] = field(default_factory=list)
    kept: dict[str, frozenset[str]] = field(default_factory=dict)
    """Fields, by UUID, that a person changed and that stay."""
    notes: list[str] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    unchanged: int = 0

    def changes(self) -> list[Change]:
        """Return all of it, to be read."""
        return [change for step in self.steps for change in _changes_of(step)]


def difference(
    ours: Holding,
    theirs: Holding,
    ledger: Ledger,
    *,
    version: str,
    tagging: bool,
    made_here: Callable[[Child], bool],
) -> Delta:
    """Return what makes a server's event say what we say, by the rules above.

    Args:
        ours: what we say.
        theirs: what the server holds, deleted children included; empty: it has no such event.
        ledger: what is remembered of it.
        version: the server's.
        tagging: whether the key's role may attach tags.
        made_here: whether a child's UUID is one that we would have given it.
    """
    return _Comparison(ours, theirs, ledger.entries, version, tagging, made_here).compare()


class _Comparison:
    def __init__(
        self,
        ours: Holding,
        theirs: Holding,
        entries: Mapping[str, Entry],
        version: str,
        tagging: bool,
        made_here: Callable[[Child], bool],
    ) -> None:
        self._ours = ours
        self._theirs = theirs
        self._entries = entries
        self._version = version
        self._tagging = tagging
        self._made_here = made_here
        self._absent: set[str] = set()
        # Objects that will not be there: what is in them needs no words of its own.
        self._delta = Delta()

    def compare(self) -> Delta:
        for uuid, child in self._ours.items():
            if child.parent not in self._absent:
                self._say(child, self._theirs.get(uuid), self._entries.get(uuid))
        gone = [child for uuid, child in self._theirs.items() if uuid not in self._ours and not child.deleted]
        for child in gone:
            self._unsay(child, self._entries.get(child.uuid))
        if not self._tagging and any(child.tags for child in self._ours.values()):
            names = ", ".join(sorted({name for child in self._ours.values() for name in child.tags}))
            self._delta.withheld.append(Withheld(what=one_line(f"tags {names}"), reason=NO_TAGGING))
        return self._delta

    def _say(self, child: Child, theirs: Child | None, entry: Entry | None) -> None:
        if theirs is None:
            self._say_new(child, entry)
        elif theirs.deleted:
            self._say_again(child, theirs, entry)
        else:
            self._say_there(child, theirs, entry)

    def _say_new(self, child: Child, entry: Entry | None) -> None:
        if entry is not None and entry.state == "said":
            self._leave(child, f"{child.shown}: removed there by somebody; it stays removed")
        elif entry is not None and self._refused(child, entry):
            self._leave(child, None)
            self._delta.withheld.append(Withheld(what=child.shown, reason=entry.reason))
        else:
            self._delta.steps.append(Step("add", child, None, attach=self._taggable(child.tags)))

    def _say_again(self, child: Child, theirs: Child, entry: Entry | None) -> None:
        if entry is None or entry.state in {"said", "refused"}:
            self._leave(child, f"{child.shown}: deleted there by somebody; it stays deleted until they restore it")
            return
        step = self._step("restore", child, theirs, entry)
        self._delta.steps.append(step)

    def _say_there(self, child: Child, theirs: Child, entry: Entry | None) -> None:
        step = self._step("change", child, theirs, entry)
        if step.fields or step.attach or step.detach:
            self._delta.steps.append(step)
            return
        self._delta.unchanged += 1
        if entry is not None and entry.reason and child.fields != theirs.fields:
            self._delta.withheld.append(Withheld(what=child.shown, reason=entry.reason))

    def _step(self, action: Action, child: Child, theirs: Child, entry: Entry | None) -> Step:
        changed, kept = _merge(child, theirs, entry)
        if kept:
            self._delta.kept[child.uuid] = frozenset(kept)
            self._delta.notes.append(f"{child.shown}: {', '.join(kept)} changed there by somebody; that stays")
        attach, detach, missed = _merge_tags(child, theirs, entry)
        if missed:
            self._delta.notes.append(f"{child.shown}: tags {', '.join(sorted(missed))} removed there; that stays")
        return Step(action, child, theirs, tuple(changed), self._taggable(attach), self._taggable(detach))

    def _taggable(self, tags: frozenset[str]) -> frozenset[str]:
        return tags if self._tagging else frozenset()

    def _leave(self, child: Child, note: str | None) -> None:
        if child.kind == "object":
            self._absent.add(child.uuid)
        if note is not None:
            self._delta.notes.append(note)

    def _refused(self, child: Child, entry: Entry) -> bool:
        return entry.state == "refused" and entry.version == self._version and entry.said == digests_of(child)

    def _unsay(self, child: Child, entry: Entry | None) -> None:
        if child.kind == "event" or not self._is_ours(child, entry):
            return
        if entry is not None and entry.state == "withdrawn":
            self._delta.notes.append(f"{child.shown}: withdrawn by us, restored there by somebody; it is theirs now")
        elif child.kind == "object" and self._has_others(child):
            self._delta.notes.append(f"{child.shown}: no longer said by us; it stays for what others added to it")
        else:
            self._delta.steps.append(Step("remove", child, child))

    def _is_ours(self, child: Child, entry: Entry | None) -> bool:
        return entry.state != "refused" if entry is not None else self._made_here(child)

    def _has_others(self, item: Child) -> bool:
        inside = (child for child in self._theirs.values() if child.parent == item.uuid and not child.deleted)
        return any(not self._is_ours(child, self._entries.get(child.uuid)) for child in inside)


def _merge(child: Child, theirs: Child, entry: Entry | None) -> tuple[list[str], list[str]]:
    """Return the fields that change, and those that a person changed and that stay."""
    changed: list[str] = []
    kept: list[str] = []
    if child.fields == theirs.fields:
        return changed, kept
    for position, name in enumerate(FIELDS[child.kind]):
        mine, other = child.fields[position], theirs.fields[position]
        if mine is None or other is None or mine == other:
            continue
        we_moved, they_moved = _moved(position, child, theirs, entry)
        if they_moved:
            kept.append(name)
        elif we_moved:
            changed.append(name)
    return changed, kept


def _moved(position: int, child: Child, theirs: Child, entry: Entry | None) -> tuple[bool, bool]:
    mine, other = digest(child.fields[position]), digest(theirs.fields[position])
    said = _at(entry, "said", position, child)
    meant = _at(entry, "meant", position, child)
    if said is not None:
        held = _at(entry, "held", position, child)
        if other != held and other == meant:
            # What we meant to say had arrived, although nobody told us.
            return mine != meant, False
        return mine != said, other != held
    if meant is not None:
        return mine != meant, other != meant
    return True, theirs.timestamp > child.timestamp


def _at(entry: Entry | None, name: Literal["said", "held", "meant"], position: int, child: Child) -> str | None:
    """Return what is remembered of a field; None: nothing, or of a release with other fields."""
    if entry is None or entry.state == "refused":
        return None
    remembered: Digests = getattr(entry, name)
    return remembered[position] if len(remembered) == len(FIELDS[child.kind]) else None


def _merge_tags(
    child: Child, theirs: Child, entry: Entry | None
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the tags to attach, to detach, and those that a person took off."""
    if child.tags == theirs.tags:
        return frozenset(), frozenset(), frozenset()
    ours_once = frozenset() if entry is None else frozenset(entry.tags)
    # While an intention stands, a tag that is missing may simply not have arrived.
    taken_off = ours_once - theirs.tags if entry is not None and not entry.meant else frozenset()
    missing = child.tags - theirs.tags
    return missing - taken_off, (ours_once - child.tags) & theirs.tags, missing & taken_off


def _changes_of(step: Step) -> list[Change]:
    shown = step.child.shown
    found: list[Change] = []
    if step.action != "change":
        found.append(Change(action=step.action, what=shown))
    names = FIELDS[step.child.kind]
    for name in step.fields:
        position = names.index(name)
        before = None if step.theirs is None else step.theirs.fields[position]
        after = step.child.fields[position]
        found.append(
            Change(
                action="change",
                what=f"{shown}: {name}",
                before=one_line(before or "", most=80),
                after=one_line(after or "", most=80),
            )
        )
    where = "" if step.child.kind == "event" else f" of {shown}"
    found += [Change(action="add", what=f"tag {name}{where}") for name in sorted(step.attach)]
    found += [Change(action="remove", what=f"tag {name}{where}") for name in sorted(step.detach)]
    return found
