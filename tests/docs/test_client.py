"""The commands and the Python of docs/client.md, run as the page has them."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from registry.callers import Scope
from tests.timing import PATIENCE
from tests.vedette.cli.commands import environment
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, uuid_of
from vedette.cli.main import build

__all__ = ["database", "filled", "hub", "hub_view", "paths"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "client.md").read_text()


def blocks(language: str) -> list[str]:
    """The examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def test_the_commands_of_the_page_work(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "vedette.yml").write_text("data: var\n")
    (tmp_path / "report.txt").write_text("a report")
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(await hub.key(*Scope))
    values = {"HUB": hub.server.url, "ITEM": uuid_of(3), "EVENT": "0.0.0.0"}
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 12
    for line in lines:
        text = re.sub(r"\$([A-Z]+)", lambda match: values[match[1]], line)
        _, *words = shlex.split(text)
        words = [str(tmp_path / word) if word in FILES else word for word in words]
        if "--url" not in words:
            words += ["-c", str(tmp_path / "vedette.yml")]
        done = await asyncio.to_thread(CliRunner().invoke, build(words), words)
        assert done.exit_code == 0, (line, done.output, done.exception)


FILES = {"key", "report.txt", "payload.bin", "proof.zip"}


async def test_the_python_of_the_page_works(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(await hub.key(Scope.READ))
    said = []
    for number, block in enumerate(blocks("python")):
        script = tmp_path / f"script{number}.py"
        script.write_text(f"HUB = {hub.server.url!r}\nITEM = {uuid_of(3)!r}\n{block}")
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, script],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        said.append(done.stdout)
    assert uuid_of(28) in said[0]
    assert "probe1@localhost available" in said[1]
