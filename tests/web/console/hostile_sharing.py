"""The hostile texts in exports: what they are about, who asked, plans, outcomes and reasons."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, Update, update

from registry.callers import Actor
from registry.database import Database
from registry.export_taking import ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from registry.sharing_tables import export
from tests.web.api.v1.sharing_content import SHARING
from tests.web.console.hostile_work import LONGEST
from tests.web.console.page_list import Addresses
from vedette.clock import SystemClock
from vedette.sharing.exporter import Change, Exported, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import ExportRequest
from vedette.storable import storable
from web.console.sharing_addresses import share_address


async def poison_exports(database: Database, texts: list[str]) -> Addresses:
    """Put each text into an export, its plan and its outcome; returns addresses of some."""
    uuids: list[str] = []
    for number, text in enumerate(texts):
        hostile = storable(text[:LONGEST])
        exports = Exports(database=database, clock=SystemClock(), sharing=SHARING)
        taking = ExportTaking(exports=exports, runner=Runner(name=hostile, life="first"))
        wanted = ExportRequest(select=f"target=h{number}", destination="archive")
        made = await taking.take((await exports.request(wanted, by=Actor(who=hostile, origin=hostile))).uuid)
        left_out = [Withheld(what=hostile, reason=hostile, vertex=hostile), Withheld(what=hostile, reason="same")]
        change = Change(action="change", what=hostile, before=hostile, after=hostile)
        plan = Plan(digest=hostile, changes=[change], total=2, withheld=left_out, notes=[hostile])
        done = Exported(sent=1, withheld=left_out, address=hostile, notes=[hostile])
        if number % 3 == 0:
            await taking.approval(made.uuid, plan, title=hostile, reason=hostile)
        elif number % 3 == 1:
            await taking.done(made.uuid, done, title=hostile, plan=plan)
        else:
            await taking.failed(made.uuid, hostile, title=hostile)
        changed = {name: hostile for name in ("selection", "key", "share", "destination", "decided_by", "reason")}
        write = update(export).where(export.c.uuid == made.uuid).values(**changed)
        await database.write(partial(_execute, write))
        uuids.append(made.uuid)
    return {
        "/sharing/new": [share_address(text, "target") for text in texts[:3]],
        "/sharing/exports/{uuid}": [f"/sharing/exports/{uuids[number]}" for number in (0, 3, 4, 5, 7, 12)],
    }


def _execute(change: Update, connection: Connection) -> None:
    connection.execute(change)
