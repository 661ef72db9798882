"""`vedette agent collector`: a collector in a process of its own, here or on another host."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents.collector import CollectorAgent
from agents.collector_making import collector_identity, make_collector
from vedette.cli.collector_run import Terms, run_collector
from vedette.clock import SystemClock
from vedette.configuration.collector import load_collector


def run_collector_agent(
    file: Path, *, credentials: Path | None, outbox: Path | None, once: bool, wait: float, as_json: bool
) -> int:
    """Run the collector that a file describes until Ctrl-C, or each of its sources once; return the exit code.

    Raises:
        ConfigurationError: the file, its sources or the credentials cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the outbox cannot be opened.
    """
    configuration = load_collector(file)
    name = configuration.name
    own = file.parent / (configuration.credentials or Path("var", "credentials", f"{name}.json"))
    identity = collector_identity(name, credentials or own)
    box = outbox or file.parent / "var" / "outbox" / f"{name}.db"
    box.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make() -> CollectorAgent:
        return make_collector(
            configuration,
            file=file,
            identity=identity,
            outbox=box,
            clock=SystemClock(),
            fetching=configuration.fetching,
            once="new" if once else None,
        )

    return asyncio.run(run_collector(make, Terms(once="new" if once else None, wait=wait, as_json=as_json)))
