"""`vedette agent`: one agent in a process of its own, here or on another host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from agents.field import make_probe, probe_identity
from agents.probe import ProbeAgent
from vedette.cli.output import JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.running import LEVEL_OPTION, LOG_FILE_OPTION, LogLevel, log_to, stop_on_signals
from vedette.clock import SystemClock
from vedette.configuration.probe import load_probe
from vedette.configuration.probe_name import probe_name
from vedette.messages.card import Role
from vedette.parent import end_with_parent
from vedette.tools.check import Check

CONFIG_OPTION = typer.Option(..., "-c", "--config", help="The agent's configuration; a probe's is SCANDALE's JSON.")
ONCE_OPTION = typer.Option(False, "--once", help="Run once; exit 0 only after the engine confirmed.")
CREDENTIALS_OPTION = typer.Option(None, "--credentials", help="The file that 'vedette enroll' wrote.")
OUTBOX_OPTION = typer.Option(None, "--outbox", help="Where results wait until they are confirmed.")
NAME_OPTION = typer.Option(None, "--name", help="Which engine, with aggregation.")
WAIT_OPTION = typer.Option(60.0, "--wait", min=1.0, help="Seconds to wait for the confirmation with --once.")
PARENT_OPTION = typer.Option(None, "--parent-pid", hidden=True, help="Ends with this process.")
ROLE_ARGUMENT = typer.Argument(help="What it does; the registry and the hub's own engine are run by 'vedette up'.")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was asked for."""

    once: bool
    run_within: float
    """Seconds for the run itself."""
    wait: float
    """Seconds for the confirmation."""
    as_json: bool


