"""SPADE's own server is not loaded with it, nor what only a hub needs; whoever wants the real one finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HUB_ONLY = {"pyjabber", "alembic", "fastapi", "sqlalchemy", "psycopg"}


@pytest.mark.parametrize("module", ["vedette.cli.agent, vedette.cli.job_agent", "behaviours.deliver"])
def test_an_agent_carries_no_xmpp_server(module: str) -> None:
    """Nor the console's framework or a database, which would double the time that its process needs to start."""
    script = f"""
import sys
import {module}
assert "spade" in sys.modules and not {HUB_ONLY} & set(sys.modules)
from spade.container import Server
try:
    Server()
except RuntimeError as error:
    print(error)
import pyjabber.server
assert pyjabber.server.Server is not Server
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "SPADE's own server is not loaded" in done.stdout
