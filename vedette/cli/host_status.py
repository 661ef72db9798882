"""Who of each host's agents is there: what `hosts.yml` says beside what the directory knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from registry.directory import AgentEntry
from vedette.client.agents import Agent
from vedette.clock import to_datetime
from vedette.configuration.hosts import Hosts, agents_on

_THERE: Final = frozenset({"available", "away", "dnd"})
"""Presences of who is connected; it may say that it has a problem."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An agent that a host is to run."""

    jid: str
    """Bare JID."""
    presence: str
    """Its presence: available, away, dnd, gone or unknown; revoked; or not enrolled."""
    since: int | None
    """Microseconds since 1970: since when it is so; None: it was never seen."""
    reason: str
    """Why, as it or the registry says; empty: nobody does."""
    version: str
    """Release of its program, as its card says; empty: it has not registered."""

    @property
    def is_there(self) -> bool:
        """Whether it is connected."""
        return self.presence in _THERE


@dataclass(frozen=True, kw_only=True)
class HostStatus:
    """One host."""

    name: str
    """As `hosts.yml` names it."""
    agents: tuple[Expected, ...]
    """Who is to be there."""

    @property
    def is_up(self) -> bool:
        """Whether all are there."""
        return all(agent.is_there for agent in self.agents)

    def described(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        agents = [asdict(agent) | {"there": agent.is_there} for agent in self.agents]
        return {"name": self.name, "up": self.is_up, "agents": agents}

    def lines(self) -> list[str]:
        """Return it for a person: all in a line, and one for each that is not as it should be."""
        there = [agent for agent in self.agents if agent.is_there]
        releases = ", ".join(sorted({agent.version for agent in there if agent.version}))
        release = f", {releases}" if releases else ""
        head = f"{self.name}: {len(there)} of {len(self.agents)} agents there{release}"
        return [head, *(f"  {_line(agent)}" for agent in self.agents if agent.presence != "available")]


def host_states(hosts: Hosts, known: Iterable[AgentEntry | Agent]) -> list[HostStatus]:
    """Return what is there of each host.

    Args:
        hosts: which host runs what.
        known: all agents of the directory, those that were revoked, too.

    Raises:
        ConfigurationError: a probe's file cannot be used.
    """
    by_jid = {agent.jid: agent for agent in known}
    domain = hosts.fleet.xmpp.domain
    return [
        HostStatus(name=name, agents=_expected(by_jid, [f"{agent}@{domain}" for agent in agents_on(hosts, name)]))
        for name in hosts.configuration.hosts
    ]


def _expected(known: Mapping[str, AgentEntry | Agent], jids: Sequence[str]) -> tuple[Expected, ...]:
    return tuple(_one(jid, known.get(jid)) for jid in jids)


def _one(jid: str, agent: AgentEntry | Agent | None) -> Expected:
    if agent is None:
        return Expected(jid=jid, presence="not enrolled", since=None, reason="", version="")
    is_revoked = agent.revoked_at is not None
    return Expected(
        jid=jid,
        presence="revoked" if is_revoked else agent.show,
        since=agent.revoked_at if is_revoked else agent.since,
        reason="" if is_revoked else agent.status,
        version=_version(agent),
    )


def _version(agent: AgentEntry | Agent) -> str:
    if isinstance(agent, Agent):
        return agent.version or ""
    return "" if agent.card is None else str(orjson.loads(agent.card).get("version", ""))


def _line(agent: Expected) -> str:
    since = "" if agent.since is None else f" since {to_datetime(agent.since):%Y-%m-%d %H:%M:%S} UTC"
    reason = f" ({agent.reason})" if agent.reason else ""
    never = ", never seen" if agent.since is None and agent.presence != "not enrolled" else ""
    return f"{agent.jid} is {agent.presence}{since}{never}{reason}"