def agent(
    role: Role = ROLE_ARGUMENT,
    config: Path = CONFIG_OPTION,
    once: bool = ONCE_OPTION,
    credentials: Path | None = CREDENTIALS_OPTION,
    outbox: Path | None = OUTBOX_OPTION,
    wait: float = WAIT_OPTION,
    name: str | None = NAME_OPTION,
    log_level: LogLevel = LEVEL_OPTION,
    log_file: Path | None = LOG_FILE_OPTION,
    parent_pid: int | None = PARENT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Run one agent until Ctrl-C, or once."""
    if role in (Role.REGISTRY, Role.CONSOLE):
        raise typer.BadParameter(f"an agent of role {role.value} is not run by itself; vedette up runs the hub")
    if role is Role.AGGREGATION and name is None:
        raise typer.BadParameter("say which of the configuration's engines, with --name")
    end_with_parent(parent_pid)
    _configure_log(role, config, once=once, level=log_level, file=log_file)
    if role is Role.PROBE:
        code = _run_probe(config, credentials=credentials, outbox=outbox, once=once, wait=wait, as_json=as_json)
    elif role is Role.COLLECTOR:
        from vedette.cli.collector_agent import run_collector_agent

        code = run_collector_agent(
            config, credentials=credentials, outbox=outbox, once=once, wait=wait, as_json=as_json
        )
    else:
        code = asyncio.run(_serve(role, config, name=name or "", credentials=credentials, outbox=outbox))
    if code:
        raise typer.Exit(code)


def _configure_log(role: Role, config: Path, *, once: bool, level: LogLevel, file: Path | None) -> None:
    """Send the log to the file that was named, else where a fleet's configuration says.

    Raises:
        ConfigurationError: the configuration cannot be used, or the file cannot be opened.
    """
    if once and level is LogLevel.INFO:
        level = {Role.PROBE: LogLevel.WARNING, Role.COLLECTOR: LogLevel.ERROR}.get(role, level)
    if file is None and role in (Role.AGGREGATION, Role.MISP):
        # Only these are described by the fleet's file, which others need not import.
        from vedette.cli.fleet_log import configure_log
        from vedette.configuration.fleet import load_fleet

        configure_log(*load_fleet(config), level=level)
        return
    log_to(file, level=level)


def _run_probe(
    config: Path, *, credentials: Path | None, outbox: Path | None, once: bool, wait: float, as_json: bool
) -> int:
    """Run a probe; returns the exit code."""
    configuration = load_probe(config)
    # What is wrong in the file itself is said before what is missing beside it.
    Check.from_configuration(configuration, clock=SystemClock(), agent=config.stem, place=str(config))
    identity = probe_identity(configuration, file=config, credentials=credentials)
    file = outbox or config.parent / "var" / "outbox" / f"{probe_name(configuration, config)}.db"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    once = once or configuration.period is None

    def make() -> ProbeAgent:
        return make_probe(configuration, file=config, identity=identity, outbox=file, clock=SystemClock(), once=once)

    terms = Terms(once=once, run_within=configuration.time_limit + wait, wait=wait, as_json=as_json)
    return asyncio.run(_run(make, terms))


async def _serve(role: Role, config: Path, *, name: str, credentials: Path | None, outbox: Path | None) -> int:
    """Run an agent that serves until it is told to end; returns the exit code."""
    if role is Role.AGGREGATION:
        from vedette.cli.engine_agent import run_engine_agent

        return await run_engine_agent(config, name=name)
    if role in (Role.JOB, Role.LAUNCHER):
        from vedette.cli.job_agent import run_job_agent, run_launcher

        await (run_job_agent if role is Role.JOB else run_launcher)(config)
    elif role is Role.RT:
        from vedette.cli.rt_agent import run_rt_agent

        await run_rt_agent(config, credentials=credentials)
    elif role is Role.MISP:
        from vedette.cli.misp_agent import run_misp_agent

        await run_misp_agent(config)
    else:
        from vedette.cli.gateway_agent import run_gateway_agent

        await run_gateway_agent(config, credentials=credentials, outbox=outbox)
    return Exit.GOOD


async def _run(make: Callable[[], ProbeAgent], terms: Terms) -> int:
    # Made here, because its connection belongs to the event loop that it is made on.
    probe = make()
    stop = stop_on_signals()
    await probe.outbox.open()
    try:
        await probe.start()
        if not terms.once:
            print_line(f"{probe.identity.jid} is up: {probe.address}; Ctrl-C ends it.")
            await stop.wait()
            return Exit.GOOD
        return await _once(probe, stop, terms)
    finally:
        await probe.stop()
        await probe.outbox.close()


async def _once(probe: ProbeAgent, stop: asyncio.Event, terms: Terms) -> int:
    stopped = asyncio.ensure_future(stop.wait())
    working = asyncio.ensure_future(_outcome(probe, terms))
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        working.cancel()
        complain("stopped before the engine confirmed")
        return Exit.NO
    problem = working.result()
    uuid = probe.running.last_uuid
    if terms.as_json:
        print_json({"uuid": uuid, "verdict": probe.running.last_verdict or None, "confirmed": not problem})
    elif not problem:
        verdict = f", {probe.running.last_verdict}" if probe.running.last_verdict else ""
        print_line(f"{uuid} confirmed by {probe.delivering.engine}{verdict}")
    if problem:
        complain(problem)
    return Exit.NO if problem else Exit.GOOD


async def _outcome(probe: ProbeAgent, terms: Terms) -> str:
    """Wait for the run and the engine's confirmation; return "" or why there is none."""
    running = probe.running
    try:
        await asyncio.wait_for(running.done.wait(), terms.run_within)
    except TimeoutError:
        return (
            f"the check did not run within {terms.run_within:.0f} s: {running.state().last_error or 'still running'}"
        )
    uuid = running.last_uuid
    if not uuid:
        return f"the run was {running.last_verdict}"
    until = asyncio.get_running_loop().time() + terms.wait
    # An empty outbox means that the engine has confirmed everything, or that what it refused was given up.
    while (await probe.outbox.status()).items:
        if asyncio.get_running_loop().time() > until:
            return f"{uuid} is not confirmed within {terms.wait:.0f} s; it stays in the outbox and is sent next time"
        await asyncio.sleep(0.05)
    refused = next((letter for letter in await probe.outbox.dead_letters() if letter.uuid == uuid), None)
    return "" if refused is None else f"{uuid} is refused: {refused.field}: {refused.reason}"
