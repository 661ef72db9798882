"""`nmap`: a port scan by the installed nmap, its XML as the payload."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vedette.clock import Clock
from vedette.tools.interface import Arguments, Limits, Result, Tool
from vedette.tools.process import run_command


class NmapArguments(Arguments):
    """The options that a probe may use; each becomes one of nmap's own."""

    ports: Annotated[str, Field(pattern=r"^[0-9TUS:,\-]{1,1000}$")] | None = None
    """Ports, such as `22,80,8000-8100` (`-p`)."""
    top_ports: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Only the most common ones (`--top-ports`)."""
    versions: bool = False
    """Find out what answers (`-sV`)."""
    skip_ping: bool = False
    """Scan hosts that do not answer pings (`-Pn`)."""
    connect: bool = False
    """Full TCP connections, which need no privileges (`-sT`)."""
    numeric: bool = False
    """Look up no names (`-n`)."""
    timing: Annotated[int, Field(ge=0, le=5)] | None = None
    """From 0, paranoid, to 5, insane (`-T`)."""
    scripts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*$", max_length=64)], ...] = ()
    """Names of nmap's scripts (`--script`)."""

    def argv(self, target: str) -> list[str]:
        """Return nmap's command line; the target comes after `--` and cannot become an option."""
        switches = {"-sV": self.versions, "-Pn": self.skip_ping, "-sT": self.connect, "-n": self.numeric}
        options = [switch for switch, wanted in switches.items() if wanted]
        if self.ports is not None:
            options += ["-p", self.ports]
        if self.top_ports is not None:
            options += ["--top-ports", str(self.top_ports)]
        if self.timing is not None:
            options.append(f"-T{self.timing}")
        if self.scripts:
            options += ["--script", ",".join(self.scripts)]
        return ["nmap", "-oX", "-", *options, "--", target]


class Nmap(Tool[NmapArguments]):
    """Runs nmap where it is installed; elsewhere the result says so with exit code 127."""

    name = "nmap"
    summary = "nmap: port scan as XML, where nmap is installed"
    Arguments = NmapArguments
    wraps = "nmap"

    async def run(self, *, target: str, arguments: NmapArguments, limits: Limits, clock: Clock) -> Result:
        """Scan once."""
        return await run_command(
            arguments.argv(target), limits=limits, clock=clock, format="nmap-xml", content_type="application/xml"
        )

    def objection(self, target: str) -> str | None:
        """Return why `target` is no single target: nmap takes a host, address or network."""
        if not target or any(character.isspace() for character in target):
            return "must be one host, address or network, such as 192.0.2.0/28"
        return None
