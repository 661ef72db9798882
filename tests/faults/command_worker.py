"""A process that runs `vedette` commands, each in a child of its own that may be told where to die.

A line is JSON: `{"words": […], "kill_at": n}`. The child runs the command, and is killed before it touches the
file system for the nth time (0: never). The answer is JSON: exit status (-9: killed), how often it touched it, and
what it said. Importing once and forking makes hundreds of runs affordable.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import orjson

from vedette.cli import backup, restore
from vedette.cli.main import run

TOUCHES = frozenset(
    {
        "open",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.chmod",
        "sqlite3.connect",
        "shutil.rmtree",
    }
)
"""What counts as touching the file system, by the names of Python's audit events."""

IMPORTED = (alembic.command, alembic.config, backup, restore)
"""What commands import when they need it: here once for all children."""


class Touches:
    """Counts, and kills."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.seen = 0

    def __call__(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHES:
            return
        self.seen += 1
        if self.seen == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def run_child(words: list[str], kill_at: int, report: Path) -> None:
    said, touches = io.StringIO(), Touches(kill_at)
    sys.argv = ["vedette", *words]
    status = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        sys.addaudithook(touches)
        try:
            run()
        except SystemExit as end:
            status = int(end.code or 0)
    report.write_bytes(orjson.dumps({"touches": touches.seen, "said": said.getvalue()}))
    os._exit(status)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report"
        for line in sys.stdin:
            order = orjson.loads(line)
            report.write_bytes(b"{}")
            child = os.fork()
            if child == 0:
                run_child(order["words"], order["kill_at"], report)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            answer = {"status": status, "touches": 0, "said": ""} | orjson.loads(report.read_bytes())
            sys.stdout.write(orjson.dumps(answer).decode() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
