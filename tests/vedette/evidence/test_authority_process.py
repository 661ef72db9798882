"""The local authority as a process: ready in one line, lean, fast, and gone with its parent."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from typer.testing import CliRunner

from tests.timing import PATIENCE, bound
from tests.vedette.evidence.oracle import OpenSsl
from vedette.cli.tsa import app
from vedette.clock import SystemClock
from vedette.evidence.authority.identity import create_identity
from vedette.evidence.exchange import build_query, token_from_response

DATA = b"what was observed"
COMMAND = [sys.executable, "-m", "vedette.evidence.authority"]
ROOT = Path(__file__).resolve().parents[3]
MAX_MEMORY = 40 * 1024**2
HEADERS = {"Content-Type": "application/timestamp-query"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "tsa"
    create_identity(path, clock=SystemClock())
    return path


@contextmanager
def started(*command: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that said where it listens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def ask(url: str, body: bytes, count: int = 1) -> bytes:
    """Post a query a number of times over one connection; return the last response."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    answer = b""
    for _ in range(count):
        connection.request("POST", "/", body, HEADERS)
        answer = connection.getresponse().read()
    connection.close()
    return answer


def test_it_is_ready_answers_openssl_and_ends_cleanly(folder: Path, openssl: OpenSsl) -> None:
    with started(*COMMAND, "--folder", str(folder), "--port", "0", "--parent-pid", str(os.getpid())) as (
        process,
        ready,
    ):
        assert int(ready["pid"]) == process.pid
        query = openssl.query(DATA, "-sha256", "-cert")
        response = ask(ready["url"], query)
        assert openssl.accepts(response=response, query=query, roots_pem=Path(ready["roots"]).read_bytes())
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_it_is_lean_and_fast(folder: Path) -> None:
    query = build_query(hashlib.sha256(DATA).digest(), nonce=1)
    with started(*COMMAND, "--folder", str(folder)) as (process, ready):
        ask(ready["url"], query)
        watched = psutil.Process(process.pid)
        assert watched.memory_full_info().pss < MAX_MEMORY
        before = watched.cpu_times()
        clients = [threading.Thread(target=ask, args=(ready["url"], query, 250)) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        after = watched.cpu_times()
        # Its own time on the processor: 1,000 requests in a second.
        assert after.user + after.system - before.user - before.system < bound(1.0)
        token_from_response(ask(ready["url"], query))


PARENT = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:], "--parent-pid", str(os.getpid())], stdout=subprocess.PIPE)
sys.stdout.buffer.write(child.stdout.readline())
sys.stdout.flush()
sys.stdin.read()
"""


def test_it_ends_with_its_parent_even_if_that_is_killed(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, *COMMAND, "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(json.loads(parent.stdout.readline())["pid"])
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=PATIENCE)
    assert gone


def test_a_parent_that_is_already_gone_is_told(folder: Path) -> None:
    refused = subprocess.run(
        [*COMMAND, "--folder", str(folder), "--parent-pid", "1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE,
    )
    assert refused.returncode == 2
    assert refused.stderr == "--parent-pid: process 1 is not our parent (any more)\n"


def test_a_folder_without_authority_is_one_line_and_exit_2(tmp_path: Path) -> None:
    refused = subprocess.run(
        [*COMMAND, "--folder", str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "make one with 'vedette tsa init'" in refused.stderr


class TestCommandLine:
    """`vedette tsa`."""

    def test_init_makes_an_authority_once(self, tmp_path: Path) -> None:
        folder, runner = tmp_path / "tsa", CliRunner()
        made = runner.invoke(app, ["init", "--folder", str(folder), "--json"])
        assert made.exit_code == 0
        assert json.loads(made.stdout)["roots"] == str(folder / "roots.pem")
        again = runner.invoke(app, ["init", "--folder", str(folder)])
        assert again.exit_code == 2
        assert "already holds an authority" in again.stderr

    def test_init_says_what_self_asserted_means(self, tmp_path: Path) -> None:
        made = CliRunner().invoke(app, ["init", "--folder", str(tmp_path / "tsa")])
        assert "self-asserted" in made.stdout
        assert str(tmp_path / "tsa" / "roots.pem") in made.stdout

    def test_serve_answers_until_it_is_interrupted(self, folder: Path) -> None:
        serve = "from vedette.cli.tsa import app; app()"
        with started(sys.executable, "-c", serve, "serve", "--folder", str(folder)) as (process, ready):
            query = build_query(hashlib.sha256(DATA).digest(), nonce=1)
            assert token_from_response(ask(ready["url"], query))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0

    def test_serve_without_an_authority_is_exit_2(self, tmp_path: Path) -> None:
        refused = CliRunner().invoke(app, ["serve", "--folder", str(tmp_path)])
        assert refused.exit_code == 2
        assert "make one with" in refused.stderr
