"""Outputs that are too large for memory: kept in a file, whole up to a limit, and never left behind."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.timing import PATIENCE
from vedette.clock import ManualClock, SystemClock
from vedette.configuration.probe import DEFAULT_DOCUMENT_LIMIT, ProbeConfiguration
from vedette.messages.item import ReceivedItem
from vedette.tools.check import Check, Observation
from vedette.tools.interface import Limits, Result
from vedette.tools.process import run_command

MIB = 1024 * 1024


async def run(code: str, folder: Path, *, limit: int, time_limit: float = PATIENCE) -> Result:
    limits = Limits(time_limit=time_limit, output_limit=1000, document_limit=limit, folder=folder)
    return await run_command([sys.executable, "-c", code], limits=limits, clock=ManualClock())


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def write(count: int) -> str:
    return f"import sys; sys.stdout.write('x' * {count})"


async def test_what_fits_into_memory_makes_no_file(tmp_path: Path) -> None:
    result = await run(write(1000), tmp_path, limit=MIB)
    assert (result.file, result.payload, result.truncated) == (None, b"x" * 1000, False)
    assert files(tmp_path) == []


async def test_what_does_not_is_in_the_file_whole_with_its_beginning_at_hand(tmp_path: Path) -> None:
    result = await run(write(3 * MIB), tmp_path, limit=4 * MIB)
    assert result.file is not None
    assert files(tmp_path) == [result.file]
    assert result.file.read_bytes() == b"x" * (3 * MIB)
    assert (result.payload, result.truncated) == (b"x" * 1000, False)
    assert result.file.stat().st_mode & 0o777 == 0o600


async def test_past_the_limit_it_is_cut_and_said(tmp_path: Path) -> None:
    result = await run(write(3 * MIB), tmp_path, limit=2 * MIB)
    assert result.file is not None
    assert (result.file.stat().st_size, result.truncated) == (2 * MIB, True)


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let the kernel refuse what makes a file larger than 1 MiB, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_cuts_the_output_and_says_so(tmp_path: Path, small_files: None) -> None:
    result = await run(write(3 * MIB), tmp_path, limit=4 * MIB)
    assert (result.file, result.payload, result.truncated) == (None, b"x" * 1000, True)
    assert "the output was cut" in result.stderr
    assert files(tmp_path) == []


async def test_a_run_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    code = f"import sys, time; sys.stdout.write('x' * {MIB}); sys.stdout.flush(); time.sleep(60)"
    running = asyncio.create_task(run(code, tmp_path, limit=4 * MIB))
    async with asyncio.timeout(PATIENCE):
        while not any(path.stat().st_size == MIB for path in files(tmp_path)):
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert files(tmp_path) == []


async def observe(folder: Path, code: str, **fields: Any) -> Observation:
    configuration = ProbeConfiguration.model_validate(
        {"command": [sys.executable, "-c", code], "jid": "probe@localhost", "passwd": "x", **fields}
    )
    check = Check.from_configuration(configuration, clock=SystemClock())
    return await check.observe(folder=folder)


async def test_an_observation_refers_to_its_file_and_is_a_valid_item(tmp_path: Path) -> None:
    seen = await observe(tmp_path, write(MIB), expected_value="re:x{1000}")
    assert seen.document is not None
    assert files(tmp_path) == [seen.document]
    sha256 = hashlib.sha256(b"x" * MIB).hexdigest()
    assert seen.item["payload"] == {"document": sha256}
    meta = seen.item["meta"]
    assert (meta["sha256"], meta["size"], meta["verdict"]) == (sha256, MIB, "as expected")
    assert ReceivedItem(seen.item).payload_sha256 == sha256


async def test_what_cannot_be_parsed_travels_whole_with_the_reason(tmp_path: Path) -> None:
    seen = await observe(tmp_path, write(MIB), result_parser="nmap")
    assert seen.item["meta"]["size"] == MIB
    assert "nmap" in seen.item["meta"]["parse_error"]
    assert len(files(tmp_path)) == 1


async def test_more_than_is_parsed_says_so(tmp_path: Path) -> None:
    seen = await observe(tmp_path, write(17 * MIB), result_parser="lines")
    assert seen.item["meta"]["size"] == 17 * MIB
    assert "are parsed" in seen.item["meta"]["parse_error"]


async def test_a_parsed_form_that_is_large_replaces_the_outputs_file(tmp_path: Path) -> None:
    seen = await observe(tmp_path, "print(('x' * 99 + '\\n') * 10_000)", result_parser="lines")
    assert "parse_error" not in seen.item["meta"]
    assert seen.item["meta"]["content_type"] == "application/json"
    assert files(tmp_path) == [seen.document]


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, DEFAULT_DOCUMENT_LIMIT),
        ({"document_limit": MIB}, MIB),
        ({"document_limit": 0, "output_limit": 100}, 100),
        ({"output_limit": 100}, 100),
        ({"output_limit": 100, "document_limit": 1000}, 1000),
    ],
)
async def test_limits_are_what_the_configuration_says(tmp_path: Path, fields: dict[str, Any], most: int) -> None:
    configuration = ProbeConfiguration.model_validate({"command": "true", "jid": "p@l", "passwd": "x", **fields})
    assert configuration.largest_output == most


async def test_memory_stays_flat_while_an_output_is_kept(tmp_path: Path) -> None:
    me = psutil.Process()
    await observe(tmp_path, write(MIB))
    before = most = me.memory_info().rss
    running = asyncio.create_task(observe(tmp_path, f"import sys\nfor _ in range(60): sys.stdout.write('x' * {MIB})"))
    while not running.done():
        most = max(most, me.memory_info().rss)
        await asyncio.sleep(0.005)
    assert (await running).item["meta"]["size"] == 60 * MIB
    assert most - before < 8 * MIB
