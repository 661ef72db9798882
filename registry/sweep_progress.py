"""Where the sweep of a chain stands, kept so that it goes on there after a restart."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from registry.chain import GENESIS, ChainState
from registry.evidence_tables import sweep


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepProgress:
    """Where the sweep of a chain stands, as it is stored."""

    chain_id: int
    """The chain."""
    position: int = 0
    """First `log_index` that was not looked at."""
    number: int = 0
    """Number of the last batch that was."""
    root: bytes | None = None
    """Its root."""
    head: bytes = GENESIS
    """Head recomputed over everything before `position`."""
    target_index: int
    """Where this pass ends."""
    target_head: bytes
    """Head of the chain there, as the chain said when the pass began."""
    seen_index: int
    """Where the pass before ended."""
    seen_head: bytes
    """Head of the chain there."""
    seen_number: int
    """Number of the last batch then."""
    passes: int = 0
    """Passes that were finished."""
    finished_at: int | None = None
    """When the last one was, microseconds since 1970."""


def new_pass(chain: ChainState, last: SweepProgress | None) -> SweepProgress:
    """Return the beginning of a pass over a chain; `last` is where the one before stood."""
    return SweepProgress(
        chain_id=chain.id,
        target_index=chain.next_index,
        target_head=chain.head,
        seen_index=last.target_index if last is not None else 0,
        seen_head=last.target_head if last is not None else GENESIS,
        seen_number=last.number if last is not None else 0,
        passes=last.passes if last is not None else 0,
        finished_at=last.finished_at if last is not None else None,
    )


def read_progress(connection: Connection, chain_id: int) -> SweepProgress | None:
    """Return where the sweep of a chain stands; None if it never began."""
    row = connection.execute(select(sweep).where(sweep.c.chain_id == chain_id)).mappings().one_or_none()
    return SweepProgress(**row) if row is not None else None


def save_progress(connection: Connection, progress: SweepProgress) -> None:
    """Remember where the sweep of a chain stands."""
    values = {name: getattr(progress, name) for name in SweepProgress.__dataclass_fields__}
    mine = sweep.c.chain_id == progress.chain_id
    if connection.execute(update(sweep).where(mine).values(values)).rowcount == 0:
        connection.execute(insert(sweep).values(values))
