"""One-shot jobs over XMPP: what a job agent or a launcher asks of the registry, signed, and its signed answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, StrictInt, StrictStr

from vedette.jobs.lines import MAX_LINE
from vedette.jobs.scope import ScopePolicy
from vedette.messages.item import Count, Name, Text

MAX_WAIT = 20
"""Seconds that the registry may keep a question waiting: below every time limit on the way."""

MAX_HELD = 8
"""Runs that an agent may have at once."""

MAX_LINES_TOLD = 100
"""Lines of output in one sign of life: with the longest lines it still fits into a stanza."""

Outcome = Literal["done", "failed", "refused", "cancelled"]

_Line = Annotated[StrictStr, Field(max_length=MAX_LINE + 16)]


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: Name
    """Bare JID of who asks: what is signed serves for nobody else."""
    life: Name
    """Random, made when its process started."""


class Take(_Question):
    """Hand out runs, as soon as there are some; answered empty after `wait` seconds."""

    kind: Literal["vedette-job-take/1"] = "vedette-job-take/1"
    held: Annotated[list[Name], Field(max_length=MAX_HELD)] = []
    """Runs that it still has; all else that it should have is taken back."""
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_HELD)] = 1
    """Runs at most."""
    launcher: Text = ""
    """Bare JID of who started it; empty: nobody."""
    place: Text = ""
    """Where it runs, in the operator's words."""
    wait: Annotated[StrictInt, Field(ge=0, le=MAX_WAIT)] = 10
    """Seconds to wait for something."""


class RunReport(BaseModel):
    """How a run fares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Name
    """Uuid."""
    attempt: Count
    """Which attempt at it."""
    first: Count = 0
    """Number of the first of the lines."""
    lines: Annotated[list[_Line], Field(max_length=MAX_LINES_TOLD)] = []
    """Lines of output that follow; sent again until they are answered."""
    dropped: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 0
    """Lines that were not kept."""


class Beat(_Question):
    """A sign of life of runs, with their output; the answer says which to stop."""

    kind: Literal["vedette-job-beat/1"] = "vedette-job-beat/1"
    reports: Annotated[list[RunReport], Field(min_length=1, max_length=MAX_HELD)]
    """One a run."""


class Done(_Question):
    """A run has ended."""

    kind: Literal["vedette-job-done/1"] = "vedette-job-done/1"
    run: Name
    """Uuid."""
    outcome: Outcome
    """How; `done` only after its item is in the outbox."""
    exit_code: Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """The command's exit code."""
    reason: Text = ""
    """Why there is no item."""
    report: RunReport | None = None
    """Its last lines."""


class Demand(_Question):
    """How many job agents would find work, asked by a launcher."""

    kind: Literal["vedette-job-demand/1"] = "vedette-job-demand/1"
    place: Text = ""
    """Where it runs, in the operator's words."""


class JobQuestion(RootModel[Annotated[Take | Beat | Done | Demand, Field(discriminator="kind")]]):
    """Anything that is asked."""

    model_config = ConfigDict(frozen=True)


class Assignment(BaseModel):
    """A run that an agent is to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Name
    """Its uuid, and its item's."""
    job: Name
    """Uuid of its job."""
    attempt: Count
    """Which attempt it is."""
    tool: Name
    """The tool or command."""
    words: Annotated[list[StrictStr], Field(min_length=1, max_length=1024)]
    """What is run: `vedette:<tool>` with its arguments, or an allowed command."""
    target: Annotated[StrictStr, Field(max_length=1024)]
    """What to look at."""
    time_limit: Annotated[float, Field(gt=0, le=86_400)]
    """Seconds."""


class JobAnswer(BaseModel):
    """The registry's answer, signed by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-job-answer/1"] = "vedette-job-answer/1"
    """Says what is signed."""
    agent: Name
    """Bare JID of who asked."""
    conversation: Text
    """The question's, so that an old answer cannot be replayed."""
    assignments: Annotated[list[Assignment], Field(max_length=MAX_HELD)] = []
    """Runs to do."""
    policy: ScopePolicy | None = None
    """What the fleet allows; without it nothing is run."""
    stop: Annotated[list[Name], Field(max_length=MAX_HELD)] = []
    """Runs to stop."""
    settled: StrictBool = True
    """Whether an ended run was still the agent's."""
    wanted: Count = 0
    """Job agents that would find work."""
