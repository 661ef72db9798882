"""Running exports: gathered, planned, sent and settled, one after the other; by the agent and by `vedette export`.

Whatever goes wrong ends up in the export's row with its cause: what may be better later is tried again with backoff,
what somebody has to see to is given up at once, and a broken exporter is a failure like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random, SystemRandom
from secrets import token_hex
from typing import Any, Final, TypeVar

from registry.callers import Actor
from registry.export_destinations import ExportDestinations
from registry.export_readiness import Readiness, ShareReadiness
from registry.export_taking import LEASE, ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from vedette.errors import (
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    RefusedError,
    StoreError,
    VedetteError,
)
from vedette.log import logger
from vedette.sharing.exporter import ComeAgainError, Destination, Exported, ExportError
from vedette.sharing.gathering import Gathering
from vedette.sharing.investigation import Investigation, Withheld
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

T = TypeVar("T")
TakenT = TypeVar("TakenT", bound=Export | None)

MAX_ATTEMPTS: Final = 40
"""Attempts at an export before it is given up: most of a day, with the pauses between them."""

TIME_LIMIT: Final = 3_600.0
"""Seconds that one attempt may take."""

_FIRST, _MOST = 5.0, 1_800.0
"""Seconds after a first failure, and at most."""

_LOOK_AGAIN: Final = 2.0
"""Seconds until what waits for something else is looked at again."""

_CAUSE: Final = 400
"""Characters of a broken exporter's own words that are kept."""


