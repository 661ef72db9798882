"""What every program has that runs until it is told to end: the signals that end it, and where it logs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.timing import PATIENCE
from tests.vedette.cli.commands import complaint, vedette
from vedette.cli.running import stop_on_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def hung_up_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a terminal's end does to a new process: what the parameter says."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGHUP, request.param)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("hung_up_on", [signal.SIG_DFL], indirect=True)
@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_ends_it(hung_up_on: None, number: signal.Signals) -> None:
    stop = stop_on_signals()
    os.kill(os.getpid(), number)
    async with asyncio.timeout(PATIENCE):
        await stop.wait()
    _forget()


@pytest.mark.parametrize("hung_up_on", [signal.SIG_IGN], indirect=True)
async def test_under_nohup_the_end_of_the_terminal_does_not(hung_up_on: None) -> None:
    stop = stop_on_signals()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not stop.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        await stop.wait()
    _forget()


def _forget() -> None:
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)


@pytest.mark.parametrize("command", ["agent probe -c probe.json", "collect --file sources.json"])
def test_a_file_of_the_log_that_cannot_be_opened_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "probe.json").write_text('{"command": ["true"], "jid": "one@localhost"}')

    said = vedette(*command.split(), "--log-file", "missing/one.log", folder=tmp_path)

    assert said.returncode == 2
    assert complaint(said) == "vedette: --log-file: missing/one.log cannot be opened: No such file or directory"
