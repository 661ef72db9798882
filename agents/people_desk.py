"""The commands of a fleet's registry for people, wired from its open store."""

from __future__ import annotations

from collections.abc import Mapping

from behaviours.people_fleet import ShowFleet, ShowItems, ShowRepairs, VerifyItem
from behaviours.people_jobs import CancelJob, ListJobs, RunTool
from behaviours.people_schedules import OrderCheck, OrderSchedule, ShowSchedules
from behaviours.people_sharing import sharing_commands
from registry.agent_list import AgentList
from registry.audit import Audit
from registry.content import ContentFolder
from registry.database import Database
from registry.directory import Directory
from registry.exports import Exports
from registry.item_detail import ItemDetails
from registry.item_list import ItemList
from registry.job_desk import JobDesk
from registry.jobs import Jobs
from registry.repairs import Repairs
from registry.scandale_check import ProofCheck
from registry.schedule_desk import ScheduleDesk
from registry.sealed_items import SealedItems
from vedette.clock import Clock
from vedette.evidence.certificates import TrustRoots
from vedette.jobs.scope import ScopePolicy
from vedette.people.conversations import Command
from web.api.check_orders import CheckOrders
from web.api.hub_view import HubView


def registry_commands(
    *,
    database: Database,
    jobs: Jobs,
    scope: ScopePolicy,
    roots: Mapping[str, TrustRoots],
    documents: ContentFolder | None,
    hub: HubView,
    clock: Clock,
    exports: Exports | None = None,
) -> list[Command]:
    """Return the commands, in the order in which clients show them.

    Args:
        database: the store.
        jobs: its jobs.
        scope: which targets and tools jobs may use.
        roots: roots of each configured authority by its name.
        documents: folder of the payloads that are not inline.
        hub: the agents of the hub, and through them all others.
        clock: the time.
        exports: what is shared; None: nothing is.
    """
    desk = JobDesk(jobs=jobs, policy=scope, clock=clock)
    schedules = ScheduleDesk(database=database, desk=desk, clock=clock)
    return [
        ShowFleet(AgentList(database=database)),
        RunTool(desk),
        ListJobs(jobs),
        CancelJob(jobs),
        ShowSchedules(schedules),
        OrderSchedule(schedules),
        OrderCheck(
            directory=Directory(database=database, clock=clock),
            hub=hub,
            orders=CheckOrders(hub=hub, audit=Audit(database=database, clock=clock)),
        ),
        ShowItems(ItemList(database=database), sealed=SealedItems(database=database)),
        VerifyItem(
            details=ItemDetails(database=database),
            check=ProofCheck(database=database, roots=roots, clock=clock, documents=documents),
        ),
        ShowRepairs(Repairs(database=database, clock=clock)),
        *(() if exports is None else sharing_commands(exports)),
    ]
