"""`vedette agent job` and `vedette agent launcher`: who does one-shot jobs, here or on another host."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents.identity import Identity
from agents.job import JobAgent
from agents.launcher import LauncherAgent
from vedette.cli.output import print_line
from vedette.cli.running import stop_on_signals
from vedette.clock import SystemClock
from vedette.configuration.jobs import load_job_agent, load_launcher
from vedette.errors import ConfigurationError
from vedette.messages.card import Role


async def run_job_agent(file: Path) -> None:
    """Run a job agent until it is told to end, or finds no work for as long as its configuration says.

    Raises:
        ConfigurationError: the file or the credentials cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
        StoreError: the outbox cannot be opened.
    """
    configuration = load_job_agent(file)
    identity = _identity(configuration.credentials, Role.JOB)
    configuration.outbox.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = stop_on_signals()
    agent = JobAgent(identity=identity, clock=SystemClock(), configuration=configuration)
    waits: set[asyncio.Future[object]] = set()
    try:
        await agent.start()
        waits = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(agent.until_idle())}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await agent.stop()


async def run_launcher(file: Path) -> None:
    """Run a launcher until it is told to end; its job agents end with it.

    Raises:
        ConfigurationError: the file or credentials cannot be used.
        ConnectionFailedError: the XMPP server cannot be reached, trusted or refuses the account.
    """
    configuration = load_launcher(file)
    stop = stop_on_signals()
    agent = LauncherAgent(
        identity=_identity(configuration.credentials, Role.LAUNCHER),
        clock=SystemClock(),
        configuration=configuration,
    )
    try:
        await agent.start()
        print_line(f"{agent.identity.jid} is up; Ctrl-C ends it.")
        await stop.wait()
    finally:
        await agent.stop()


def _identity(credentials: Path, role: Role) -> Identity:
    identity = Identity.load(credentials)
    if identity.role is not role:
        name = identity.name
        reason = f"is {identity.role}; enrol it with: vedette enroll {name} --role {role.value}"
        raise ConfigurationError(str(credentials), "role", reason)
    return identity
