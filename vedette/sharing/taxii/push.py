"""A collection of another TAXII server as a destination: it gets what it does not have yet, object by object.

What was sent is remembered (`Ledger`), so that the same again asks the server for nothing. An object that was posted
and not remembered, because we were killed in between, is posted again as the same version: a server takes it as there
already (TAXII 2.1, section 5.5), or refuses it, and then its manifest says that it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from vedette.sharing.exporter import ComeAgainError, Destination, Difference, Exported, ExportError, Outfit, Plan
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.taxii.filling import ANOTHER_PLAN
from vedette.sharing.taxii.holding import Held, Step, current_id, published, revoked, said, say, unsay
from vedette.sharing.taxii.ledger import Ledger
from vedette.sharing.taxii.planning import Statement
from vedette.sharing.taxii.resources import body_of, instant, version_of
from vedette.sharing.taxii.server import Posted, TaxiiServer

MOST_OBJECTS: Final = 500
"""Objects of an envelope."""

_BATCH: Final = 1_000
_FRAME: Final = 64
"""Bytes of an envelope beside its objects, at most."""

_PENDING: Final = 60.0
"""Seconds after which a server that still works on something is asked again."""


@dataclass(kw_only=True)
class _Work:
    """What differs between an investigation and what the collection was told."""

    differences: list[Difference] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    """What is held once an object was sent, of those that are to be."""
    noted: dict[str, Held | None] = field(default_factory=dict)
    """What is held without anything being sent."""
    names: dict[str, str] = field(default_factory=dict)
    """Ids there, where they differ from ours."""
    withdrawn: dict[str, Held] = field(default_factory=dict)
    """What is held once an object was revoked."""
    given: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    staying: int = 0
    """Observables that nobody says any more, and that cannot be revoked."""

    @property
    def notes(self) -> list[str]:
        if not self.staying:
            return []
        return [f"{self.staying} objects stay there that nobody says any more: they have no versions to revoke"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """An object on its way."""

    id: str
    """By which we know it."""
    there: str
    """Its id there."""
    version: str | None
    body: bytes

    def is_among(self, versions: Collection[int] | None) -> bool:
        """Tell whether a server that has these versions has it; of an observable it has one, or none."""
        if versions is None or self.version is None:
            return versions is not None
        return instant(self.version) in versions


@dataclass(kw_only=True)
class _Done:
    """What was done so far."""

    sent: int = 0
    requests: int = 0
    withheld: list[Withheld] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class TaxiiDestination(Destination):
    """A collection of another server."""

    def __init__(self, outfit: Outfit) -> None:
        """Describe it; nothing is asked yet.

        Raises:
            ConfigurationError: a setting cannot be used.
        """
        self._server = TaxiiServer(outfit)
        self._ledger = Ledger(outfit.memory)

    async def plan(self, investigation: Investigation) -> Plan:
        """Say what would be sent; see the base class."""
        statement = Statement(investigation)
        work = await self._compare(statement, str(investigation.uuid))
        return statement.plan(work.differences, notes=work.notes)

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Send what the server was not told yet; see the base class."""
        statement, group, done = Statement(investigation), str(investigation.uuid), _Done()
        work = await self._compare(statement, group)
        if only is not None and statement.digest(work.differences) != only:
            raise ExportError(ANOTHER_PLAN)
        if work.differences:
            await self._check_writable()
            # Before anything is sent: what is there must be found again, to be taken back.
            await self._ledger.keep_ids(group, work.before | work.given)
            most = await self._server.most_posted()
            await self._post(_changed(statement, work), work.held, most, done)
            await self._post(await self._revocations(work, done), work.withdrawn, most, done)
        await self._ledger.hold(work.noted)
        if work.given != work.before:
            await self._ledger.keep_ids(group, work.given)
        return Exported(
            sent=done.sent,
            unchanged=statement.total - len(work.held),
            requests=done.requests,
            withheld=[*investigation.withheld, *statement.withheld, *done.withheld],
            address=self._server.shown,
            notes=[*work.notes, *done.notes],
        )

    async def check(self) -> str:
        """Ask what the collection is; see the base class."""
        described = await self._check_writable()
        return f"TAXII 2.1 collection {str(described.get('title') or described.get('id'))[:200]}"

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._server.aclose()

    async def _check_writable(self) -> Mapping[str, Any]:
        described = await self._server.describe()
        if not described["can_write"]:
            raise ExportError(f"{self._server.shown}: does not let us write; ask who runs it")
        return described

    # What differs -----------------------------------------------------------------------

    async def _compare(self, statement: Statement, group: str) -> _Work:
        work = _Work(before=await self._ledger.ids_of(group))
        async for batch in _batches(statement.objects()):
            held = await self._ledger.held([str(one["id"]) for one in batch])
            for one in batch:
                self._weigh(work, group, one, held.get(str(one["id"])))
        gone = sorted(work.before - work.given)
        for id, was in (await self._ledger.held(gone)).items():
            after, goes = unsay(was, group, now=0)
            if goes and after is not None:
                work.withdrawn[id] = after
                work.names[id] = current_id(id, after.turn)
                work.differences.append(("remove", id))
            else:
                work.noted[id] = after
                work.staying += int(goes)
        return work

    @staticmethod
    def _weigh(work: _Work, group: str, value: Mapping[str, Any], held: Held | None) -> None:
        id = str(value["id"])
        work.given.add(id)
        after, step = say(held, group, said(value))
        if after.turn:
            work.names[id] = current_id(id, after.turn)
        if step is Step.NOTHING:
            if after is not held:
                work.noted[id] = after
            return
        work.held[id] = after
        work.differences.append(("add" if step is Step.ADD else "change", id))

    # Sending ----------------------------------------------------------------------------

    async def _revocations(self, work: _Work, done: _Done) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Return the last versions of what nobody says any more; the server has all else that is in them."""
        found = []
        for id, held in work.withdrawn.items():
            there = await self._server.find(work.names[id])
            if there is None:
                work.noted[id] = None
                done.notes.append(f"{work.names[id]} is not revoked: it is not there any more, or not shown to us")
            else:
                found.append((id, revoked(there, held)))
        return iter(found)

    async def _post(
        self,
        objects: Iterable[tuple[str, Mapping[str, Any]]],
        held: Mapping[str, Held],
        most: int,
        done: _Done,
    ) -> None:
        """Post objects in envelopes that are not too large, and remember each envelope that was taken."""
        envelope: list[_Sent] = []
        size = 0
        async for batch in _batches(objects):
            for id, value in batch:
                body = body_of(value)
                if len(body) > most - _FRAME:
                    reason = f"has {len(body)} bytes, and the server takes no more than {most} at once"
                    done.withheld.append(Withheld(what=f"object {value['id']}", reason=reason))
                    continue
                if envelope and (size + len(body) > most - _FRAME or len(envelope) == MOST_OBJECTS):
                    await self._post_one(envelope, held, done)
                    envelope, size = [], 0
                envelope.append(_Sent(id=id, there=str(value["id"]), version=version_of(value), body=body))
                size += len(body) + 1
        if envelope:
            await self._post_one(envelope, held, done)

    async def _post_one(self, envelope: Sequence[_Sent], held: Mapping[str, Held], done: _Done) -> None:
        posted = await self._server.post([one.body for one in envelope])
        done.requests += 1
        if posted.pending:
            reason = f"{self._server.shown}: still works on what it was sent; what it took is not known yet"
            raise ComeAgainError(reason, seconds=_PENDING)
        refused = await self._refused(envelope, posted)
        taken = [one for one in envelope if one.id not in refused]
        await self._ledger.hold({one.id: held[one.id] for one in taken})
        done.sent += len(taken)
        done.withheld += [
            Withheld(what=f"object {one.there}", reason=f"the server did not take it: {refused[one.id]}")
            for one in envelope
            if one.id in refused
        ]

    async def _refused(self, envelope: Sequence[_Sent], posted: Posted) -> Mapping[str, str]:
        """Return why objects are not there, by our ids.

        Some servers, such as OASIS' own, count it as a failure that they have an object already: who was killed
        before it could remember would never be done. So the manifest decides.
        """
        unnamed = "some of the request were not taken, and it does not say which"
        doubtful = [one for one in envelope if posted.unnamed or one.there in posted.failures]
        there = await self._server.versions([one.there for one in doubtful])
        return {
            one.id: posted.failures.get(one.there, unnamed)
            for one in doubtful
            if not one.is_among(there.get(one.there))
        }


def _changed(statement: Statement, work: _Work) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what is to be sent, by our ids; made anew, so that an investigation is never held twice."""
    for one in statement.objects():
        id = str(one["id"])
        if id in work.held:
            yield id, published(one, work.held[id], work.names)


async def _batches(values: Iterable[Any]) -> AsyncIterator[list[Any]]:
    """Yield values in batches, made in a thread."""
    iterator = iter(values)
    while batch := await asyncio.to_thread(lambda: list(islice(iterator, _BATCH))):
        yield batch
