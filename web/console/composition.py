"""The console's pages, wired in one place from the store."""

from __future__ import annotations

from pathlib import Path

from registry.agent_list import AgentList
from registry.alarms import Alarms
from registry.audit import Audit
from registry.check_names import CheckNames
from registry.content import ContentFolder
from registry.corrections import Corrections
from registry.database import Database
from registry.finding_list import FindingList
from registry.gone_bytes import GoneBytes
from registry.graph_decisions import GraphDecisions
from registry.item_detail import ItemDetails
from registry.item_list import ItemList
from registry.item_overview import ItemOverviews
from registry.item_runs import ItemRuns
from registry.job_requests import JobRequests
from registry.job_workers import JobWorkers
from registry.key_list import KeyList
from registry.keys import Keys
from registry.last_results import LastResults
from registry.outbox_depths import OutboxDepths
from registry.presence_history import PresenceHistory
from registry.queues import Queues
from registry.reading import Reads
from registry.repairs import Repairs
from registry.setup_links import SetupLinks
from registry.users import Users
from vedette.clock import Clock
from vedette.graph.port import GraphReading
from vedette.jobs.scope import ScopePolicy
from web.api.application import Routes
from web.api.gate import Gate
from web.api.hub_view import HubView
from web.api.live import Live
from web.api.sharing_view import SharingView
from web.console.agent import AgentPageRoutes
from web.console.agent_rows import AgentRows
from web.console.audit import AuditPageRoutes
from web.console.findings import FindingPageRoutes
from web.console.fleet import FleetRoutes
from web.console.frame import Frame
from web.console.graph_pages import graph_pages
from web.console.item import ItemPageRoutes
from web.console.items import ItemsPageRoutes
from web.console.job_pages import job_pages
from web.console.keys import KeyPageRoutes
from web.console.letter_pages import letter_pages
from web.console.payloads import PayloadReader
from web.console.repairs import RepairPageRoutes
from web.console.said import SaidPageRoutes
from web.console.schedule_pages import schedule_pages
from web.console.sharing_pages import sharing_pages
from web.console.tour import TourRoutes
from web.console.users import UserPageRoutes


def console_routes(
    *,
    database: Database,
    reads: Reads,
    folder: ContentFolder,
    outboxes: Path,
    gate: Gate,
    hub: HubView,
    live: Live,
    scope: ScopePolicy,
    workers: JobWorkers,
    sharing: SharingView,
    clock: Clock,
    graph: GraphReading | None = None,
    decisions: GraphDecisions | None = None,
    corrections: Corrections | None = None,
) -> list[Routes]:
    """Return the groups of pages.

    Args:
        database: the store.
        reads: the store, or a replica of it, for what is only listed and shown.
        folder: where the documents' files are.
        outboxes: folder of this machine's outboxes.
        gate: tells who is logged in and where a request comes from.
        hub: the agents in this process, and the way to all others.
        live: checks proofs against the configured roots.
        scope: which targets and tools jobs may use.
        workers: who could do jobs.
        sharing: what leaves, and what has become of it.
        clock: the time.
        graph: what is known; None where there is no graph.
        decisions: says in it what is the same, for people.
        corrections: says what was read wrongly, for people.
    """
    frame, alarms = Frame(gate=gate, clock=clock), Alarms(database=database, clock=clock)
    agents, details, findings = (
        AgentList(database=database),
        ItemDetails(database=reads),
        FindingList(database=reads),
    )
    # Where the store says that a document is, it is; an older state of it may know of one that went.
    payloads = PayloadReader(details=ItemDetails(database=database), folder=folder)
    rows = AgentRows(
        history=PresenceHistory(database=reads),
        depths=OutboxDepths(outboxes=outboxes, clock=clock),
        results=LastResults(database=reads),
        clock=clock,
    )
    return [
        FleetRoutes(
            frame=frame, agents=agents, rows=rows, alarms=alarms, queues=Queues(database=database, clock=clock)
        ),
        AgentPageRoutes(frame=frame, agents=agents, rows=rows, items=ItemList(database=reads), hub=hub),
        ItemsPageRoutes(
            frame=frame,
            items=ItemList(database=reads),
            overviews=ItemOverviews(database=reads, clock=clock),
            names=CheckNames(database=reads),
        ),
        ItemPageRoutes(
            frame=frame,
            details=details,
            runs=ItemRuns(database=reads),
            payloads=payloads,
            findings=findings,
            check=live.check(documents=folder),
            requests=JobRequests(database=database, clock=clock),
            graph=graph,
            corrections=corrections,
        ),
        SaidPageRoutes(frame=frame, details=details, payloads=payloads),
        *graph_pages(
            frame=frame,
            graph=graph,
            decisions=decisions,
            corrections=corrections,
            details=details,
            gone=GoneBytes(database=reads),
            gate=gate,
            clock=clock,
        ),
        *job_pages(frame=frame, database=database, gate=gate, scope=scope, workers=workers, clock=clock),
        *schedule_pages(frame=frame, database=database, gate=gate, hub=hub, scope=scope, clock=clock),
        *sharing_pages(frame=frame, view=sharing, gate=gate),
        FindingPageRoutes(frame=frame, findings=findings),
        *letter_pages(frame=frame, database=database, outboxes=outboxes, intake=live.items, gate=gate, clock=clock),
        RepairPageRoutes(frame=frame, repairs=Repairs(database=database, clock=clock), gate=gate, clock=clock),
        TourRoutes(frame=frame, items=ItemList(database=reads), gate=gate),
        UserPageRoutes(
            frame=frame,
            users=Users(database=database, clock=clock),
            links=SetupLinks(database=database, clock=clock),
            gate=gate,
        ),
        KeyPageRoutes(
            frame=frame,
            keys=Keys(database=database, clock=clock),
            listed=KeyList(database=database, clock=clock),
            gate=gate,
            clock=clock,
        ),
        AuditPageRoutes(frame=frame, audit=Audit(database=database, clock=clock)),
    ]
