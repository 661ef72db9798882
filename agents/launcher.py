"""The launcher: starts job agents on its machine while the registry has work for them."""

from __future__ import annotations

import secrets
from pathlib import Path

from agents.base import BaseAgent
from agents.identity import Identity
from behaviours.job_questions import JobQuestions
from behaviours.launch import LaunchJobAgents, Slot
from behaviours.supervised import SupervisedBehaviour
from vedette.clock import Clock
from vedette.configuration.credentials import load_credentials
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.jobs import JobAgentConfiguration, LauncherConfiguration
from vedette.errors import ConfigurationError
from vedette.messages.card import Role
from vedette.messages.jobs import Demand
from vedette.messages.state import Panel

ANSWER_WITHIN = 5.0
"""Seconds for the registry's answer."""


class LauncherAgent(BaseAgent):
    """Posted on a host, so that jobs can be done from there."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        configuration: LauncherConfiguration,
        view_port: int | None = None,
        patience: float = 10.0,
    ) -> None:
        super().__init__(
            identity=identity, clock=clock, view_port=view_port, place=configuration.place, patience=patience
        )
        self._life = secrets.token_hex(8)
        self._asking = JobQuestions(agent=identity.jid, exchange=self, registry=identity.registry, key=identity.key)
        self.launching = LaunchJobAgents(
            clock=clock,
            agent_name=identity.name,
            slots=launcher_slots(configuration, launcher=identity.jid),
            demand=self._demand,
        )

    def compose_behaviours(self) -> list[SupervisedBehaviour]:
        """Return launch job agents and register."""
        return [self.launching, self.registering()]

    def panels(self) -> list[Panel]:
        """Return the job agents of this machine."""
        return [self.launching.panel()]

    async def _demand(self) -> int | None:
        question = Demand(agent=self.identity.jid, life=self._life, place=self.place)
        answer = await self._asking.ask(question, time_limit=ANSWER_WITHIN)
        return None if answer is None else answer.wanted


def launcher_slots(configuration: LauncherConfiguration, *, launcher: str) -> list[Slot]:
    """Return the job agents that a launcher may start.

    Raises:
        ConfigurationError: credentials cannot be read, or are not a job agent's.
    """
    return [
        _slot(
            file,
            folder=configuration.folder,
            launcher=launcher,
            place=configuration.place,
            idle=configuration.idle,
            scope=configuration.scope,
        )
        for file in configuration.agents
    ]


def local_slots(configuration: FleetConfiguration, paths: FleetPaths, *, launcher: str) -> list[Slot]:
    """Return the job agents that a fleet's hub may start.

    Raises:
        ConfigurationError: credentials cannot be read, or are not a job agent's.
    """
    section = configuration.jobs
    return [
        _slot(
            paths.credentials_of(name),
            folder=paths.data / "jobs",
            launcher=launcher,
            place=configuration.registry.place,
            idle=section.idle,
            scope=section.scope,
            outboxes=paths.outboxes,
        )
        for name in section.names
    ]


def _slot(credentials: Path, *, folder: Path, outboxes: Path | None = None, **values: object) -> Slot:
    known = load_credentials(credentials)
    if known.role is not Role.JOB:
        raise ConfigurationError(str(credentials), "role", f"is {known.role}; a job agent needs the role job")
    name = known.jid.split("@", maxsplit=1)[0]
    fields = {"credentials": credentials, "outbox": (outboxes or folder) / f"{name}.db", **values}
    return Slot(
        name=name,
        file=folder / f"{name}.json",
        configuration=JobAgentConfiguration.model_validate(fields),
    )
