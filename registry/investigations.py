"""Gathers investigations from the store and the graph: what a selection means, what a policy lets go of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from uuid import UUID

from sqlalchemy import Connection

from registry.content import ContentFolder
from registry.database import Database
from registry.graph_reading import GraphRead
from registry.graph_reading_nodes import find_numbers
from registry.sharing_facts import Known, fold_sayings
from registry.sharing_graph import Sayings, said_by_items, said_of
from registry.sharing_instance import instance_of
from registry.sharing_items import SelectedItem, read_items, select_items
from registry.sharing_outputs import Outputs
from registry.sharing_targets import looked_at
from registry.sharing_vertices import find_vertices
from vedette.clock import Clock
from vedette.configuration.sharing import SharingSection
from vedette.errors import RefusedError
from vedette.graph.ontology import Ontology
from vedette.graph.ontology import ontology as usual_ontology
from vedette.graph.port import EdgeView
from vedette.sharing.investigation import Fact, Investigation, Proof, Scan
from vedette.sharing.judging import Judge, SharedItem
from vedette.sharing.own import Own
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.scans import is_of_tool
from vedette.sharing.selection import Selection
from vedette.sharing.subjects import Subject, subjects_of
from vedette.sharing.warning_lists import WarningLists


@dataclass(frozen=True, kw_only=True, slots=True)
class _Material:
    """What was read, before anything is judged."""

    items: Mapping[str, SelectedItem]
    """Those of the store."""
    sayings: Sayings
    unknown: Mapping[str, SharedItem] = field(default_factory=dict)
    """Items that only the graph knows."""


class Investigations:
    """The investigations of a store and its graph; implements `Gathering`."""

    def __init__(
        self,
        *,
        database: Database,
        graph: Database | None,
        clock: Clock,
        instance: UUID,
        documents: ContentFolder | None = None,
        organisation: str = "",
        own: Own | None = None,
        warning_lists: WarningLists | None = None,
        ontology: Ontology | None = None,
    ) -> None:
        """Describe them.

        Args:
            database: the store's, open.
            graph: the graph's, open; None: there is none, and nothing but outputs and proofs is gathered.
            clock: the time.
            instance: of this fleet (see `registry/sharing_instance.py`).
            documents: where payloads are that are not in the store.
            organisation: who shares.
            own: networks and domains of the configuration.
            warning_lists: what is harmless; None: those of the package.
            ontology: how properties are merged; None: this release's.
        """
        self._database = database
        self._graph = graph
        self._instance = instance
        self._organisation = organisation
        self._own = own or Own()
        self._warning_lists = warning_lists or WarningLists()
        self._ontology = ontology or usual_ontology()
        self._outputs = Outputs(database=database, documents=documents, clock=clock)

    @classmethod
    async def of(
        cls,
        sharing: SharingSection,
        *,
        database: Database,
        graph: Database | None,
        clock: Clock,
        folder: Path,
        documents: ContentFolder | None = None,
    ) -> Self:
        """Return those that a configuration describes.

        Args:
            sharing: the configuration's section.
            database: the store's, open.
            graph: the graph's, open; None: there is none.
            clock: the time.
            folder: what paths in the section are relative to.
            documents: where payloads are that are not in the store.

        Raises:
            StoreError: the fleet's UUID cannot be read or made.
        """
        lists = None if sharing.warning_lists is None else folder / sharing.warning_lists
        return cls(
            database=database,
            graph=graph,
            clock=clock,
            instance=await instance_of(database, sharing.instance),
            documents=documents,
            organisation=sharing.organisation,
            own=Own.of(networks=sharing.own.networks, domains=sharing.own.domains),
            warning_lists=WarningLists(lists),
        )

    @property
    def problems(self) -> Sequence[str]:
        """What of the warning lists could not be used, and why; for whoever keeps a log, once."""
        return self._warning_lists.problems

    async def gather(self, selection: Selection, *, policy: SharingPolicy, bundles: bool = True) -> Investigation:
        """Return all that a policy lets go of what is selected (see `Gathering`)."""
        judge = Judge(policy)
        material = await (self._of_graph(selection, judge) if selection.is_of_graph else self._of_items(selection))
        kept = _kept(material, judge)
        items = [one for uuid, one in material.items.items() if uuid in kept]
        known = await asyncio.to_thread(
            fold_sayings, material.sayings, items=kept, ontology=self._ontology, ceiling=policy.ceiling
        )
        # A large part of all memory that it takes.
        material = replace(material, sayings=Sayings())
        told = [] if selection.is_of_graph else items
        scans = await self._outputs.scans(told, vertices=known.of_items, judge=judge)
        facts = await self._judged(known, material, scans, judge)
        if selection.is_of_graph:
            cited = {item for fact in facts.values() for item in fact.items}
            items = [one for one in items if one.uuid in cited]
        cut = judge.cut_items(known.of_items)
        if selection.is_of_graph and bundles:
            cut |= await self._cut_elsewhere(items, policy)
        proofs = await self._proofs(items, bundles=bundles, judge=judge, cut=cut)
        return self._investigation(
            selection,
            policy,
            judge,
            facts=tuple(facts.values()),
            edges=tuple(judge.edges(known.edges, facts)),
            scans=tuple(judge.scan(one, facts, cut) for one in scans),
            proofs=tuple(proofs),
        )

    def _investigation(
        self,
        selection: Selection,
        policy: SharingPolicy,
        judge: Judge,
        *,
        facts: Sequence[Fact],
        edges: Sequence[EdgeView],
        scans: Sequence[Scan],
        proofs: Sequence[Proof],
    ) -> Investigation:
        """Return the document of what leaves."""
        times = [at for fact in facts for at in (fact.vertex.first_seen, fact.vertex.last_seen)]
        times += [one.observed_at for one in scans]
        return Investigation(
            instance=self._instance,
            key=selection.key,
            kind=selection.kind,
            title=selection.title,
            organisation=self._organisation,
            tlp=judge.tlp,
            pap=policy.pap,
            tags=tuple(sorted(set(policy.tags))),
            first_seen=min(times, default=0),
            last_seen=max(times, default=0),
            facts=facts,
            edges=edges,
            scans=scans,
            proofs=proofs,
            withheld=judge.withheld,
        )

    async def _cut_elsewhere(self, items: Sequence[SelectedItem], policy: SharingPolicy) -> frozenset[str]:
        """Return the items that say something, of whatever is not selected, too, that may not leave."""
        uuids = sorted(one.uuid for one in items)
        if self._graph is None or not uuids:
            return frozenset()
        judge = Judge(policy)
        try:
            sayings = await self._graph.read(lambda connection: said_by_items(connection, uuids))
        except RefusedError:
            return frozenset(uuids)
        known = await asyncio.to_thread(fold_sayings, sayings, items=uuids, ontology=self._ontology)
        for fact in known.facts.values():
            judge.fact(fact)
        return judge.cut_items(known.of_items)

    async def _proofs(
        self, items: Sequence[SelectedItem], *, bundles: bool, judge: Judge, cut: Collection[str]
    ) -> Sequence[Proof]:
        if not judge.policy.evidence:
            for one in items:
                judge.withhold("proof", f"proof of item {one.uuid}", "the policy's evidence is false")
            return []
        # A bundle holds the payload, which may not leave where `raw` is false.
        return await self._outputs.proofs(items, bundles=bundles and judge.policy.raw, judge=judge, cut=cut)

    async def _of_items(self, selection: Selection) -> _Material:
        def work(connection: Connection) -> dict[str, SelectedItem]:
            return read_items(connection, select_items(connection, selection))

        items = await self._database.read(work)
        if self._graph is None or not items:
            return _Material(items=items, sayings=Sayings())
        sayings = await self._graph.read(lambda connection: said_by_items(connection, list(items)))
        return _Material(items=items, sayings=sayings)

    async def _of_graph(self, selection: Selection, judge: Judge) -> _Material:
        if self._graph is None:
            raise RefusedError("select", "asks the graph, and there is none; see docs/graph.md")
        ids = await find_vertices(GraphRead(database=self._graph, ontology=self._ontology), selection, judge)

        def work(connection: Connection) -> Sayings:
            return said_of(connection, find_numbers(connection, ids).values())

        sayings = await self._graph.read(work)
        uuids = {one.item for one in sayings.origins.values()}
        items = await self._database.read(lambda connection: read_items(connection, uuids))
        unknown = {
            one.item: SharedItem(uuid=one.item, source=one.source)
            for one in sayings.origins.values()
            if one.item not in items
        }
        return _Material(items=items, sayings=sayings, unknown=dict(sorted(unknown.items())))

    async def _judged(
        self, known: Known, material: _Material, scans: Sequence[Scan], judge: Judge
    ) -> dict[str, Fact]:
        """Return the facts that leave, with whose they are and which warning lists they are on."""
        subjects = await asyncio.to_thread(_subjects_of, known)
        accused = [one for id, some in subjects.items() if known.facts[id].malicious for one in some]
        targets = await self._database.read(lambda connection: looked_at(connection, accused)) if known.facts else []
        targets += [one.target for one in material.items.values() if one.target and is_of_tool(one.meta)]
        targets += [service.address for scan in scans for service in scan.services]
        return await asyncio.to_thread(self._told, known, subjects, sorted(set(targets)), judge)

    def _told(
        self, known: Known, subjects: Mapping[str, Sequence[Subject]], targets: Sequence[str], judge: Judge
    ) -> dict[str, Fact]:
        targeted, facts = Own.of(targets=targets), dict[str, Fact]()
        for id, fact in known.facts.items():
            named = subjects[id]
            own = any(self._own.holds_subject(one) or targeted.holds_subject(one) for one in named)
            # What raises no alarm anyway needs no list; a rule may name what is harmless beside what it looks for.
            listed = fact.malicious and not own and fact.vertex.type != "Indicator"
            warned = self._warning_lists.name_of_subject(named[0]) if listed else ""
            told = replace(fact, own=own, warned=warned) if own or warned else fact
            judged = judge.fact(told)
            if judged is not None:
                facts[id] = judged
        return facts


def _kept(material: _Material, judge: Judge) -> frozenset[str]:
    """Return the uuids of the items that leave."""
    every = {uuid: one.judged for uuid, one in material.items.items()} | dict(material.unknown)
    return frozenset(uuid for uuid, one in sorted(every.items()) if judge.keeps_item(one))


def _subjects_of(known: Known) -> dict[str, tuple[Subject, ...]]:
    return {id: subjects_of(fact.vertex) for id, fact in known.facts.items()}
