"""A request to bring an investigation to a destination, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from vedette.sharing.exporter import Exported, Plan

ExportState = Literal["waiting", "running", "planned", "approval", "done", "failed", "rejected"]
"""waiting: its turn or its time comes; running: an agent has it; planned: a dry run, ended; approval: its plan waits
for a person; done; failed: given up, a person may try again; rejected: by a person."""


class ExportRequest(BaseModel):
    """What somebody wants: from the console, the API, the command line, XMPP or a share of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    select: Annotated[StrictStr, Field(min_length=1, max_length=4096)]
    """Which investigation (see `vedette/sharing/selection.py`)."""
    destination: Annotated[StrictStr, Field(min_length=1, max_length=64)]
    """Name of a destination of the configuration."""
    share: Annotated[StrictStr, Field(max_length=64)] = ""
    """Name of the share that it is of; empty: none."""
    dry_run: StrictBool = False
    """Plan it only."""
    approval: StrictBool = False
    """Plan it, and send it once a person has approved the plan; a plan without changes needs none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A request and what has become of it."""

    uuid: str
    state: ExportState
    select: str
    """Canonical text of the selection."""
    key: str
    """What the investigation is known by."""
    title: str
    """Of the investigation; empty before it was gathered."""
    destination: str
    share: str
    dry_run: bool
    approval: bool
    requested_by: str
    requested_at: int
    """UTC, microseconds; so are the other times."""
    woken_at: int = 0
    """When it was asked for last: what was committed until then belongs into it."""
    not_before: int = 0
    """When its turn comes."""
    attempts: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    decided_by: str = ""
    """Who approved or rejected it."""
    approved: str = ""
    """Digest of the plan that was approved; empty: none."""
    reason: str = ""
    """Why it waits, failed or was rejected."""
    plan: Plan | None = None
    exported: Exported | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationStatus:
    """How a destination fares."""

    name: str
    exporter: str
    waiting: int = 0
    """Exports that wait or run."""
    approvals: int = 0
    """Exports that wait for a person."""
    failed: int = 0
    """Exports that were given up."""
    oldest_waiting_at: int | None = None
    last_done_at: int | None = None
    last_failed_at: int | None = None
    last_reason: str = ""
    """Why the last attempt that failed did."""
    sent: int = 0
    """Changes confirmed since ever."""
    withheld: Sequence[tuple[str, int]] = ()
    """Reasons why things were left out in the last exports, and how often, most frequent first."""
