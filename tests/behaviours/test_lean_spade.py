"""SPADE's own server is not loaded with it, and whoever wants the real one finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", ["agents.job", "behaviours.deliver"])
def test_an_agent_carries_no_xmpp_server(module: str) -> None:
    script = f"""
import sys
import {module}
assert "spade" in sys.modules and not {{"pyjabber", "alembic"}} & set(sys.modules)
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
