"""The pages of what is done again and again, wired from the store."""

from __future__ import annotations

from registry.agent_list import AgentList
from registry.audit import Audit
from registry.database import Database
from registry.job_desk import JobDesk
from registry.job_requests import JobRequests
from registry.jobs import Jobs
from registry.schedule_desk import ScheduleDesk
from vedette.clock import Clock
from vedette.jobs.scope import ScopePolicy
from web.api.application import Routes
from web.api.check_orders import CheckOrders
from web.api.gate import Gate
from web.api.hub_view import HubView
from web.console.frame import Frame
from web.console.schedule import SchedulePageRoutes
from web.console.schedule_form import ScheduleFormRoutes
from web.console.schedules import ScheduleListRoutes


def schedule_pages(
    *, frame: Frame, database: Database, gate: Gate, hub: HubView, scope: ScopePolicy, clock: Clock
) -> list[Routes]:
    """Return the groups of pages: the list, the forms, and one schedule."""
    jobs = JobDesk(jobs=Jobs(database=database, clock=clock), policy=scope, clock=clock)
    desk = ScheduleDesk(database=database, desk=jobs, clock=clock)
    return [
        ScheduleListRoutes(
            frame=frame,
            schedules=desk.schedules,
            agents=AgentList(database=database),
            hub=hub,
            orders=CheckOrders(hub=hub, audit=Audit(database=database, clock=clock)),
            gate=gate,
        ),
        # Before the page of one schedule, whose path would fit, too.
        ScheduleFormRoutes(
            frame=frame,
            desk=desk,
            jobs=jobs,
            requests=JobRequests(database=database, clock=clock),
            gate=gate,
            clock=clock,
        ),
        SchedulePageRoutes(frame=frame, desk=desk, gate=gate),
    ]
