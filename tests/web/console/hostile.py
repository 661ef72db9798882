"""A store in which every text that others choose is an attack on the page that shows it."""

from __future__ import annotations

import base64

from registry import directory_rows
from registry.alarms import Alarms
from registry.audit import Audit, AuditEntry
from registry.correlation import Correlation
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.item_list import ItemList, ItemsWanted
from registry.queues import Asker, Queues
from tests.web.api.v1.conftest import ENGINE, an_item, delivery
from tests.web.console.hostile_sharing import poison_exports
from tests.web.console.hostile_work import (
    poison_access,
    poison_jobs,
    poison_repairs,
    poison_schedules,
)
from tests.web.console.page_list import Addresses
from vedette.canonical import canonical_json
from vedette.clock import SystemClock
from vedette.correlation.policy import CorrelationPolicy
from vedette.errors import RefusedError
from vedette.evidence.finding import Finding
from vedette.messages.card import Role
from vedette.messages.item import ReceivedItem

FIRST = 1000
"""Number of the first hostile item."""

ASKER = Asker(jid="rt@localhost", role="rt")


async def poison(database: Database, texts: list[str]) -> Addresses:
    """Put every text everywhere; returns addresses of the pages that show them."""
    await _agents(database, texts)
    items = _items(texts)
    intake = Intake(database=database, engine=ENGINE, clock=SystemClock())
    await intake.open()
    await intake.commit([delivery(items)])
    correlation = Correlation(database=database, engine=ENGINE, clock=SystemClock(), policy=CorrelationPolicy())
    while (await correlation.advance(limit=100)).items:
        pass
    await _letters(database, texts)
    alarms = Alarms(database=database, clock=SystemClock())
    await alarms.report([Finding(kind=text[:200], place=text, text=text) for text in texts])
    audit = Audit(database=database, clock=SystemClock())
    for text in texts:
        await audit.record(AuditEntry(who=text, action=text, object=text, origin=text, detail=text))
    await poison_repairs(database, texts)
    await poison_access(database, texts)
    jobs = await poison_jobs(database, texts)
    schedules = await poison_schedules(database, texts)
    kept = await ItemList(database=database).page(wanted=ItemsWanted(), limit=1_000)
    uuids = sorted({item.uuid for item in items} & {item.uuid for item in kept.rows})
    # Of two runs of a check the second shows what the first said, too.
    letters = [f"/dead-letters/queue:rt/{uuid}" for uuid in uuids[:2]]
    return {
        "/agents/{jid}": [f"/agents/hostile{number}@localhost" for number in (0, 12, 17)],
        "/items/{uuid}": [f"/items/{uuid}" for uuid in uuids[1::2]],
        "/dead-letters": ["/dead-letters?discarded=true"],
        "/dead-letters/decide": ["/dead-letters/decide?do=discard&all=true"],
        "/dead-letters/{place}/{uuid}": letters,
        "/dead-letters/{place}/{uuid}/edit": [f"{letter}/edit" for letter in letters],
        "/jobs/new": [f"/jobs/new?from={jobs[0]}", f"/jobs/new?from={jobs[5]}"],
        "/jobs/{uuid}": [f"/jobs/{jobs[number]}" for number in (0, 2, 6, 14, 17)],
        **schedules,
        **await poison_exports(database, texts),
    }


async def _agents(database: Database, texts: list[str]) -> None:
    directory = Directory(database=database, clock=SystemClock())
    for number, text in enumerate(texts):
        jid = f"hostile{number}@localhost"
        await directory.enrol(jid, role=Role.PROBE, public_key=None, unsigned_allowed=True)
        await directory.presence(jid, show="dnd", status=text, cause="presence")
        # As a card of another release might be: nothing of it is checked again when it is shown.
        clean = text.replace("\0", "").encode("utf-8", "replace").decode()[:10_000]
        card = canonical_json({"version": clean, "place": clean, "jid": clean}).decode()
        await database.write(
            lambda connection, jid=jid, card=card: directory_rows.store_card(
                connection, jid, card=card, signature="", signed_at=1, now=1
            )
        )


def _items(texts: list[str]) -> list[ReceivedItem]:
    items = []
    for number, text in enumerate(texts):
        for run in range(2):
            changes = {name: text for name in ("target", "verdict", "type", "check")}
            try:
                item = an_item(FIRST + 2 * number + run, source=f"vedette.x{number}", command=[text], **changes)
            except RefusedError:
                # No such item ever gets in.
                continue
            payload = canonical_json({"form": "x", text[:500].replace("\0", ""): f"{run}{text[:500]}"})
            items.append(_with_payload(item, payload))
    return items


def _with_payload(item: ReceivedItem, payload: bytes) -> ReceivedItem:
    return ReceivedItem(item.data | {"payload": {"raw": base64.b64encode(payload).decode()}})


async def _letters(database: Database, texts: list[str]) -> None:
    queues = Queues(database=database, clock=SystemClock(), max_attempts=1)
    for text in texts:
        held = await queues.lease("rt", asker=ASKER, life="l", limit=2, max_bytes=10**7, lease_seconds=60)
        await queues.reject("rt", asker=ASKER, life="l", failures=[(one.id, text) for one in held])
