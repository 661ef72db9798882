"""What another process writes into the audit log is in the running engine's chain soon, stamped and verifiable."""

from __future__ import annotations

from functools import partial

from registry.audit import Audit, AuditEntry, AuditRecord
from registry.database import Database
from tests.agents.station import Station, Until, make_item
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle


async def _newest(station: Station) -> AuditRecord:
    return (await station.audit.page(limit=1)).entries[0]


async def _is_stamped(station: Station, number: int) -> bool:
    return (await station.audit.get(number)).state.is_stamped


async def test_an_entry_of_another_process_is_logged_stamped_and_bundled(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    entry = AuditEntry(who="command line root", action="test.deed", object="x", origin="command line")
    with Database(station.store_url) as other:
        await Audit(database=other, clock=station.clock).record(entry)
    found = await _newest(station)
    assert (found.action, found.who) == ("test.deed", "command line root")

    await until(partial(_is_stamped, station, found.id))

    bundle = build_bundle(await station.proofs.audit_bundle_contents(found.id))
    assert verify_bundle(bundle, roots=authority.roots, now=station.clock.now()).ok
    assert station.engine.stamping.counters["audit entries logged"] >= 1


async def test_enrolment_and_revocation_while_items_come_in_are_in_the_same_chain(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    sender = await station.sender()
    await sender.observe(*[make_item() for _ in range(40)])
    await until(lambda: sender.delivering.counters["confirmed"] == 40)
    await station.directory.revoke(sender.identity.jid)
    revoked = await _newest(station)
    assert (revoked.action, revoked.object) == ("agent.revoke", sender.identity.jid)

    await until(partial(_is_stamped, station, revoked.id))

    after = await station.audit.get(revoked.id)
    entries = (await station.audit.page()).entries
    enrolled = next(
        entry for entry in entries if (entry.action, entry.object) == ("agent.enroll", sender.identity.jid)
    )
    assert enrolled.log_index is not None
    assert after.log_index is not None
    assert enrolled.log_index < after.log_index
    assert (after.engine, after.epoch) == (station.engine.identity.jid, enrolled.epoch)
    assert await station.count() == 40
