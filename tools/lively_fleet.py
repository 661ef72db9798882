"""A fleet on loopback in which things happen, for pictures of its console: probes, jobs, something that is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, delete, insert, select

from registry.database import Database
from registry.tables import presence_change

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = secrets.token_urlsafe(16)
COMMAND = [sys.executable, "-m", "vedette.cli.main"]
HOUR = 3_600_000_000
BLIPS = {"web-lux": 1.2, "ports": 3.1, "packages": 4.6}
"""Which probes were away for a while, and how many hours ago."""

SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

FLEET = {
    "data": "var",
    "batch": {"seconds": 0.5},
    "jobs": {
        "agents": 2,
        "scope": {"commands": {"port-scan": ["nmap", "-v", "-sT", "-p", "1-2000", "--open", "--", "{target}"]}},
    },
    # Impatient, so that there is something to repair.
    "repairs": {"look_every": 1.0, "agent_gone": 2.0, "job_wait": 2.0, "backup_days": 0.0001},
    "collectors": [{"name": "reports", "sources": "sources.yml"}],
    "sharing": {
        "organisation": "Example CSIRT",
        "destinations": [{"name": "partners", "exporter": "feed", "policy": {"ceiling": "green", "tlp": "green"}}],
    },
}

SOURCES = {
    "collectors": [
        {
            "type": "FILE",
            "source-name": "reports",
            "source-URI": "report.txt",
            "data-type": "unstructured",
            "content-type": "text/plain",
            "now-collect": "all",
        }
    ]
}
REPORT = """A new loader in the north

The threat actor Grey Heron, also known as TA9981, attacked energy companies in Norway and Denmark. Grey Heron uses \
Emotet, Mimikatz and Cobalt Strike. The group sent phishing mails with a document that exploits CVE-2017-11882 in \
Microsoft Office.

The document installs Emotet, which downloads Cobalt Strike from hxxps://updates.heron-cdn[.]com/get.php. Emotet \
connects to 203.0.113.77 and 198.51.100.23.

