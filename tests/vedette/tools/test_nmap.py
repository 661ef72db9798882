"""`nmap`: its command line; and a real scan where nmap is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

import pytest
from pydantic import ValidationError

from tests.timing import PATIENCE
from vedette.clock import SystemClock
from vedette.tools.interface import Limits
from vedette.tools.nmap import Nmap, NmapArguments
from vedette.tools.parsers.nmap import NmapParser

# In CI a missing nmap is a failure, not a reason to skip.
needs_nmap = pytest.mark.skipif(
    shutil.which("nmap") is None and os.environ.get("CI") != "true", reason="nmap is not installed"
)


def test_the_target_cannot_become_an_option() -> None:
    assert NmapArguments().argv("-oN/tmp/x") == ["nmap", "-oX", "-", "--", "-oN/tmp/x"]


def test_each_argument_is_an_option() -> None:
    arguments = NmapArguments(
        ports="22,80-90", versions=True, skip_ping=True, connect=True, numeric=True, timing=4, scripts=("ssl-cert",)
    )
    assert arguments.argv("h")[3:] == [
        "-sV", "-Pn", "-sT", "-n", "-p", "22,80-90", "-T4", "--script", "ssl-cert", "--", "h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"ports": "80 -oN x"}, {"timing": 6}, {"scripts": ("../x",)}, {"scripts": ("-x",)}, {"other": 1}]
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NmapArguments(**wrong)


def test_targets_are_one() -> None:
    assert Nmap().objection("192.0.2.0/28") is None
    assert Nmap().objection("a b")
    assert Nmap().objection("")


async def test_without_nmap_the_result_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    result = await Nmap().run(target="127.0.0.1", arguments=NmapArguments(), limits=Limits(), clock=SystemClock())
    assert (result.exit_code, result.stderr, result.format) == (127, "nmap: command not found", "nmap-xml")


@needs_nmap
async def test_a_real_scan_is_parsed(serve: Any) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve(silence) as port:
        arguments = NmapArguments(ports=str(port), connect=True, skip_ping=True, numeric=True)
        result = await Nmap().run(
            target="127.0.0.1", arguments=arguments, limits=Limits(time_limit=PATIENCE), clock=SystemClock()
        )
    assert (result.exit_code, result.timed_out) == (0, False)
    form = NmapParser().parse(result.payload)
    (host,) = form.hosts
    assert (host.state, host.addresses[0].address) == ("up", "127.0.0.1")
    assert [(entry.port, entry.state) for entry in host.ports] == [(port, "open")]
