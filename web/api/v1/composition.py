"""The routes under `/v1/`, wired in one place from the store."""

from __future__ import annotations

from pathlib import Path

from registry.agent_list import AgentList
from registry.alarm_list import AlarmList
from registry.alarms import Alarms
from registry.audit import Audit
from registry.batch_list import BatchList
from registry.content import ContentFolder
from registry.corrections import Corrections
from registry.database import Database
from registry.dead_letter_bulk import DeadLetterBulk
from registry.dead_letter_list import DeadLetters
from registry.document_list import DocumentList
from registry.documents import Documents
from registry.finding_list import FindingList
from registry.gone_bytes import GoneBytes
from registry.graph_decisions import GraphDecisions
from registry.heads import SignedHeads
from registry.item_detail import ItemDetails
from registry.item_list import ItemList
from registry.item_overview import ItemOverviews
from registry.items import Items
from registry.job_desk import JobDesk
from registry.jobs import Jobs
from registry.key_list import KeyList
from registry.keys import Keys
from registry.proofs import Proofs
from registry.queues import Queues
from registry.reading import Reads
from registry.refusal_list import RefusalList
from registry.repairs import Repairs
from registry.retention import Retention
from registry.schedule_desk import ScheduleDesk
from registry.setup_links import SetupLinks
from registry.token_list import TokenList
from registry.users import Users
from vedette.clock import Clock
from vedette.graph.port import GraphReading
from vedette.jobs.scope import ScopePolicy
from web.api.application import Routes
from web.api.check_orders import CheckOrders
from web.api.gate import Gate
from web.api.hub_view import HubView
from web.api.sharing_view import SharingView
from web.api.stucco_graph import StuccoGraphRoutes
from web.api.v1.agent_checks import AgentCheckRoutes
from web.api.v1.agents import AgentRoutes
from web.api.v1.check_orders import CheckOrderRoutes
from web.api.v1.corrections import CorrectionRoutes
from web.api.v1.dead_letters import DeadLetterRoutes
from web.api.v1.deletions import DeletionRoutes
from web.api.v1.documents import DocumentListRoutes
from web.api.v1.evidence import EvidenceRoutes
from web.api.v1.exports import ExportRoutes
from web.api.v1.findings import FindingRoutes
from web.api.v1.graph import GraphRoutes
from web.api.v1.graph_decisions import GraphDecisionRoutes
from web.api.v1.graph_pictures import GraphPictureRoutes
from web.api.v1.graph_statements import GraphStatementRoutes
from web.api.v1.heads import HeadRoutes
from web.api.v1.investigations import InvestigationRoutes
from web.api.v1.items import ItemRoutes
from web.api.v1.jobs import JobRoutes
from web.api.v1.lists import Lists
from web.api.v1.operations import OperationRoutes
from web.api.v1.payloads import Payloads
from web.api.v1.records import RecordRoutes
from web.api.v1.repairs import RepairRoutes
from web.api.v1.schedules import ScheduleRoutes
from web.api.v1.timelines import TimelineRoutes
from web.api.v1.users import UserRoutes


def v1_routes(
    *,
    database: Database,
    reads: Reads,
    documents: Documents,
    folder: ContentFolder,
    outboxes: Path,
    gate: Gate,
    hub: HubView,
    scope: ScopePolicy,
    sharing: SharingView,
    clock: Clock,
    graph: GraphReading | None = None,
    decisions: GraphDecisions | None = None,
    corrections: Corrections | None = None,
) -> list[Routes]:
    """Return the groups of routes.

    Args:
        database: the store.
        reads: the store, or a replica of it, for what is only listed and shown.
        documents: the document service over it.
        folder: where its files are.
        outboxes: folder of this machine's outboxes.
        gate: tells where a request comes from.
        hub: the agents in this process.
        scope: which targets and tools jobs may use.
        sharing: what leaves, and what has become of it.
        clock: the time.
        graph: what is known; None: there is none here.
        decisions: what people decide about it.
        corrections: what people correct of what was read.
    """
    lists, details = Lists(), ItemDetails(database=database)
    jobs = Jobs(database=database, clock=clock)
    letters = DeadLetters(database=database, outboxes=outboxes, clock=clock)
    return [
        ItemRoutes(
            items=ItemList(database=reads),
            details=ItemDetails(database=reads),
            # Bundles are of any engine's items.
            proofs=Proofs(database=database, engine="", clock=clock, documents=folder),
            payloads=Payloads(details=details, documents=documents),
            lists=lists,
        ),
        TimelineRoutes(overviews=ItemOverviews(database=reads, clock=clock), lists=lists),
        EvidenceRoutes(batches=BatchList(database=reads), tokens=TokenList(database=reads), lists=lists),
        HeadRoutes(heads=SignedHeads(database=database, clock=clock), lists=lists),
        DeletionRoutes(
            retention=Retention(database=database, clock=clock, documents=folder), details=details, gate=gate
        ),
        DocumentListRoutes(listed=DocumentList(database=database), documents=documents, lists=lists),
        FindingRoutes(findings=FindingList(database=reads), lists=lists),
        AgentRoutes(agents=AgentList(database=database), hub=hub, lists=lists),
        AgentCheckRoutes(agents=AgentList(database=database), hub=hub, lists=lists),
        CheckOrderRoutes(orders=CheckOrders(hub=hub, audit=Audit(database=database, clock=clock)), gate=gate),
        DeadLetterRoutes(
            letters=letters,
            bulk=DeadLetterBulk(database=database, letters=letters, clock=clock),
            items=Items(database=database),
            lists=lists,
            gate=gate,
        ),
        OperationRoutes(
            queues=Queues(database=database, clock=clock),
            refusals=RefusalList(database=database),
            alarm_list=AlarmList(database=database),
            alarms=Alarms(database=database, clock=clock),
            lists=lists,
            gate=gate,
        ),
        JobRoutes(desk=JobDesk(jobs=jobs, policy=scope, clock=clock), jobs=jobs, lists=lists, gate=gate),
        ScheduleRoutes(
            desk=ScheduleDesk(database=database, desk=JobDesk(jobs=jobs, policy=scope, clock=clock), clock=clock),
            lists=lists,
            gate=gate,
            clock=clock,
        ),
        ExportRoutes(desk=sharing.desk, lists=lists, gate=gate),
        InvestigationRoutes(view=sharing),
        RepairRoutes(repairs=Repairs(database=database, clock=clock), lists=lists, gate=gate),
        RecordRoutes(
            audit=Audit(database=database, clock=clock),
            keys=Keys(database=database, clock=clock),
            listed=KeyList(database=database, clock=clock),
            lists=lists,
            gate=gate,
        ),
        UserRoutes(
            users=Users(database=database, clock=clock),
            links=SetupLinks(database=database, clock=clock),
            lists=lists,
            gate=gate,
        ),
        GraphRoutes(graph=graph, lists=lists),
        GraphStatementRoutes(graph=graph, gone=GoneBytes(database=reads), lists=lists),
        GraphPictureRoutes(graph=graph),
        GraphDecisionRoutes(decisions=decisions, gate=gate),
        CorrectionRoutes(corrections=corrections, details=details, gate=gate),
        StuccoGraphRoutes(graph=graph, clock=clock),
    ]
