"""Revocation lists are collected, kept for bundles, and void what RFC 3161 section 4 says is void."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from behaviours.renew import RenewalRun
from registry.database import Database
from registry.items import Items
from registry.proof_state import ProofState
from registry.renewals import Renewals
from tests.behaviours.revoking import DAY, Revoking
from tests.vedette.evidence.forge import Chain
from tests.vedette.evidence.listing import ListServer, listed_chain, revocation_list
from vedette.clock import ManualClock
from vedette.errors import EvidenceError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verification import verify_bundle


@pytest.fixture
async def revoking(database: Database, clock: ManualClock, sender: Any) -> AsyncIterator[Revoking]:
    server = ListServer()
    await server.start()
    made = Revoking(database=database, clock=clock, server=server)
    await made.collect(sender)
    yield made
    await server.stop()


async def test_a_list_is_fetched_once_a_day_and_goes_into_the_bundle(revoking: Revoking) -> None:
    revoking.publish()
    await revoking.refresh()
    await revoking.refresh()
    assert len(revoking.server.requests) == 1

    contents = await revoking.proofs.bundle_contents(revoking.uuid)
    assert list(contents.crls.values()) == [revoking.server.body]
    verdict = verify_bundle(build_bundle(contents), roots=revoking.roots, now=revoking.clock.now())
    assert verdict.ok, verdict.reasons
    assert any("1 revocation lists" in check.text for check in verdict.checks)

    revoking.clock.advance(DAY + 1)
    revoking.publish()
    await revoking.refresh()
    assert len(revoking.server.requests) == 2
    assert list((await revoking.proofs.bundle_contents(revoking.uuid)).crls.values()) == [revoking.server.body]
    assert await revoking.alarms.all() == []


@pytest.mark.parametrize("reason", [x509.ReasonFlags.key_compromise, None])
async def test_a_compromise_or_no_reason_voids_what_was_stamped_before(
    revoking: Revoking, reason: x509.ReasonFlags | None
) -> None:
    assert await revoking.state() is ProofState.PROVED
    revoking.clock.advance(5 * DAY)
    revoking.publish(revoked=revoking.today, reason=reason)
    await revoking.refresh()

    assert await revoking.state() is ProofState.FAILED
    assert "is void" in (await Items(database=revoking.database).proof(revoking.uuid)).reason
    (alarm,) = await revoking.alarms.all()
    assert (alarm.kind, "1 time-stamps are void" in alarm.text) == ("revocation", True)
    with pytest.raises(EvidenceError, match="is void"):
        await revoking.proofs.bundle_contents(revoking.uuid)


async def test_another_reason_leaves_them_and_makes_them_due_for_renewal(revoking: Revoking, tmp_path: Path) -> None:
    revoking.clock.advance(5 * DAY)
    revoking.publish(revoked=revoking.today, reason=x509.ReasonFlags.cessation_of_operation)
    await revoking.refresh()

    assert await revoking.state() is ProofState.PROVED
    assert [alarm.kind for alarm in await revoking.alarms.all()] == ["revocation"]
    other = LocalAuthority.open(tmp_path / "other", clock=revoking.clock, create=True, name="other")
    other.external = True
    run = RenewalRun(
        renewals=Renewals(database=revoking.database, clock=revoking.clock),
        lists=revoking.lists,
        alarms=revoking.alarms,
        authorities=[revoking.authority, other],
        clock=revoking.clock,
    )
    report = await run.run()
    assert (report.renewed, report.left) == (1, ())

    # What happens to the key after the renewal is harmless: the renewal shows what existed before.
    revoking.clock.advance(2 * DAY)
    revoking.publish(revoked=revoking.today, reason=x509.ReasonFlags.key_compromise)
    await revoking.refresh()
    assert await revoking.state() is ProofState.PROVED
    contents = await revoking.proofs.bundle_contents(revoking.uuid)
    roots = TrustRoots((*revoking.roots.certificates, *other.roots.certificates))
    verdict = verify_bundle(build_bundle(contents), roots=roots, now=revoking.clock.now())
    assert verdict.ok, verdict.reasons


async def test_a_second_authority_keeps_the_item_proved_and_the_void_one_is_left_out(
    revoking: Revoking, tmp_path: Path
) -> None:
    other = LocalAuthority.open(tmp_path / "other", clock=revoking.clock, create=True, name="other")
    await revoking.stamp(other)
    assert await revoking.state() is ProofState.STRONG
    revoking.clock.advance(5 * DAY)
    revoking.publish(revoked=revoking.today, reason=x509.ReasonFlags.key_compromise)
    await revoking.refresh()

    assert await revoking.state() is ProofState.PROVED
    contents = await revoking.proofs.bundle_contents(revoking.uuid)
    assert [token.name for token in contents.tokens] == ["other"]
    verdict = verify_bundle(build_bundle(contents), roots=other.roots, now=revoking.clock.now())
    assert verdict.ok, verdict.reasons


async def test_lists_of_strangers_old_ones_and_none_at_all_change_nothing(revoking: Revoking) -> None:
    await revoking.refresh()
    revoking.clock.advance(5 * DAY)
    stranger = listed_chain(revoking.server.url, start=revoking.today - timedelta(days=20), root=66)
    forged = Chain(issued=(revoking.chain.signer, stranger.issued[-1]))
    revoking.server.body = revocation_list(forged, made=revoking.today, revoked=revoking.today)
    await revoking.refresh()
    assert (await revoking.proofs.bundle_contents(revoking.uuid)).crls == {}
    assert await revoking.state() is ProofState.PROVED

    old = revocation_list(revoking.chain, made=revoking.today - timedelta(days=1))
    revoking.clock.advance(2 * DAY)
    revoking.publish()
    new = revoking.server.body
    await revoking.refresh()
    revoking.clock.advance(2 * DAY)
    revoking.server.body = old
    await revoking.refresh()
    assert list((await revoking.proofs.bundle_contents(revoking.uuid)).crls.values()) == [new]
    assert await revoking.alarms.all() == []
