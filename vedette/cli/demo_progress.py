"""What the demo shows while it runs: lines that change on a terminal, plain ones elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vedette.cli.prove import Proved

_MARK = {"available": ("●", "green"), "dnd": ("◐", "yellow"), "away": ("◐", "yellow"), "gone": ("○", "red")}


class Progress:
    """Counts what the hub reports; says nothing itself (for `--json`)."""

    def __init__(self) -> None:
        self.presence: dict[str, str] = {}
        """Presence by JID, as the registry sees it."""
        self.committed = 0
        """Items that the engine committed."""
        self.stamped = 0
        """Items that got a token."""
        self._senders: set[str] = set()
        self._agents: list[dict[str, str]] = []
        self._changed = asyncio.Event()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say nothing from now on: what happens while the fleet ends is no news."""
        self._closed = True

    def event(self, _process: str, event: dict[str, Any]) -> None:
        """Take in what a process reports."""
        kind = event.get("event")
        if kind == "presence":
            self.presence[event["jid"]] = event["show"]
        elif kind == "committed":
            self.committed += event["count"]
            self._senders.update(event["senders"])
        elif kind == "stamped":
            self.stamped += event["count"]
        else:
            return
        self._changed.set()
        if not self._closed:
            self.noted(event)

    async def proved(self, *, probes: int) -> None:
        """Return when every probe's first item and all that came with it are stamped, and all are present."""
        while not self._is_proved(probes):
            self._changed.clear()
            await self._changed.wait()

    def _is_proved(self, probes: int) -> bool:
        present = [agent for agent in self._agents if self.presence.get(agent["jid"]) == "available"]
        complete = len(present) == len(self._agents) and len(self._senders) >= probes
        return complete and self.stamped >= self.committed > 0

    def agent(self, agent: dict[str, str]) -> None:
        """Take in that an agent is up."""
        self._agents.append(agent)

    def noted(self, event: dict[str, Any]) -> None:
        """Show an event."""

    def step(self, text: str) -> None:
        """Show what happens now."""

    def result(self, proved: Proved, *, seconds: float) -> None:
        """Show what was proved."""

    def addresses(self, agents: list[dict[str, str]], *, console: str, setup_link: str | None) -> None:
        """Show the pages to open."""


class PlainProgress(Progress):
    """One line for each thing that happens: for logs and pipes."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()

    def step(self, text: str) -> None:
        """Print what happens now."""
        self._say(text)

    def agent(self, agent: dict[str, str]) -> None:
        """Print that an agent is up."""
        super().agent(agent)
        self._say(f"{agent['jid']} is up as {agent['role']}")

    def noted(self, event: dict[str, Any]) -> None:
        """Print an event."""
        if event["event"] == "presence":
            self._say(f"{event['jid']} is {event['show']}")
        elif event["event"] == "committed":
            self._say(f"{event['count']} item(s) committed and confirmed, from {', '.join(event['senders'])}")
        else:
            self._say(f"{event['count']} item(s) time-stamped (self-asserted time)")

    def result(self, proved: Proved, *, seconds: float) -> None:
        """Print what was proved."""
        for line in result_lines(proved, seconds=seconds):
            self._say(line)

    def addresses(self, agents: list[dict[str, str]], *, console: str, setup_link: str | None) -> None:
        """Print the pages to open."""
        for line in address_lines(agents, console=console, setup_link=setup_link):
            self._say(line)

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._started:6.1f} s  {text}\n")
        sys.stdout.flush()


class LiveProgress(Progress):
    """A table that changes in place: for a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=8, transient=False)
        self._step = ""
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._live.stop()

    def step(self, text: str) -> None:
        """Show what happens now."""
        self._step = text
        self._draw()

    def agent(self, agent: dict[str, str]) -> None:
        """Add an agent to the table."""
        super().agent(agent)
        self._step = "the probes look, the engine commits, the authority stamps"
        self._draw()

    def noted(self, event: dict[str, Any]) -> None:
        """Show the new numbers."""
        self._draw()

    def result(self, proved: Proved, *, seconds: float) -> None:
        """Show what was proved."""
        self._step = "proved"
        self._draw()
        for line in result_lines(proved, seconds=seconds):
            self._live.console.print(Text(line, style="bold green" if proved.complete else "bold red"))

    def addresses(self, agents: list[dict[str, str]], *, console: str, setup_link: str | None) -> None:
        """Show the pages to open."""
        for line in address_lines(agents, console=console, setup_link=setup_link):
            self._live.console.print(Text(line))

    def _draw(self) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_row(
            Text("Vedette", style="bold"), Text(self._step), Text(f"{time.monotonic() - self._started:.0f} s")
        )
        for agent in self._agents:
            show = self.presence.get(agent["jid"], "unknown")
            mark, colour = _MARK.get(show, ("◌", "dim"))
            table.add_row(Text(f"{mark} {show}", style=colour), Text(agent["jid"]), Text(agent["role"], style="dim"))
        numbers = f"{self.committed} committed and confirmed, {self.stamped} time-stamped (self-asserted time)"
        table.add_row(Text("items"), Text(numbers), Text(""))
        self._live.update(table)


def result_lines(proved: Proved, *, seconds: float) -> list[str]:
    """Return what was proved, in words."""
    lines = [f"{proved.verified} of {proved.items} items verified against {proved.trust} after {seconds:.1f} s"]
    lines += [f"not verified: {reason}" for reason in proved.reasons]
    if proved.stamped:
        lines.append(f"try it yourself: vedette verify {proved.bundle} --trust {proved.trust}")
    return lines


def address_lines(agents: list[dict[str, str]], *, console: str, setup_link: str | None) -> list[str]:
    """Return the pages to open."""
    lines = [f"{agent['jid']:<24} {agent['view']}" for agent in agents if agent["view"]]
    setup = [] if setup_link is None else [f"Make the administrator, once and within an hour: {setup_link}"]
    return [f"The console: {console}", *setup, "Each agent's own page:", *lines, "Ctrl-C ends the fleet."]


def make_progress(*, quiet: bool) -> Progress:
    """Return what fits where it is shown."""
    if quiet:
        return Progress()
    return LiveProgress() if sys.stdout.isatty() else PlainProgress()
