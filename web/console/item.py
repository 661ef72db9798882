"""One item: what it says, what differs from the run before, what follows from it, and its proof link by link."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.check_names import names_of
from registry.corrections import Corrections
from registry.finding_list import FindingList, FindingsWanted
from registry.item_detail import ItemDetail, ItemDetails
from registry.item_runs import ItemRun, ItemRuns, RunsAround
from registry.items import UnknownItemError
from registry.job_requests import JobRequests
from registry.scandale_check import ProofCheck
from vedette.correlation.comparison import differences
from vedette.correlation.facts import Facts, facts_of
from vedette.correlation.finding import Change
from vedette.graph.port import FoundVertices, GraphReading
from web.api.access import Rules
from web.api.v1.items import Uuid
from web.console.frame import Frame, add_page
from web.console.items import ITEMS
from web.console.payload_view import payload_view
from web.console.payloads import PayloadReader
from web.console.run_bar import runs_of
from web.console.text_difference import TextDifference, text_difference

SHOWN: Final = 100
"""Facts and changes that are shown."""

_FINDINGS: Final = 20
_VERTICES: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An item beside the run of its check before."""

    before: ItemRun
    """That run."""
    changes: list[Change] | None
    """What differs; None where the two are of different kinds."""
    text: TextDifference | None
    """What differs in the bytes, line by line; None where they are no text, or not here."""


class ItemPageRoutes:
    """`GET /items/{uuid}`."""

    def __init__(
        self,
        *,
        frame: Frame,
        details: ItemDetails,
        runs: ItemRuns,
        payloads: PayloadReader,
        findings: FindingList,
        check: ProofCheck,
        requests: JobRequests,
        graph: GraphReading | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self._frame = frame
        self._details = details
        self._runs = runs
        self._payloads = payloads
        self._findings = findings
        self._check = check
        self._requests = requests
        self._graph = graph
        self._corrections = corrections

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the route to an application."""
        add_page(app, "/items/{uuid}", self.show, rule=Depends(rules.any_of(Scope.READ)), shared=True)

    async def show(self, uuid: Uuid, request: Request) -> Response:
        """Show the item."""
        try:
            item = await self._details.find(uuid)
        except UnknownItemError:
            return self._frame.missing(request, "There is no item with this uuid.", current=ITEMS)
        payload = await self._payloads.read(uuid, sha256=item.payload_sha256, size=item.size)
        facts = await asyncio.to_thread(_facts, item.format, payload, item.payload_sha256)
        around = await self._runs.around(uuid)
        findings = await self._findings.page(wanted=FindingsWanted(item=uuid), limit=_FINDINGS)
        told = _told(item)
        return self._frame.page(
            request,
            "item.html",
            current=ITEMS,
            live=not item.state.is_stamped,
            item=item,
            told=told,
            check_name=None if told["check"] is None else names_of({told["check"]: item.meta}).get(told["check"]),
            facts=list(facts.values.items())[:SHOWN],
            facts_more=max(0, len(facts.values) - SHOWN),
            error=facts.error,
            view=None if payload is None else payload_view(payload),
            compared=await self._compared(around, payload, facts),
            runs=runs_of(around),
            shown=SHOWN,
            findings=findings.rows,
            links=await self._check.links(uuid),
            job=await self._requests.of_item(uuid),
            known=await self._known(uuid),
            was_read=self._corrections is not None and await self._corrections.was_read(uuid),
        )

    async def _known(self, uuid: str) -> FoundVertices | None:
        """Return what the item says in the graph; None where there is none."""
        return None if self._graph is None else await self._graph.said_by(uuid, limit=_VERTICES)

    async def _compared(self, around: RunsAround, payload: bytes | None, facts: Facts) -> Comparison | None:
        if not around.before:
            return None
        before = around.before[0]
        old = await self._payloads.read(before.uuid, sha256=before.payload_sha256, size=before.size)
        earlier = await asyncio.to_thread(_facts, before.format, old, before.payload_sha256)
        alike = earlier.family == facts.family and earlier.error is None and facts.error is None
        changes = differences(earlier.values, facts.values) if alike else None
        if old is None or payload is None or old == payload:
            return Comparison(before=before, changes=changes, text=None)
        text = await asyncio.to_thread(text_difference, old, payload)
        return Comparison(before=before, changes=changes, text=text)


def _facts(format: str, payload: bytes | None, payload_sha256: str) -> Facts:
    return facts_of(format=format, payload=payload, payload_sha256=payload_sha256)


def _told(item: ItemDetail) -> Mapping[str, str | None]:
    """Return what the agent said of the item, as texts; of another shape than usual it shows nothing."""
    names = ("target", "check", "verdict", "type", "source")
    told = {name: value if isinstance(value := item.meta.get(name), str) else None for name in names}
    command = item.meta.get("command")
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    return told | {"command": " ".join(words) or None}
