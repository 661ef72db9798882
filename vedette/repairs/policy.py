"""When something must be repaired: the thresholds, as configured."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
"""A length of time."""

Days = Annotated[float, Field(gt=0, le=3_650)]
"""A length of time in days."""


class RepairPolicy(BaseModel):
    """When something is wrong enough that a person must know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    look_every: Annotated[float, Field(ge=0.2, le=3_600)] = 10.0
    """Seconds between two looks at everything; each costs a few milliseconds."""
    certificate_days: Days = 30.0
    """Days before the end of an authority's certificate."""
    proof_age: Seconds = 600.0
    """Seconds that an item may wait for its first time-stamp."""
    revocation_days: Days = 7.0
    """Days that what is known of revocations may be old."""
    clock_seconds: Seconds = 60.0
    """Seconds by which an agent's clock may be ahead of the hub's, or behind."""
    queue_items: Annotated[int, Field(ge=1)] = 1_000
    """Items from which on a queue that grows is told; a smaller one may."""
    queue_age: Seconds = 3_600.0
    """Seconds that the oldest item of a queue may have waited."""
    window: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    """Seconds over which a queue must have grown."""
    outbox_age: Seconds = 900.0
    """Seconds that an item may wait in an outbox for its receipt."""
    agent_gone: Seconds = 300.0
    """Seconds that an enrolled agent may be gone."""
    agent_unknown: Seconds = 600.0
    """Seconds for which nobody knows whether an agent is there."""
    refusals: Annotated[int, Field(ge=1)] = 100
    """Refusals of one sender within an hour."""
    job_wait: Seconds = 120.0
    """Seconds that a job may wait while nobody does any."""
    destination_failing: Seconds = 3_600.0
    """Seconds for which nothing may arrive at a destination that something waits for."""
    approval_wait: Seconds = 172_800.0
    """Seconds that a plan may wait for somebody to approve it; two days."""
    disk_free: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Percent of the disk that must be free."""
    disk_days: Days = 7.0
    """Days until the disk is full, at the pace of the last hours."""
    database_gib: Annotated[float, Field(gt=0)] = 200.0
    """GiB from which on the database counts as large."""
    write_ahead_mib: Annotated[float, Field(ge=128)] = 512.0
    """MiB from which on SQLite's write-ahead log counts as large; it is emptied from 64 MiB on, if it can be."""
    backup_days: Days = 7.0
    """Days that the last safety copy may be old; the first may take as long."""
    key_days: Days = 14.0
    """Days before an API key expires."""
    kept_days: Days = 90.0
    """Days that repairs which ended stay in the list."""