class ExportRunner:
    """Runs exports in the name of one process, one at a time for each call."""

    def __init__(
        self,
        *,
        exports: Exports,
        destinations: ExportDestinations,
        gathering: Gathering,
        name: str,
        readiness: ShareReadiness | None = None,
        lease: int = LEASE,
        time_limit: float = TIME_LIMIT,
        randomness: Random | None = None,
    ) -> None:
        """Describe it.

        Args:
            exports: where they are.
            destinations: where they go.
            gathering: brings what they are about.
            name: whose they are while they run: an agent's JID, or a command line.
            readiness: says what an export of a share waits for; None: for nothing.
            lease: seconds that an export is held without a sign of life.
            time_limit: seconds that one attempt may take.
            randomness: spreads attempts.
        """
        self._exports = exports
        self._destinations = destinations
        self._gathering = gathering
        self._readiness = readiness
        self._time_limit = time_limit
        self._renew_every = lease / 4
        self._random = randomness or SystemRandom()
        self._by = Actor(who=f"agent {name}" if "@" in name else name, origin="sharing")
        self._taking = ExportTaking(exports=exports, runner=Runner(name=name, life=token_hex(8)), seconds=lease)
        self._log = logger("export", runner=name)

    async def run_next(self) -> Export | None:
        """Run the export that is due first; None: nothing is due.

        Raises:
            StoreError: the store cannot be read or written; the export is begun again later.
        """
        export = await self._taken(self._taking.lease())
        return None if export is None else await self._run(export)

    async def run_one(self, uuid: str) -> Export:
        """Run one export now, whenever its turn would come.

        Raises:
            UnknownExportError: there is none.
            ConflictError: it does not wait, or another of its destination runs.
            StoreError: as above.
        """
        return await self._run(await self._taken(self._taking.take(uuid)))

    async def check(self, destination: str) -> str:
        """Ask a destination whether it is there and takes the key; returns what it says of itself.

        Raises:
            RefusedError: there is none of this name.
            ConfigurationError: its settings cannot be used.
            ConnectionFailedError: it does not answer, is not trusted or refuses the key.
            ExportError: its exporter has no destinations.
        """
        connected = await asyncio.to_thread(self._destinations.connect, destination)
        try:
            return await connected.check()
        finally:
            await connected.aclose()

    # One export ----------------------------------------------------------------------

    async def _taken(self, taking: Coroutine[Any, Any, TakenT]) -> TakenT:
        """Return what is taken; who is stopped meanwhile gives it back: the store's transaction ends by itself."""
        task = asyncio.ensure_future(taking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            with suppress(VedetteError):
                if (export := await task) is not None:
                    await self._give_back(export)
            raise

    async def _give_back(self, export: Export) -> None:
        """Let whoever comes next begin an export again: this process was stopped, not lost."""
        with suppress(ConflictError, StoreError):
            await asyncio.shield(self._taking.put_off(export.uuid, "its process was stopped", seconds=0))

    async def _run(self, export: Export) -> Export:
        """Bring an export as far as it goes, holding on to it meanwhile."""
        keeping = asyncio.create_task(self._keep(export.uuid), name="keep export")
        working = asyncio.create_task(self._settled(export), name="run export")
        try:
            await asyncio.wait((keeping, working), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                # Another process has it by now: nothing more may be sent in its name.
                await _ended(working)
                self._log.warning("export was taken away", export=export.uuid, destination=export.destination)
                return await self._exports.get(export.uuid)
            return working.result()
        except ConflictError as error:
            self._log.warning("export was taken away", export=export.uuid, reason=str(error))
            return await self._exports.get(export.uuid)
        except asyncio.CancelledError:
            await _ended(working)
            await self._give_back(export)
            raise
        finally:
            await _ended(keeping)

    async def _keep(self, uuid: str) -> None:
        """Renew the lease until it is lost; what the store refuses for a moment is tried again within the lease."""
        while True:
            await asyncio.sleep(self._renew_every)
            try:
                await self._taking.renew(uuid)
            except ConflictError:
                return
            except StoreError as error:
                self._log.warning("lease not renewed", export=uuid, reason=str(error))

    async def _settled(self, export: Export) -> Export:
        """Try an export, and say what became of it."""
        try:
            async with asyncio.timeout(self._time_limit):
                settle = await self._bring(export)
        except ComeAgainError as error:
            settle = self._later(export, str(error), seconds=error.seconds)
        except (ConnectionFailedError, StoreError) as error:
            settle = self._later(export, str(error), seconds=await self._pause(export))
        except TimeoutError:
            reason = f"took longer than {self._time_limit:.0f} s and was stopped"
            settle = self._later(export, reason, seconds=await self._pause(export))
        except (ExportError, RefusedError, ConfigurationError) as error:
            settle = self._gives_up(export, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary to exporters, which may be others' plug-ins
            settle = self._gives_up(export, self._cause(export, error))
        return await settle()

    async def _bring(self, export: Export) -> Settle:
        """Gather, plan and send; returns how that is to be settled."""
        ready = await self._ready(export)
        if ready.reason:
            reason = ready.reason
            return lambda: self._taking.put_off(export.uuid, reason, seconds=_LOOK_AGAIN)
        policy = self._exports.sharing.policy_of(export.destination)
        selection = Selection.parse(export.select, clock=self._exports.clock)
        investigation = await self._gathering.gather(selection, policy=policy, bundles=policy.evidence)
        destination = await asyncio.to_thread(self._destinations.connect, export.destination)
        try:
            settle = await self._speak(export, destination, investigation)
        finally:
            await destination.aclose()
        if ready.follows is not None:
            await self._follow(export, ready.follows)
        return settle

    async def _speak(self, export: Export, destination: Destination, investigation: Investigation) -> Settle:
        """Plan or send an investigation."""
        uuid, title, kept = export.uuid, investigation.title, investigation.withheld
        if not (export.dry_run or export.approval):
            exported = await destination.send(investigation)
            return lambda: self._done(export, exported, investigation)
        made = await destination.plan(investigation)
        plan = replace(made, withheld=_together(kept, made.withheld))
        if export.dry_run:
            return lambda: self._taking.planned(uuid, plan, title=title)
        if plan.total == 0:
            nothing = Exported(withheld=plan.withheld, notes=plan.notes)
            return lambda: self._taking.done(uuid, nothing, title=title, plan=plan)
        if plan.digest != export.approved:
            changed = "what would be sent changed after it was approved; look again" if export.approved else ""
            return lambda: self._taking.approval(uuid, plan, title=title, reason=changed)
        exported = await destination.send(investigation, only=plan.digest)
        return lambda: self._done(export, exported, investigation)

    async def _done(self, export: Export, exported: Exported, investigation: Investigation) -> Export:
        whole = replace(exported, withheld=_together(investigation.withheld, exported.withheld))
        self._log.info(
            "exported",
            export=export.uuid,
            destination=export.destination,
            investigation=export.key,
            sent=exported.sent,
            unchanged=exported.unchanged,
            withheld=len(whole.withheld),
        )
        return await self._taking.done(export.uuid, whole, title=investigation.title)

    async def _ready(self, export: Export) -> Readiness:
        return Readiness() if self._readiness is None else await self._readiness.of(export)

    async def _follow(self, export: Export, seconds: float) -> None:
        """Ask for another export, as this one goes without what is not there yet."""
        again = ExportRequest(
            select=export.select, destination=export.destination, share=export.share, approval=export.approval
        )
        await self._exports.request(again, by=self._by, settle=seconds)

    # What goes wrong -----------------------------------------------------------------

    async def _pause(self, export: Export) -> float:
        """Return seconds until a destination is asked again, by how often it failed."""
        with suppress(StoreError):
            failures = await self._taking.failures(export.destination)
            return min(_MOST, _FIRST * 2.0 ** min(failures, 20)) * self._random.uniform(0.5, 1.0)
        return _FIRST

    def _later(self, export: Export, reason: str, *, seconds: float) -> Settle:
        if export.attempts >= MAX_ATTEMPTS:
            return self._gives_up(export, f"given up after {export.attempts} attempts: {reason}")
        self._log.warning(
            "export is tried again",
            export=export.uuid,
            destination=export.destination,
            attempt=export.attempts,
            again_in=round(seconds, 1),
            reason=reason,
        )
        return lambda: self._taking.again(export.uuid, reason, seconds=max(0.0, seconds))

    def _gives_up(self, export: Export, reason: str) -> Settle:
        self._log.error("export failed", export=export.uuid, destination=export.destination, reason=reason)
        return lambda: self._taking.failed(export.uuid, reason)

    def _cause(self, export: Export, error: Exception) -> str:
        """Return what a broken exporter died of; its own words may hold what nobody may read."""
        words = self._destinations.masked(export.destination, str(error))[:_CAUSE]
        frame, line = error.__traceback__, 0
        place = ""
        while frame is not None:
            place, line, frame = frame.tb_frame.f_globals.get("__name__", ""), frame.tb_lineno, frame.tb_next
        return f"the exporter is broken: {type(error).__name__}: {words} ({place}, line {line}); report it"


Settle = Callable[[], Coroutine[Any, Any, Export]]
"""Writes down what became of an export."""


def _together(kept: Sequence[Withheld], left: Sequence[Withheld]) -> tuple[Withheld, ...]:
    """Return what a policy and what a destination left out, each thing once."""
    return tuple(dict.fromkeys((*kept, *left)))


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it is over, whatever came of it."""
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=0.5)
    with suppress(asyncio.CancelledError, Exception):
        task.result()
