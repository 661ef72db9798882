"""Keeping processes: started in order, restarted when they die, given up when that cannot help, ended together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from tests.agents.conftest import until
from tests.agents.station import Until
from vedette.cli import supervisor
from vedette.cli.supervisor import ProcessFailedError, Supervisor

__all__ = ["until"]

READY = "print(json.dumps({'event': 'ready', 'pid': os.getpid()}), flush=True)"
STAY = "signal.pause()"


def script(*lines: str) -> list[str]:
    """Return a command that runs these lines of Python."""
    return [sys.executable, "-c", "\n".join(["import json, os, signal, sys, time", *lines])]


class Events(list[tuple[str, dict[str, Any]]]):
    """What children reported."""

    def note(self, name: str, event: dict[str, Any]) -> None:
        self.append((name, event))


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
async def keeper(events: Events) -> AsyncIterator[Supervisor]:
    keeper = Supervisor(on_event=events.note)
    yield keeper
    await keeper.stop()
    assert not [pid for pid in keeper.pids.values() if psutil.pid_exists(pid)]


async def test_a_child_is_ready_when_it_says_so_and_its_lines_are_events(
    keeper: Supervisor, events: Events, until: Until, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = ["print('not json', flush=True)", "print('[1]', flush=True)", "print(7, flush=True)"]
    later = "print(json.dumps({'event': 'committed', 'count': 1}), flush=True)"
    report = await keeper.start("hub", script(*noise, READY, later, STAY))
    assert report["pid"] == keeper.pids["hub"]
    await until(lambda: ("hub", {"event": "committed", "count": 1}) in events)
    assert capfd.readouterr().err.splitlines() == ["hub: not json", "hub: [1]", "hub: 7"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["print(json.dumps({'error': 'the port is taken'}))", "sys.exit(2)"], "the port is taken"),
        (["sys.exit(1)"], "it ended with exit code 1; its log is above"),
        (["os.kill(os.getpid(), 9)"], "it ended with exit code -9"),
    ],
)
async def test_a_child_that_cannot_start_is_one_line_with_its_reason(
    keeper: Supervisor, lines: list[str], reason: str
) -> None:
    with pytest.raises(ProcessFailedError) as failed:
        await keeper.start("hub", script(*lines))
    assert str(failed.value).startswith("the hub process did not start: ")
    assert reason in str(failed.value)


async def test_a_child_that_says_nothing_is_given_up(keeper: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "READY_WITHIN", 0.2)
    with pytest.raises(ProcessFailedError, match="was not ready within"):
        await keeper.start("hub", script(STAY))


async def test_a_child_that_dies_is_started_again_as_replaced(
    keeper: Supervisor, until: Until, tmp_path: Path
) -> None:
    first = await keeper.start("tsa", script(READY, STAY))
    keeper.replace_argv("tsa", script(f"open({str(tmp_path / 'again')!r}, 'w')", READY, STAY))
    with capture_logs() as lines:
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: keeper.report("tsa")["pid"] != first["pid"])
    assert (tmp_path / "again").exists()
    (line,) = [line for line in lines if line["event"] == "process died, starts over"]
    assert (line["process"], line["exit_code"]) == ("tsa", -9)
    assert not keeper.failed.done()


async def test_a_child_whose_configuration_became_wrong_is_given_up_with_the_reason(
    keeper: Supervisor, until: Until
) -> None:
    report = await keeper.start("hub", script(READY, STAY))
    keeper.replace_argv("hub", script("print(json.dumps({'error': 'vedette.yml: x: unknown key'}))", "sys.exit(2)"))
    os.kill(report["pid"], signal.SIGKILL)
    await until(keeper.failed.done)
    assert keeper.failed.result() == "the hub process cannot be kept running: vedette.yml: x: unknown key"


async def test_what_a_server_refuses_for_now_is_tried_again(keeper: Supervisor, until: Until, tmp_path: Path) -> None:
    report = await keeper.start("hub", script(READY, STAY))
    mark = str(tmp_path / "tried")
    twice = [f"if not os.path.exists({mark!r}):", f"    open({mark!r}, 'w'); sys.exit(1)"]
    keeper.replace_argv("hub", script(*twice, READY, STAY))
    os.kill(report["pid"], signal.SIGKILL)
    await until(lambda: keeper.report("hub")["pid"] != report["pid"])
    assert not keeper.failed.done()


async def test_a_stubborn_child_is_killed(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_WITHIN", 0.2)
    keeper = Supervisor(on_event=events.note)
    report = await keeper.start("hub", script("signal.signal(signal.SIGTERM, signal.SIG_IGN)", READY, STAY))
    await keeper.stop()
    assert not psutil.pid_exists(report["pid"])


async def test_children_are_ended_the_last_started_first(events: Events, tmp_path: Path) -> None:
    keeper = Supervisor(on_event=events.note)
    log = tmp_path / "ended"
    for name in ("xmpp", "tsa", "hub"):
        note = f"signal.signal(signal.SIGTERM, lambda *_: (open({str(log)!r}, 'a').write('{name} '), sys.exit(0)))"
        await keeper.start(name, script(note, READY, STAY))
    await keeper.stop()
    assert log.read_text().split() == ["hub", "tsa", "xmpp"]


async def test_nothing_is_started_again_while_all_is_being_ended(
    events: Events, monkeypatch: pytest.MonkeyPatch, until: Until, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "STOP_WITHIN", 1.5)
    keeper = Supervisor(on_event=events.note)
    slow = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(0)))"
    await keeper.start("xmpp", script(slow, READY, STAY))
    dying = await keeper.start("hub", script(READY, STAY))
    keeper.replace_argv("hub", script(f"open({str(tmp_path / 'again')!r}, 'w')", READY, STAY))
    os.kill(dying["pid"], signal.SIGKILL)
    with capture_logs() as lines:
        await until(lambda: any(line["event"] == "process died, starts over" for line in lines))
        await keeper.stop()
    assert not (tmp_path / "again").exists()


async def test_cancelling_a_start_leaves_the_child_for_stop(events: Events, until: Until) -> None:
    keeper = Supervisor(on_event=events.note)
    starting = asyncio.create_task(keeper.start("hub", script(STAY)))
    await until(lambda: "hub" in keeper.pids)
    starting.cancel()
    await asyncio.wait({starting})
    await keeper.stop()
    assert not psutil.pid_exists(keeper.pids["hub"])
