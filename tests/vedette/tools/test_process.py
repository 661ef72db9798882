"""External commands: real processes, ended with all their children, whatever they do."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.timing import PATIENCE, bound
from vedette.clock import SystemClock
from vedette.tools import process
from vedette.tools.interface import Limits, Result
from vedette.tools.process import run_command

CLOCK = SystemClock()


async def run(*argv: str, time_limit: float = PATIENCE, output_limit: int = 10_000) -> Result:
    return await run_command(argv, limits=Limits(time_limit=time_limit, output_limit=output_limit), clock=CLOCK)


async def python(code: str, *, time_limit: float = PATIENCE, output_limit: int = 10_000) -> Result:
    return await run(sys.executable, "-c", code, time_limit=time_limit, output_limit=output_limit)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def gone(pid: int, *, within: float = PATIENCE) -> bool:
    end = time.monotonic() + within
    while alive(pid):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def content(path: Path) -> str:
    end = time.monotonic() + PATIENCE
    while not (text := written(path)):
        assert time.monotonic() < end, f"{path} was never written"
        await asyncio.sleep(0.01)
    return text


def written(path: Path) -> str:
    return path.read_text() if path.exists() else ""


ROOM = (0.5, 4.0, 30.0)
"""Time limits to try in turn: a slow machine may not even start a command in the first."""


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    grandchild = os.fork()
    if grandchild == 0:
        with open(sys.argv[1] + ".part", "w") as file:
            file.write(str(os.getpid()))
        os.rename(sys.argv[1] + ".part", sys.argv[1])
print("started", flush=True)
time.sleep(100)
"""


async def test_output_errors_and_exit_code_are_kept() -> None:
    result = await python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (result.payload, result.stderr, result.exit_code) == (b"out\n", "err", 3)
    assert not result.truncated
    assert not result.timed_out
    assert result.started_at < result.ended_at
    assert result.command[0] == sys.executable


async def test_arguments_reach_the_command_as_they_are() -> None:
    words = ("a b", "$HOME", "`id`", "; rm -rf /", "", "ü\n")
    result = await run(sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", *words)
    assert result.payload.decode().strip() == ascii(list(words))


async def test_the_surroundings_are_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_PASSWORD", "secret")
    code = "import os, sys; print(sorted(os.environ)); print(os.listdir()); print(repr(sys.stdin.read())); "
    code += "print(os.getsid(0) == os.getpid(), os.getcwd())"
    result = await python(code)
    names, listing, stdin, session = result.payload.decode().splitlines()
    assert set(names.strip("[]").replace("'", "").split(", ")) <= {"HOME", "LANG", "PATH", "TZ", "LC_CTYPE"}
    assert (listing, stdin) == ("[]", "''")
    leads, folder = session.split()
    assert leads == "True"
    assert written(Path(folder)) == ""


@pytest.mark.parametrize("name", ["no-such-command-here", "./no-such-file"])
async def test_a_missing_command_is_a_result(name: str) -> None:
    result = await run(name, "-x")
    assert (result.exit_code, result.payload) == (127, b"")
    assert result.stderr == f"{name}: command not found"
    assert result.command == (name, "-x")


async def test_what_cannot_be_executed_is_a_result(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "file"):
        if path != tmp_path:
            path.write_text("text")
        result = await run(str(path))
        assert (result.exit_code, result.stderr) == (126, f"{path}: Permission denied")
    result = await run("true", "x" * 3_000_000)
    assert (result.exit_code, result.stderr) == (126, "true: Argument list too long")


async def test_a_signal_is_a_negative_exit_code() -> None:
    assert (await python("import os; os.kill(os.getpid(), 11)")).exit_code == -11


async def test_the_time_limit_ends_it() -> None:
    for limit in ROOM:
        result = await run("sh", "-c", "echo before; exec sleep 100", time_limit=limit)
        assert result.timed_out
        assert result.stderr.endswith(f"ended at its time limit of {limit:g} s")
        if result.payload:
            break
    assert result.exit_code == -15
    assert result.payload == b"before\n"


async def test_grandchildren_that_ignore_sigterm_are_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    for limit in ROOM:
        result = await run(sys.executable, "-c", STUBBORN, str(mark), time_limit=limit)
        assert result.timed_out
        if mark.exists():
            break
    assert result.exit_code == -9
    assert await gone(int(mark.read_text()))


async def test_cancelling_ends_it_too(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    task = asyncio.create_task(run(sys.executable, "-c", STUBBORN, str(mark)))
    pid = int(await content(mark))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_cancelling_twice_still_ends_it(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    task = asyncio.create_task(run(sys.executable, "-c", STUBBORN, str(mark)))
    pid = int(await content(mark))
    task.cancel()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_what_is_left_behind_in_the_background_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"sleep 100 & echo $! > {mark}; echo done"
    begin = time.monotonic()
    result = await run("sh", "-c", script)
    assert (result.exit_code, result.payload) == (0, b"done\n")
    assert time.monotonic() - begin < bound(10.0)
    assert await gone(int(mark.read_text()))


async def test_a_daemon_that_holds_the_pipe_does_not_hold_us(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = "import os, sys, time\nif os.fork() == 0:\n os.setsid()\n open(sys.argv[1], 'w').write(str(os.getpid()))\n"
    code += " time.sleep(100)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)\nprint('done')"
    begin = time.monotonic()
    result = await run(sys.executable, "-c", code, str(mark))
    psutil.Process(int(await content(mark))).kill()
    assert result.payload == b"done\n"
    assert time.monotonic() - begin < bound(10.0)


async def test_more_output_than_is_kept_is_drained() -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('e' * 1_000_000)"
    result = await python(code, output_limit=1000)
    assert (result.payload, result.truncated, result.exit_code) == (b"x" * 1000, True, 0)
    assert len(result.stderr) == 8192


async def test_exactly_the_limit_is_not_truncated() -> None:
    result = await python("print('x' * 999)", output_limit=1000)
    assert (len(result.payload), result.truncated) == (1000, False)


async def test_a_flood_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FLOOD", 1_000_000)
    result = await run("yes", output_limit=1000)
    assert result.truncated
    assert not result.timed_out
    assert result.exit_code == -15
    assert "more than 1000000 bytes" in result.stderr


async def test_bytes_that_are_no_text_are_kept_and_shown() -> None:
    result = await python("import sys; sys.stdout.buffer.write(b'\\xff\\0'); sys.stderr.buffer.write(b'\\xff')")
    assert (result.payload, result.stderr) == (b"\xff\0", "\N{REPLACEMENT CHARACTER}")


async def test_nothing_stays_behind() -> None:
    descriptors = open_descriptors()
    await asyncio.gather(*(python("print(1)") for _ in range(5)), run("no-such-command-here"))
    children = psutil.Process().children()
    assert [child for child in children if child.status() == psutil.STATUS_ZOMBIE] == []
    # The event loop keeps two of its own after its first child.
    assert open_descriptors() <= descriptors + 2
