"""The console's pages, wired in one place from the store."""

from __future__ import annotations

from pathlib import Path

from registry.agent_list import AgentList
from registry.alarm_list import AlarmList
from registry.alarms import Alarms
from registry.audit import Audit
from registry.content import ContentFolder
from registry.database import Database
from registry.dead_letter_list import DeadLetters
from registry.finding_list import FindingList
from registry.item_detail import ItemDetails
from registry.item_facets import Facets
from registry.item_list import ItemList
from registry.item_runs import ItemRuns
from registry.outbox_depths import OutboxDepths
from registry.presence_history import PresenceHistory
from registry.queues import Queues
from vedette.clock import Clock
from web.api.application import Routes
from web.api.gate import Gate
from web.api.hub_view import HubView
from web.api.live import Live
from web.console.agent import AgentPageRoutes
from web.console.alarms import AlarmPageRoutes
from web.console.audit import AuditPageRoutes
from web.console.dead_letters import DeadLetterPageRoutes
from web.console.findings import FindingPageRoutes
from web.console.fleet import FleetRoutes
from web.console.frame import Frame
from web.console.item import ItemPageRoutes
from web.console.items import ItemsPageRoutes
from web.console.payloads import PayloadReader


def console_routes(
    *,
    database: Database,
    folder: ContentFolder,
    outboxes: Path,
    gate: Gate,
    hub: HubView,
    live: Live,
    clock: Clock,
) -> list[Routes]:
    """Return the groups of pages.

    Args:
        database: the store.
        folder: where the documents' files are.
        outboxes: folder of this machine's outboxes.
        gate: tells who is logged in and where a request comes from.
        hub: the agents in this process, and the way to all others.
        live: checks proofs against the configured roots.
        clock: the time.
    """
    frame, alarms = Frame(gate=gate, clock=clock), Alarms(database=database, clock=clock)
    agents, details, findings = (
        AgentList(database=database),
        ItemDetails(database=database),
        FindingList(database=database),
    )
    return [
        FleetRoutes(
            frame=frame,
            agents=agents,
            history=PresenceHistory(database=database),
            depths=OutboxDepths(outboxes=outboxes, clock=clock),
            alarms=alarms,
            queues=Queues(database=database, clock=clock),
            clock=clock,
        ),
        AgentPageRoutes(frame=frame, agents=agents, hub=hub),
        ItemsPageRoutes(frame=frame, items=ItemList(database=database), facets=Facets(database=database)),
        ItemPageRoutes(
            frame=frame,
            details=details,
            runs=ItemRuns(database=database),
            payloads=PayloadReader(details=details, folder=folder),
            findings=findings,
            check=live.check(documents=folder),
        ),
        FindingPageRoutes(frame=frame, findings=findings),
        DeadLetterPageRoutes(
            frame=frame, letters=DeadLetters(database=database, outboxes=outboxes, clock=clock), gate=gate
        ),
        AlarmPageRoutes(frame=frame, list=AlarmList(database=database), alarms=alarms, gate=gate),
        AuditPageRoutes(frame=frame, audit=Audit(database=database, clock=clock)),
    ]
