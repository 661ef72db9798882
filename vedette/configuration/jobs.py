"""Configuration of one-shot jobs: the fleet's section, a job agent's file, and a launcher's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from vedette.configuration.loading import load
from vedette.jobs.scope import ScopePolicy

Idle = Annotated[float, Field(gt=0, le=86_400)]


class JobsSection(BaseModel):
    """One-shot jobs: what they may do, and who does them on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agents: Annotated[int, Field(ge=0, le=64, strict=True)] = 2
    """Job agents that are started on this machine while there is work; 0: only those of launchers do any."""
    idle: Idle = 10.0
    """Seconds without work after which such an agent ends."""
    scope: ScopePolicy = ScopePolicy()
    """Targets and tools that are allowed; each launcher has its own, too, and both must allow a run."""
    output_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    """Days that lines of output are kept; jobs, runs and items stay."""
    output_lines: Annotated[int, Field(ge=1_000, le=1_000_000_000, strict=True)] = 1_000_000
    """Lines of output that are kept, of all jobs together; the oldest go first."""

    @property
    def names(self) -> list[str]:
        """Names of the job agents that are started on this machine."""
        return [f"job{number}" for number in range(1, self.agents + 1)]


class JobAgentConfiguration(BaseModel):
    """One job agent; its launcher writes this file. Paths are relative to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credentials: Path
    """The file that `vedette enroll NAME --role job` wrote."""
    outbox: Path
    """Where results wait until they are confirmed."""
    launcher: StrictStr = ""
    """Bare JID of who starts it; jobs may ask for that."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where it runs, in your words; jobs may ask for that."""
    idle: Idle | None = None
    """Seconds without work after which it ends; null: never."""
    scope: ScopePolicy = ScopePolicy()
    """Targets and tools that are allowed here, whatever the fleet allows."""


class LauncherConfiguration(BaseModel):
    """A launcher: starts job agents on its machine while there is work. Paths are relative to the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credentials: Path
    """The file that `vedette enroll NAME --role launcher` wrote."""
    agents: Annotated[list[Path], Field(min_length=1, max_length=64)]
    """Credentials of the job agents that it may start: `vedette enroll NAME --role job`."""
    folder: Path = Path("var/jobs")
    """Where their outboxes are."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where it runs, in your words."""
    idle: Idle = 10.0
    """Seconds without work after which a job agent ends."""
    scope: ScopePolicy = ScopePolicy()
    """Targets and tools that are allowed from here, whatever the fleet allows."""


def load_job_agent(path: Path) -> JobAgentConfiguration:
    """Read a job agent's file.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    configuration, near = load(path, JobAgentConfiguration), path.parent.resolve()
    paths = {"credentials": near / configuration.credentials, "outbox": near / configuration.outbox}
    return configuration.model_copy(update=paths)


def load_launcher(path: Path) -> LauncherConfiguration:
    """Read a launcher's file.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    configuration, near = load(path, LauncherConfiguration), path.parent.resolve()
    paths = {"credentials": near / configuration.credentials, "folder": near / configuration.folder}
    return configuration.model_copy(update=paths | {"agents": [near / one for one in configuration.agents]})
