"""A real probe agent from SCANDALE's JSON file: what it sees becomes items, verdicts travel, its page shows runs."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import aiohttp

from agents.field import make_probe
from agents.probe import ProbeAgent
from registry.items import ItemFilter, ItemSummary
from tests.agents.station import Station, Until
from vedette.configuration.probe import load_probe
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.bundle import build_bundle
from vedette.evidence.verification import verify_bundle
from vedette.messages.card import Role
from vedette.messages.state import AgentState

SCANDALE = {
    "uuid": "",
    "version": "1.0",
    "type": "scan",
    "period": "",
    "target": "",
    "command": "",
    "args": [],
    "format": "",
    "expected_value": "",
    "result_parser": "",
    "up_agent": "aggregation",
    "jid": "",
    "passwd": "",
}
"""SCANDALE's file with every key, nothing in it."""


async def _probe(station: Station, *, once: bool = True, **keys: Any) -> ProbeAgent:
    """Start the probe that a file describes."""
    identity = await station.identity("probe", Role.PROBE)
    file = station.folder / "probe.json"
    period = keys.pop("period", 0)
    content = SCANDALE | {"jid": identity.jid, "passwd": identity.password, "period": period} | keys
    file.write_text(json.dumps(content))
    probe = make_probe(
        load_probe(file),
        file=file,
        identity=identity,
        outbox=station.folder / "probe.db",
        clock=station.clock,
        once=once,
    )
    await probe.outbox.open()
    await station.start(probe)
    return probe


async def _items(station: Station) -> list[ItemSummary]:
    return list((await station.items.page(wanted=ItemFilter())).items)


async def _content(station: Station, uuid: str) -> tuple[dict[str, Any], bytes]:
    item = await station.items.get(uuid)
    assert item is not None
    return item["meta"], base64.b64decode(item["payload"]["raw"])


async def test_a_built_in_tool_sees_the_server_and_its_verdict_is_proved(
    station: Station, until: Until, authority: LocalAuthority
) -> None:
    await station.start_hub(authority)
    probe = await _probe(
        station,
        command="vedette:tcp-connect",
        target="127.0.0.1",
        args=["--port", str(station.server.port)],
        expected_value={"open": True},
    )
    await until(lambda: any(event["event"] == "stamped" for event in station.progress))
    (item,) = await _items(station)
    assert item.uuid == probe.running.last_uuid
    assert (item.agent, item.type) == (probe.identity.jid, "scan")
    meta, _ = await _content(station, item.uuid)
    assert meta["target"] == "127.0.0.1"
    assert meta["exit_code"] == 0
    assert meta["verdict"] == item.verdict == probe.running.last_verdict
    bundle = build_bundle(await station.proofs.bundle_contents(item.uuid))
    assert verify_bundle(bundle, roots=authority.roots, now=station.clock.now()).ok
    await probe.outbox.close()


async def test_a_command_s_output_and_words_travel_exactly(station: Station, until: Until) -> None:
    await station.start_hub()
    probe = await _probe(
        station,
        command=["printf", "%s|"],
        args=["{target}", "$HOME `id`"],
        target="a b; c",
        expected_value="a b; c|$HOME `id`|",
        up_agent=station.jid("engine"),
    )
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    meta, payload = await _content(station, probe.running.last_uuid)
    assert payload == b"a b; c|$HOME `id`|"
    assert meta["command"] == ["printf", "%s|", "a b; c", "$HOME `id`"]
    assert meta["verdict"] == "as expected"
    await probe.outbox.close()


async def test_a_failing_command_is_an_item_with_exit_code_and_stderr(station: Station, until: Until) -> None:
    await station.start_hub()
    probe = await _probe(station, command=["sh", "-c", "echo broken >&2; exit 3"], expected_value="fine")
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    meta, _ = await _content(station, probe.running.last_uuid)
    assert (meta["exit_code"], meta["verdict"]) == (3, "deviates")
    assert "broken" in json.dumps(meta)
    await probe.outbox.close()


async def test_a_command_that_does_not_exist_is_an_item_too(station: Station, until: Until) -> None:
    await station.start_hub()
    probe = await _probe(station, command=["no-such-command-anywhere"])
    await until(lambda: probe.delivering.counters["confirmed"] == 1)
    meta, _ = await _content(station, probe.running.last_uuid)
    assert meta["exit_code"] == 127
    assert "not found" in json.dumps(meta)
    await probe.outbox.close()


async def test_its_page_shows_the_runs_and_escapes_what_they_say(station: Station, until: Until) -> None:
    await station.start_hub()
    probe = await _probe(
        station, once=False, period=0.1, command=["echo", "<script>alert(1)</script>"], expected_value="other"
    )
    await until(lambda: probe.delivering.counters["confirmed"] >= 3)
    async with aiohttp.ClientSession() as browser:
        async with browser.get(probe.address) as answer:
            page = await answer.text()
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with browser.get(f"{probe.address}?format=json") as answer:
            state = AgentState.model_validate(await answer.json())
    assert "Last runs" in page
    assert "deviates" in page
    assert probe.running.last_uuid[:8] in page or any(item.uuid in page for item in await _items(station))
    assert "<script>alert" not in page
    runs = next(panel for panel in state.panels if panel.title == "Last runs")
    assert len(runs.rows) >= 3
    assert {behaviour.name for behaviour in state.behaviours} >= {"run check", "deliver", "register", "answer state"}
    assert state.presence.show == "available"
    metas = [(await _content(station, item.uuid))[0] for item in await _items(station)]
    assert sorted(meta["origin_seq"] for meta in metas) == list(range(len(metas)))
    await probe.stop()
    await probe.outbox.close()


async def test_a_probe_that_is_ended_ends_its_command_too(station: Station, until: Until) -> None:
    await station.start_hub()
    mark = station.folder / "pid"
    probe = await _probe(station, command=["sh", "-c", f"echo $$ > {mark}; exec sleep 600"])
    await until(lambda: mark.exists() and mark.read_text().strip())
    pid = int(mark.read_text())
    await probe.stop()
    await until(lambda: not _alive(pid))
    assert probe.running.state().state == "stopped"
    await probe.outbox.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
