"""Which engine an item goes to, when several are there: rendezvous hashing (Thaler and Ravishankar, 1998).

Each engine gets an equal share; when one dies only its share moves, and no agent has to be told about the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from vedette.canonical import sha256


def choose_engine(engines: Iterable[str], *, agent: str, check: str) -> str | None:
    """Return the JID of the engine for one check of one agent, None when there is no engine.

    All items of a check go to the same engine, which keeps their order.
    """
    return max(engines, key=lambda engine: _weight(engine, agent, check), default=None)


def _weight(engine: str, agent: str, check: str) -> bytes:
    return sha256(b"\x00".join([engine.encode(), agent.encode(), check.encode()]))
