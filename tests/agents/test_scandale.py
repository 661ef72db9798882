"""An agent written as SCANDALE's probe is, on plain SPADE: its bare messages become items with proof."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.items import ItemFilter
from tests.agents.station import Station, Until
from tests.timing import PATIENCE
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role

SCRIPT = Path(__file__).with_name("scandale_probe.py")


def standard_form(key: str = "raw", **meta: Any) -> dict[str, Any]:
    """Return an item as SCANDALE's probes make it; its first ones said `row` for `raw`."""
    return {
        "version": "1",
        "format": "nmap",
        "meta": {"uuid": str(uuid4()), "ts": int(time.time()), "type": "scan", **meta},
        "payload": {key: base64.b64encode(b"<nmaprun/>").decode()},
    }


@asynccontextmanager
async def sending(station: Station, name: str, *bodies: str, enrolled: bool = True) -> AsyncIterator[None]:
    """Run SCANDALE's probe with an account of its own; who leaves at once may take the last message along."""
    identity = await station.identity(name, Role.PROBE, enrolled=False)
    if enrolled:
        await station.directory.enrol(identity.jid, role=Role.PROBE, public_key=None, unsigned_allowed=True)
    wanted = {
        "jid": identity.jid,
        "password": identity.password,
        "port": station.server.port,
        "to": station.jid("engine"),
        "bodies": bodies,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=station.folder,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(wanted).encode() + b"\n")
    try:
        yield
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()


@pytest.mark.parametrize("key", ["raw", "row"])
async def test_an_enrolled_one_s_item_is_stored_marked_and_proved(
    station: Station, until: Until, authority: LocalAuthority, key: str
) -> None:
    await station.start_hub(authority)
    item = standard_form(key, source="scandale.in.structured.nmap")
    async with sending(station, "scandale", json.dumps(item)):
        await until(lambda: any(event["event"] == "stamped" for event in station.progress))

    (summary,) = (await station.items.page(wanted=ItemFilter())).items
    assert (summary.uuid, summary.unsigned, summary.agent) == (item["meta"]["uuid"], True, station.jid("scandale"))
    assert summary.state.value == "self-asserted"
    stored = await station.items.get(summary.uuid)
    assert stored is not None
    assert stored["payload"]["raw"] == item["payload"][key]
    bundle = build_bundle(await station.proofs.bundle_contents(summary.uuid))
    verdict = verify_bundle(bundle, roots=authority.roots, now=station.clock.now())
    assert verdict.ok, verdict.reasons


async def test_one_that_is_not_enrolled_for_it_is_refused(station: Station, until: Until) -> None:
    await station.start_hub()
    async with sending(station, "stranger", json.dumps(standard_form()), enrolled=False):
        await until(lambda: station.engine.counters["refused"] >= 1)
    assert await station.count() == 0
    assert any("is not enrolled" in message.outcome for message in station.engine.state().messages)


async def test_malformed_results_are_refused_with_the_field_and_a_good_one_is_taken(
    station: Station, until: Until
) -> None:
    await station.start_hub()
    wrong: list[tuple[Any, str]] = [
        ("{", "json"),
        ("[]", "item"),
        (json.dumps({"version": "1", "format": "x"}), "meta"),
        (json.dumps(standard_form() | {"payload": {"raw": "!"}}), "payload.raw"),
        (json.dumps(standard_form() | {"payload": {}}), "payload"),
        (json.dumps(standard_form(ts="now")), "meta.ts"),
        (json.dumps(standard_form(uuid="1")), "meta"),
        (json.dumps(standard_form(agent=station.jid("somebody-else"))), "agent"),
    ]
    good = json.dumps(standard_form())
    async with sending(station, "careless", *[body for body, _ in wrong], good, good):
        await until(lambda: station.engine.receiving.counters["items"] == 1)
        await until(lambda: station.engine.receiving.counters["duplicates"] == 1)
    assert await station.count() == 1
    refusals = sorted(await station.refusals.last(), key=lambda refusal: refusal.at)
    assert {refusal.sender for refusal in refusals} == {station.jid("careless")}
    assert len(refusals) == len(wrong)
    for refusal, (body, field) in zip(refusals, wrong, strict=True):
        assert field in refusal.field, (body, refusal)
