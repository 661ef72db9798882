"""Investigations and their limits: what a policy keeps back, what is too much, and what cannot be read."""

from __future__ import annotations

from types import ModuleType

import pytest

from registry import sharing_graph, sharing_items, sharing_outputs
from tests.registry.gathered import (
    Fleet,
    fleet,
    names_of,
    scanned,
    uuid_of,
)
from vedette.errors import RefusedError
from vedette.sharing.investigation import Tlp
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection

pytestmark = pytest.mark.parametrize(("store_url", "graph_store_url"), [("sqlite", "sqlite")], indirect=True)

__all__ = ["fleet"]


async def test_only_what_is_proved_outside_goes_where_proof_is_wanted(fleet: Fleet) -> None:
    await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"))

    found = await fleet.gather("target=198.18.0.7", proved=True)

    assert (found.facts, found.scans, found.proofs) == ((), (), ())
    (one,) = found.withheld
    assert "not proved" in one.reason


async def test_raw_output_and_evidence_stay_here_where_the_policy_says_so(fleet: Fleet) -> None:
    await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"))

    without_raw = await fleet.gather("target=198.18.0.7", raw=False, bundles=True)
    without_proof = await fleet.gather("target=198.18.0.7", evidence=False, bundles=True)

    (scan,) = without_raw.scans
    assert (scan.raw, len(scan.services)) == (None, 2)
    (proof,) = without_raw.proofs
    assert proof.bundle is None
    assert [one.reason for one in without_raw.withheld] == ["the policy's raw is false"]
    assert without_proof.proofs == ()
    assert [one.reason for one in without_proof.withheld] == ["the policy's evidence is false"]


async def test_an_investigation_is_as_strict_as_the_strictest_in_it(fleet: Fleet) -> None:
    await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"), tlp="TLP:GREEN")
    await fleet.scan(2, "198.18.0.8", scanned("198.18.0.8"), tags=["tlp:amber"])

    assert (await fleet.gather("target=198.18.0.7", tlp="clear")).tlp is Tlp.GREEN
    assert (await fleet.gather("since=2000-01-01", tlp="clear")).tlp is Tlp.AMBER
    below = await fleet.gather("since=2000-01-01", tlp="clear", ceiling="green")
    assert (below.tlp, len(below.scans)) == (Tlp.GREEN, 1)
    with pytest.raises(RefusedError, match="TLP:AMBER"):
        await fleet.gather("target=198.18.0.7", ceiling="green")


@pytest.mark.parametrize(
    ("module", "limit", "select"),
    [
        (sharing_items, "MAX_ITEMS", "since=2000-01-01"),
        (sharing_graph, "MAX_MENTIONS", "since=2000-01-01"),
        (sharing_graph, "MAX_FACTS", "since=2000-01-01"),
        (sharing_graph, "MAX_FACTS", "vertex=198.18.0.7"),
    ],
)
async def test_too_much_is_refused_with_what_to_do(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, module: ModuleType, limit: str, select: str
) -> None:
    for number in (1, 2):
        await fleet.scan(number, "198.18.0.7", scanned("198.18.0.7"))
    monkeypatch.setattr(module, limit, 1)

    with pytest.raises(RefusedError, match="in parts"):
        await fleet.gather(select)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_SCANS", 1, "only the latest 1"),
        ("MAX_TOGETHER", 700, "all together"),
        ("MAX_PROOFS", 1, "latest 1 items"),
        ("MAX_BUNDLES", 1, "at most 1"),
        ("MAX_OUTPUT", 100, "more than 100 bytes"),
    ],
)
async def test_the_latest_go_and_the_rest_is_said(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    for number in (1, 2):
        await fleet.scan(number, "198.18.0.7", scanned("198.18.0.7"))
    monkeypatch.setattr(sharing_outputs, limit, value)

    found = await fleet.gather("target=198.18.0.7", bundles=True)

    assert any(reason in one.reason for one in found.withheld)
    assert names_of(found)
    if limit == "MAX_SCANS":
        assert [scan.item for scan in found.scans] == [uuid_of(2)]
    if limit == "MAX_PROOFS":
        assert [proof.item for proof in found.proofs] == [uuid_of(2)]
    if limit == "MAX_BUNDLES":
        assert [proof.bundle is not None for proof in found.proofs] == [False, True]
    if limit == "MAX_TOGETHER":
        assert [scan.raw is not None for scan in found.scans] == [True, False]


async def test_a_document_is_the_output_and_a_deleted_one_is_said(fleet: Fleet) -> None:
    await fleet.kept.store()
    await fleet.kept.commit(
        fleet.kept.large(uuid=uuid_of(1), target="198.18.0.9", command=["nc", "198.18.0.9"], check="c"),
        fleet.kept.sender.item(
            uuid=uuid_of(2), target="198.18.0.9", command=["nmap"], check="c", payload=b"<nmaprun"
        ),
    )

    found = await fleet.gather("target=198.18.0.9")

    documents = {scan.item: scan for scan in found.scans}
    assert documents[uuid_of(1)].raw is not None
    assert len(documents[uuid_of(1)].raw or b"") == documents[uuid_of(1)].size
    fleet.kept.content.remove(documents[uuid_of(1)].sha256)
    gone = await fleet.gather("target=198.18.0.9")
    assert {scan.item: scan for scan in gone.scans}[uuid_of(1)].raw is None
    assert any("deleted" in one.reason for one in gone.withheld)


async def test_an_output_that_cannot_be_read_is_shared_as_it_is_and_said(fleet: Fleet) -> None:
    await fleet.kept.commit(
        fleet.kept.sender.item(uuid=uuid_of(1), target="198.18.0.9", command=["nmap"], check="c", payload=b"<nmaprun")
    )

    found = await fleet.gather("target=198.18.0.9")

    assert found.scans[0].raw == b"<nmaprun"
    assert found.scans[0].services == ()


async def test_without_a_graph_outputs_and_proofs_go(fleet: Fleet) -> None:
    await fleet.scan(1, "198.18.0.7", scanned("198.18.0.7"))
    gathering = fleet.investigations(graph=False)
    policy = SharingPolicy()

    found = await gathering.gather(Selection.parse("target=198.18.0.7", clock=fleet.clock), policy=policy)

    assert (found.facts, len(found.scans), len(found.proofs)) == ((), 1, 1)
    with pytest.raises(RefusedError, match="graph"):
        await gathering.gather(Selection.parse("vertex=Emotet", clock=fleet.clock), policy=policy)
