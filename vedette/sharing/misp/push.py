"""One event brought to one server: read, compare, remember what is meant, send, read back, publish, remember.

Whatever happens in between, doing it again ends where it would have ended: what is there is read first, every id is
made of what it stands for, and the ledger knows what was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.sharing.exporter import MAX_SHOWN, Change, ComeAgainError, Exported, ExportError, Memory, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.misp.delta import Delta, Step, difference
from vedette.sharing.misp.explaining import explain
from vedette.sharing.misp.holding import Holding, flag_of, holding_of, seconds_of
from vedette.sharing.misp.ledger import Ledger, read_ledger, write_ledger
from vedette.sharing.misp.outcome import intended, judged, overtaken, settled
from vedette.sharing.misp.parcels import Document, digest_of, parcels
from vedette.sharing.misp.refusal import MispRefusalError
from vedette.sharing.misp.server import About, Event, MispServer
from vedette.sharing.misp.sightings import Sighting, new_sightings, read_marks, write_marks
from vedette.sharing.misp.wish import Wish

ATTEMPTS: Final = 3
"""How often an export begins anew because somebody changed the event between our reading and our writing."""

RACE_TIME: Final = 60.0
"""Seconds that an event is left alone in which somebody works."""

MAX_NOTES: Final = 100
"""Notes of one export that are kept; the rest is counted."""

NO_PUBLISHING = "the key's role may not publish: give it the permission `perm_publish` on the server"
UNPUBLISHED = "the event was published: MISP takes that back when it changes; publish it there, or set publish"
NOT_ADDED = "somebody may have deleted it there, or another organisation has it out of our sight; it is not renamed"
NEVER_REMADE = (
    "the event was there and is not any more: somebody deleted it, or took it out of our sight; it is not made "
    "again. Who wants to share this again does so under another name of a share"
)


@dataclass(kw_only=True)
class _State:
    """What was read, and what follows from it."""

    ledger: Ledger
    text: str | None
    theirs: Holding
    delta: Delta
    documents: list[Document]
    publish: bool
    """Whether the event is published after it."""
    unpublishes: bool
    """Whether a person published what is changed now, which takes it back."""
    sightings: list[Sighting]
    marks: Mapping[str, int]
    text_of_marks: str | None


class Push:
    """One event for one server."""

    def __init__(
        self, wish: Wish, *, server: MispServer, memory: Memory, about: About, found: Sequence[Event | None] = ()
    ) -> None:
        """Describe it.

        Args:
            wish: what is to be there.
            server: where.
            memory: what we remember of the server.
            about: who we are there.
            found: what was just read of the event, where that was done; read once, then it is read anew.
        """
        self._found = list(found)
        self._wish = wish
        self._server = server
        self._memory = memory
        self._about = about
        self.event = str(wish.event["uuid"])
        """UUID of the event that is written."""
        self._key = f"event {self.event}"
        self._seen = f"sightings {self.event}"
        self._ours = holding_of(wish.event)

    async def plan(self) -> Plan:
        """Say what would be done.

        Raises:
            ExportError: the event was deleted there.
            ComeAgainError, ConnectionFailedError, StoreError: as the parts say.
        """
        state = await self._read()
        changes = self._changes(state)
        return Plan(
            digest=digest_of(state.documents, publish=state.publish),
            changes=changes[:MAX_SHOWN],
            total=len(changes),
            withheld=self._withheld(state),
            notes=self._notes(state),
        )

    async def send(self, *, only: str | None) -> Exported:
        """Do it.

        Args:
            only: digest of the plan that was approved; None: whatever is needed.

        Raises:
            ExportError: the server refuses, or it is another plan by now.
            ComeAgainError: somebody works on the event, or the server is busy.
            ConnectionFailedError, StoreError: as the parts say.
        """
        before = self._server.writes
        for _ in range(ATTEMPTS):
            state = await self._read()
            if only is not None and digest_of(state.documents, publish=state.publish) != only:
                raise ExportError(
                    "the event or what is to be sent changed since the plan was approved: plan it again"
                )
            exported = await self._carry_out(state, writes=before)
            if exported is not None:
                return exported
        message = f"event {self.event}: somebody changed it {ATTEMPTS} times while it was written"
        raise ComeAgainError(message, seconds=RACE_TIME)

    async def _read(self) -> _State:
        remembered = await self._memory.recall([self._key, self._seen])
        text, text_of_marks = remembered.get(self._key), remembered.get(self._seen)
        ledger = read_ledger(text)
        event = self._found.pop() if self._found else await self._server.event(self.event)
        if event is None and ledger.known:
            raise ExportError(f"event {self.event}: {NEVER_REMADE}{await self._blocked()}")
        theirs: Holding = {} if event is None else holding_of(event)
        published = event is not None and flag_of(event.get("published"))
        delta = self._difference(theirs, ledger)
        sightings, marks = self._sightings(read_marks(text_of_marks), theirs)
        publish = self._publishes(event, ledger, delta)
        return _State(
            ledger=ledger,
            text=text,
            theirs=theirs,
            delta=delta,
            documents=parcels(delta, self._ours, theirs),
            publish=publish,
            unpublishes=published and bool(delta.steps) and not publish,
            sightings=sightings,
            marks=marks,
            text_of_marks=text_of_marks,
        )

    def _difference(self, theirs: Holding, ledger: Ledger) -> Delta:
        if not theirs and len(self._ours) == 1:
            # There is nothing to say of it, and nothing there: no empty event is made.
            return Delta()
        return difference(
            self._ours,
            theirs,
            ledger,
            version=self._about.version,
            tagging=self._about.tagging,
            made_here=self._wish.made_here,
        )

    def _sightings(self, marks: Mapping[str, int], theirs: Holding) -> tuple[list[Sighting], Mapping[str, int]]:
        return new_sightings(self._ours, marks, there=theirs) if self._wish.sightings else ([], marks)

    def _publishes(self, event: Event | None, ledger: Ledger, delta: Delta) -> bool:
        if not (self._wish.publish and self._about.publishing):
            return False
        if delta.steps or event is None:
            return bool(delta.steps)
        never = not seconds_of(event.get("publish_timestamp"))
        return not flag_of(event.get("published")) and (ledger.publish or never)

    async def _blocked(self) -> str:
        known = await self._server.blocked(self.event)
        return {True: "; it is on that list", False: "; it is not on that list", None: ""}[known]

    async def _carry_out(self, state: _State, *, writes: int) -> Exported | None:
        """Return what was done; None: somebody else was faster, and it begins anew."""
        applied = await self._apply(state) if state.documents else (state.theirs, {})
        if applied is None:
            return None
        after, reasons = applied
        outcome = judged(state.delta, after, reasons)
        await self._settle(state, after, reasons)
        told = await self._tell_sightings(state)
        return Exported(
            sent=outcome.confirmed + int(state.publish) + told,
            unchanged=state.delta.unchanged,
            requests=self._server.writes - writes,
            withheld=(*self._withheld(state), *outcome.withheld),
            notes=self._notes(state),
        )

    async def _apply(self, state: _State) -> tuple[Holding, Mapping[str, str]] | None:
        """Send what differs; return what is there now, and why some is not. None: it was overtaken."""
        await self._remember(state, intended(state.ledger, state.delta, publish=self._wish.publish))
        if not await self._write(state):
            return None
        after = await self._held()
        missing = judged(state.delta, after, {}).missing
        if any(overtaken(step, after.get(step.child.uuid)) for step in missing):
            return None
        if not missing:
            return after, {}
        after = await self._remove_references(missing, after)
        reasons, after = await explain(missing, after, server=self._server, event=self.event)
        return after, reasons

    async def _settle(self, state: _State, after: Holding, reasons: Mapping[str, str]) -> None:
        """Remember what is there, and publish it."""
        kept = settled(
            state.ledger, state.delta, ours=self._ours, after=after, reasons=reasons, version=self._about.version
        )
        kept.publish = self._wish.publish and (state.ledger.publish or bool(state.documents))
        if state.publish:
            await self._remember(state, kept)
            await self._server.publish(self.event)
            kept.publish = False
        if after:
            await self._remember(state, kept)

    async def _write(self, state: _State) -> bool:
        """Send the documents; False: the event is another by now than the one that was read."""
        exists = bool(state.theirs)
        try:
            for document in state.documents:
                if exists:
                    await self._server.edit(self.event, document)
                else:
                    await self._server.add(document)
                    exists = True
        except MispRefusalError as error:
            if _stamp(await self._held(), self.event) != _stamp(state.theirs, self.event):
                return False
            if exists:
                raise
            raise ExportError(f"{error}; {NOT_ADDED}") from error
        return True

    async def _held(self) -> Holding:
        return holding_of(await self._server.event(self.event) or {})

    async def _remove_references(self, missing: Sequence[Step], after: Holding) -> Holding:
        """Remove references one by one that the server did not remove with the rest."""
        left = [step.child for step in missing if step.action == "remove" and step.child.kind == "reference"]
        for reference in left:
            await self._server.remove_reference(reference.uuid)
        return await self._held() if left else after

    async def _remember(self, state: _State, ledger: Ledger) -> None:
        text = write_ledger(ledger)
        if text != state.text:
            await self._memory.remember({self._key: text})
            state.text = text

    async def _tell_sightings(self, state: _State) -> int:
        if not self._wish.sightings:
            return 0
        text = write_marks(state.marks)
        if text != state.text_of_marks:
            # Remembered first: a sighting that is told twice is counted twice, and nobody could tell.
            await self._memory.remember({self._seen: text})
        for sighting in state.sightings:
            await self._server.sight(sighting.attribute, when=sighting.when, source=self._wish.source)
        return len(state.sightings)

    def _changes(self, state: _State) -> list[Change]:
        changes = state.delta.changes()
        if state.publish:
            changes.append(Change(action="change", what="publication", before="", after="published"))
        told = [
            Change(action="add", what=f"sighting of {self._ours[sighting.attribute].shown}")
            for sighting in state.sightings
        ]
        return changes + told

    def _withheld(self, state: _State) -> tuple[Withheld, ...]:
        refused = self._wish.publish and not self._about.publishing
        publication = [Withheld(what="publication", reason=NO_PUBLISHING)] if refused else []
        return (*self._wish.withheld, *state.delta.withheld, *publication)

    def _notes(self, state: _State) -> tuple[str, ...]:
        unpublished = [UNPUBLISHED] if state.unpublishes else []
        notes = [*self._wish.notes, *unpublished, *state.delta.notes]
        more = [f"and {len(notes) - MAX_NOTES} more of this kind"] if len(notes) > MAX_NOTES else []
        return (*notes[:MAX_NOTES], *more)


def _stamp(held: Holding, uuid: str) -> int | None:
    return held[uuid].timestamp if uuid in held else None