Apache HTTP Server 2.4.49 is affected by a path traversal vulnerability (CVE-2021-41773). Version 2.4.51 is not \
affected. Grey Heron exploited CVE-2021-41773.
"""
MALWARE = "Emotet"
"""What of the report is shared."""

PROBES: dict[str, dict[str, Any]] = {
    "web-lux": {"place": "Luxembourg", "command": ["date", "+%H:%M"], "target": "clock", "period": 2},
    "hosts": {
        "place": "Luxembourg",
        "command": ["sha256sum", "/etc/hosts"],
        "target": "/etc/hosts",
        "period": 5,
        "expected_value": "re:^[0-9a-f]{64} ",
    },
    "release": {
        "place": "Frankfurt",
        "command": ["cat", "/etc/os-release"],
        "target": "release",
        "period": 5,
        "expected_value": "no such release",
    },
    "packages": {"type": "inventory", "command": "vedette:packages", "target": "localhost", "period": 30},
    "ports": {
        "place": "Frankfurt",
        "command": "vedette:tcp-connect",
        "args": ["--ports", "22,80,443"],
        "target": "localhost",
        "period": 4,
    },
}


class Fleet:
    """A running fleet, with an administrator."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> None:
        """Start it; `url` is its console then."""
        names = [*PROBES]
        for name, probe in PROBES.items():
            own = {"jid": f"{name}@localhost", "credentials": f"var/credentials/{name}.json", "type": "scan"}
            (self._folder / f"{name}.json").write_text(json.dumps(own | probe))
        # JSON is YAML, too.
        settings = FLEET | {"probes": [f"{name}.json" for name in names[:-1]]}
        (self._folder / "vedette.yml").write_text(json.dumps(settings))
        (self._folder / "sources.yml").write_text(json.dumps(SOURCES))
        (self._folder / "report.txt").write_text(REPORT)
        said = self._folder / "up.out"
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--log-level", "warning"], cwd=self._folder, env=environment(), stdout=out
            )
        until(lambda: "The fleet is up" in said.read_text() or self.process.poll() is not None, what="the fleet")
        found = re.search(r"(http://\S+)/setup#(\S+)", said.read_text())
        if found is None:
            raise SystemExit(f"the fleet did not start: {said.read_text()}")
        self.url = found[1]
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        form = {"link": found[2], "name": "anna", "password": PASSWORD, "repeated": PASSWORD}
        self.client.post("/setup", data=form)
        self.csrf = self.client.get("/v1/me").json()["csrf"]

    def live(self) -> None:
        """Let things happen: an agent that is killed, jobs, people, keys, and time for proofs."""
        asyncio.run(self._remember())
        guest = [*PROBES][-1]
        self.vedette("enroll", guest, "--role", "probe")
        probe = [*COMMAND, "agent", "probe", "-c", f"{guest}.json"]
        process = subprocess.Popen(probe, cwd=self._folder, env=environment(), **SILENT)
        try:
            until(lambda: self._presence(guest) == "available", what=guest)
            time.sleep(6)
        finally:
            process.kill()
            process.wait()
        self.post("/v1/keys", {"name": "prometheus", "scopes": ["read"], "seconds": 3 * 86_400})
        self.post("/v1/users", {"name": "bert", "role": "operator"})
        self.job("tcp-connect", ["127.0.0.0/28"], ports=[22, 5222])
        self.job("http-headers", ["http://127.0.0.1:1/"])
        scan = self.job("port-scan", ["127.0.0.1", "127.0.0.2", "127.0.0.3", "localhost"], parallel=1)
        self.post("/v1/jobs", {"tool": "dns", "targets": ["localhost"], "place": "Prague"})
        until(lambda: self.client.get(f"/v1/jobs/{scan}").json()["done"] > 1, what="a job")
        until(lambda: self.client.get("/v1/findings").json()["items"], what="a finding")
        until(lambda: self.vertices(MALWARE), what="what the report says")
        self.vedette("export", "feed", "--vertex", MALWARE, "--depth", "2", "--server", "partners", codes=(0, 1))

    def vertices(self, text: str) -> list[dict[str, Any]]:
        """Return what is known of a name."""
        return list(self.client.get("/v1/graph/vertices", params={"text": text}).json()["items"])

    def job(self, tool: str, targets: list[str], *, parallel: int = 4, **arguments: Any) -> str:
        """Request a job; returns its uuid."""
        asked = {"tool": tool, "targets": targets, "arguments": arguments, "parallel": parallel}
        return str(self.post("/v1/jobs", asked).get("uuid", ""))

    def post(self, path: str, value: dict[str, Any]) -> dict[str, Any]:
        """Post something as the administrator."""
        answer = self.client.post(path, json=value, headers={"X-CSRF-Token": self.csrf})
        if answer.is_error:
            sys.stderr.write(f"{path}: {answer.status_code} {answer.text}\n")
        return dict(answer.json())

    def vedette(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """Run a command where the fleet is; codes: how it may end, 1 where the answer may be no."""
        command = [*COMMAND, *arguments]
        ended = subprocess.run(command, cwd=self._folder, env=environment(), check=False, stdout=subprocess.DEVNULL)
        if ended.returncode not in codes:
            raise SystemExit(f"{' '.join(arguments)} ended with {ended.returncode}")

    async def _remember(self) -> None:
        """Write down six hours of presence, as if the fleet had run through them: else its bars are grey."""
        now, rows = time.time_ns() // 1_000, []
        for name in ("registry", "aggregation", *PROBES):
            changes = [(6.5, "available")]
            if name in BLIPS:
                changes += [(BLIPS[name], "gone"), (BLIPS[name] - 0.3, "available")]
            usual = {"jid": f"{name}@localhost", "status": "", "cause": "presence"}
            rows += [usual | {"show": show, "at": now - int(hours * HOUR)} for hours, show in changes]

        def work(connection: Connection) -> None:
            columns = [column for column in presence_change.c if column.name != "id"]
            since = [dict(row) for row in connection.execute(select(*columns)).mappings()]
            connection.execute(delete(presence_change))
            # What came since must stay behind it: the order is that of writing.
            connection.execute(insert(presence_change), rows + since)

        with Database(f"sqlite:///{self._folder / 'var' / 'store.db'}") as database:
            await database.write(work)

    def _presence(self, name: str) -> str:
        agents = self.client.get("/v1/agents?limit=100").json()["items"]
        return next((str(agent["show"]) for agent in agents if agent["jid"].startswith(f"{name}@")), "")

    def stop(self) -> None:
        """End it with all that it started."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@contextmanager
def running(folder: Path) -> Iterator[Fleet]:
    """Start a fleet, and end it whatever happens."""
    fleet = Fleet(folder)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.stop()


def environment() -> dict[str, str]:
    """Return the environment of what is started here."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def until(condition: Callable[[], object], *, what: str, seconds: float = 90.0) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"it took too long: {what}")
        time.sleep(0.2)
