"""A configuration that shares, and exports in every state."""

from __future__ import annotations

from registry.callers import Actor
from registry.database import Database
from registry.export_taking import ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from vedette.clock import Clock, SystemClock
from vedette.configuration.sharing import SharingSection
from vedette.sharing.exporter import Change, Exported, Plan
from vedette.sharing.investigation import Withheld
from vedette.sharing.request import Export, ExportRequest, ExportState

BY = Actor(who="user anna", origin="test")

SHARING = SharingSection.model_validate(
    {
        "organisation": "Example CSIRT",
        "destinations": [
            {
                "name": "partners",
                "exporter": "misp",
                "url": "https://misp.example.org",
                "key_file": "misp.key",
                "approval": True,
                "policy": {"ceiling": "green", "tlp": "green"},
            },
            {"name": "archive", "exporter": "webhook", "url": "https://archive.example.org/in"},
        ],
        "shares": [
            {"name": "hosts", "select": "type=scan", "per": "target", "to": ["partners"], "when": "approval"},
            {"name": "all-of-it", "select": "since=2026-01-01", "to": ["partners", "archive"], "when": "manual"},
        ],
    }
)
"""Two destinations and two shares."""

PLAN = Plan(
    digest="5d" * 32,
    changes=(
        Change(action="add", what="attribute ip-dst 192.0.2.7"),
        Change(action="change", what="tag", before="tlp:amber", after="tlp:green"),
        Change(action="remove", what="attribute domain old.example.org"),
        Change(action="restore", what="object ip-port 192.0.2.7:443"),
    ),
    total=5,
    withheld=(
        Withheld(what="vertex Account anna", reason="accounts are not shared", vertex="Account--1"),
        Withheld(what="vertex Account bert", reason="accounts are not shared"),
        Withheld(what="attribute domain local", reason="MISP takes no domain without a dot"),
    ),
    notes=("an analyst's comment on 192.0.2.8 is kept",),
)

DONE = Exported(
    sent=4, unchanged=7, requests=1, withheld=PLAN.withheld, address="https://misp.example.org/events/view/7"
)


async def fill_exports(
    database: Database, *, sharing: SharingSection = SHARING, clock: Clock | None = None
) -> dict[ExportState, Export]:
    """Enter an export in every state; returns them by it."""
    exports = Exports(database=database, clock=clock or SystemClock(), sharing=sharing)
    taking = ExportTaking(exports=exports, runner=Runner(name="misp@localhost", life="first"))

    async def taken(select: str, destination: str = "archive", *, dry_run: bool = False) -> Export:
        wanted = ExportRequest(select=select, destination=destination, dry_run=dry_run)
        return await taking.take((await exports.request(wanted, by=BY)).uuid)

    rejected = await taken("target=192.0.2.1", "partners")
    await taking.approval(rejected.uuid, PLAN, title="192.0.2.1")
    one, two = await taken("target=192.0.2.2", dry_run=True), "target=192.0.2.3"
    return {
        "rejected": await exports.reject(rejected.uuid, by=BY, why="this host is a customer's"),
        "planned": await taking.planned(one.uuid, PLAN, title="192.0.2.2"),
        "done": await taking.done((await taken(two, "partners")).uuid, DONE, title="192.0.2.3"),
        "failed": await taking.failed((await taken("target=192.0.2.4")).uuid, "the key is refused"),
        "approval": await taking.approval(
            (await taken("target=192.0.2.5", "partners")).uuid, PLAN, title="192.0.2.5"
        ),
        "running": await taken("target=192.0.2.6"),
        "waiting": await exports.request(
            ExportRequest(select="vertex=192.0.2.7 depth=2", destination="archive", share="all-of-it"), by=BY
        ),
    }
