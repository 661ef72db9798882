"""Random histories: we say, withdraw and change, persons add, edit, delete, connections break; it always converges.

What is checked after each export, against a model of the rules of `delta.py`:
- what we say is there, unless a person deleted it since we said it;
- what we withdrew is not, unless a person restored it;
- what persons added, edited and tagged is as they left it;
- a second export writes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fake_misp import FakeMisp
from tests.fake_misp_analyst import Analyst
from tests.misp_direct import EVENT, DirectServer, bring
from tests.misp_pushing import about, addresses, held, said
from tests.sharing_cases import everything
from tests.sharing_memory import KeptMemory
from vedette.errors import ConnectionFailedError
from vedette.sharing.investigation import Investigation

NUMBERS = st.integers(1, 4)
SAYINGS = st.tuples(st.sets(NUMBERS), st.sets(NUMBERS), st.sets(st.sampled_from(["one", "two"])))
"""Which addresses, which of them are bad, which tags."""
DEEDS = st.one_of(
    st.tuples(st.just("say"), SAYINGS, st.integers(-1, 8), st.booleans()),
    st.tuples(st.just("edit"), NUMBERS, st.sampled_from(["seen", "beacon", ""])),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("restore"), NUMBERS),
    st.tuples(st.just("add"), st.integers(0, 99)),
)


@dataclass
class History:
    """A server, an exporter, a person, and what must be there."""

    fake: FakeMisp = field(default_factory=FakeMisp)
    memory: KeptMemory = field(default_factory=KeptMemory)
    added: dict[str, str] = field(default_factory=dict)
    """What the person added, by UUID."""
    edited: dict[str, str] = field(default_factory=dict)
    """The comments that the person gave to what is ours, by UUID."""
    deleted: set[str] = field(default_factory=set)
    """What the person deleted while we said it."""
    restored: set[str] = field(default_factory=set)
    """What the person restored after we withdrew it."""
    saying: set[str] = field(default_factory=set)
    """Values that we say."""
    settled: bool = True
    """Whether the last export came to its end."""

    async def do(self, deed: tuple[Any, ...]) -> None:
        """Do something, and check what must hold."""
        kind, *rest = deed
        if kind == "say":
            await self._say(*rest)
        elif kind == "add":
            self._add(rest[0])
        else:
            self._touch(kind, *rest)

    async def _say(self, saying: tuple[set[int], set[int], set[str]], breaks_at: int, after: bool) -> None:
        numbers, bad, tags = saying
        what = about(*addresses(*sorted(numbers), bad=bad), tags=sorted(tags))
        try:
            await bring(what, DirectServer(fake=self.fake, breaks_at=breaks_at, breaks_after=after), self.memory)
        except ConnectionFailedError:
            self.settled = False
            await bring(what, DirectServer(fake=self.fake), self.memory)
        self.saying = {f"192.0.2.{number}" for number in numbers}
        self.settled = True
        await self._check(what, bad, tags)

    def _add(self, number: int) -> None:
        if EVENT in self.fake.store.events:
            value = f"note {number}"
            self.added[Analyst(self.fake.store).add(EVENT, value)] = value

    def _touch(self, kind: str, number: int, comment: str = "") -> None:
        found = [uuid for uuid, row in self._ours().items() if row["value"] == f"192.0.2.{number}"]
        for uuid in found:
            row = self.fake.store.attributes[uuid]
            analyst = Analyst(self.fake.store)
            if kind == "edit" and not row["deleted"] and row["comment"] != comment:
                analyst.edit(uuid, comment=comment)
                self.edited[uuid] = comment
            elif kind == "delete" and not row["deleted"]:
                analyst.delete(uuid)
                self.restored.discard(uuid)
                if row["value"] in self.saying:
                    self.deleted.add(uuid)
            elif kind == "restore" and row["deleted"]:
                analyst.delete(uuid, restore=True)
                if uuid in self.deleted:
                    self.deleted.discard(uuid)
                else:
                    self.restored.add(uuid)

    def _ours(self) -> dict[str, Any]:
        return {uuid: row for uuid, row in self.fake.store.attributes.items() if uuid not in self.added}

    async def _check(self, what: Investigation, bad: set[int], tags: set[str]) -> None:
        store = self.fake.store
        assert store.dropped == []
        assert {uuid: store.attributes[uuid]["value"] for uuid in self.added} == self.added
        assert not any(store.attributes[uuid]["deleted"] for uuid in self.added)
        for uuid, row in self._ours().items():
            assert row["deleted"] == (not self._must_live(uuid, row["value"])), row
            if uuid in self.edited:
                assert row["comment"] == self.edited[uuid]
            if row["value"] in self.saying and not row["deleted"]:
                assert row["to_ids"] == (int(row["value"].rpartition(".")[2]) in bad)
        if EVENT in store.events:
            assert set(store.events[EVENT]["Tag"]) >= tags
            assert not (set(store.events[EVENT]["Tag"]) - tags - {"tlp:amber"})
        again = DirectServer(fake=self.fake)
        await bring(what, again, self.memory)
        assert again.writes == 0

    def _must_live(self, uuid: str, value: str) -> bool:
        if value in self.saying:
            # What a person restored is theirs; that we say it again does not change that it is there.
            self.restored.discard(uuid)
            return uuid not in self.deleted
        if uuid in self.deleted:
            # It was deleted by a person and withdrawn by us: when we say it again, it stays theirs to restore.
            return False
        return uuid in self.restored


async def _run(deeds: list[tuple[Any, ...]]) -> None:
    history = History()
    for deed in deeds:
        await history.do(deed)


@settings(max_examples=60)
@given(st.lists(DEEDS, min_size=2, max_size=9))
def test_every_history_converges(deeds: list[tuple[Any, ...]]) -> None:
    asyncio.run(_run(deeds))


WHOLE = everything()
PARTS = st.tuples(
    st.sets(st.integers(0, len(WHOLE.facts) - 1)),
    st.sets(st.integers(0, len(WHOLE.edges) - 1)),
    st.booleans(),
    st.booleans(),
)
"""Which facts and edges of all are said, and whether scans and proofs are."""


def _part(facts: set[int], edges: set[int], scans: bool, proofs: bool) -> Investigation:
    left_out = {WHOLE.facts[number].vertex.id for number in facts}
    kept = [one for number, one in enumerate(WHOLE.edges) if number not in edges]
    return replace(
        WHOLE,
        facts=[fact for fact in WHOLE.facts if fact.vertex.id not in left_out],
        edges=[one for one in kept if not {one.out_id, one.in_id} & left_out],
        scans=WHOLE.scans if scans else (),
        proofs=WHOLE.proofs if proofs else (),
    )


async def _grow_and_shrink(steps: list[tuple[tuple[set[int], set[int], bool, bool], int, bool]]) -> None:
    fake, memory = FakeMisp(), KeptMemory()
    for parts, breaks_at, after in steps:
        what = _part(*parts)
        # Whoever starts anew after it broke off may have something else to say already.
        with contextlib.suppress(ConnectionFailedError):
            await bring(what, DirectServer(fake=fake, breaks_at=breaks_at, breaks_after=after), memory, publish=True)
    await bring(what, DirectServer(fake=fake), memory, publish=True)
    again = DirectServer(fake=fake)
    await bring(what, again, memory, publish=True)
    assert again.writes == 0
    assert fake.store.dropped == []
    if str(WHOLE.uuid) in fake.store.events:
        assert held(fake.store, str(WHOLE.uuid)) == said(what)
        assert fake.store.events[str(WHOLE.uuid)]["published"] is True


@settings(max_examples=12)
@given(st.lists(st.tuples(PARTS, st.integers(-1, 5), st.booleans()), min_size=2, max_size=5))
def test_objects_references_and_reports_come_and_go(
    steps: list[tuple[tuple[set[int], set[int], bool, bool], int, bool]],
) -> None:
    asyncio.run(_grow_and_shrink(steps))
