"""What is wrong at a hub, why, and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from vedette.client.address import path_of
from vedette.client.connection import Connection
from vedette.client.listing import rows
from vedette.client.model import Model, parsed


class Repair(Model):
    """Something that is or was wrong."""

    id: int
    """Its number."""
    state: str
    """open, noted or ended."""
    severity: str
    """critical, warning or notice."""
    kind: str
    """What kind of thing."""
    place: str
    """What it is about."""
    what: str
    """What is wrong."""
    cause: str
    """Why, as far as is known."""
    remedy: str
    """What to do."""
    link: str
    """Path of the page that shows more; empty where there is none."""
    since: int
    """Microseconds since 1970: since when it is wrong."""
    began_at: int
    """Microseconds since 1970: when it was seen first."""
    ended_at: int | None
    """Microseconds since 1970: when it was right again; None while it is wrong."""
    noted_at: int | None
    """Microseconds since 1970: when a person took note of it."""
    noted_by: str
    """Who that was."""
    noted_why: str
    """What that person says about it."""
    noted_until: int | None
    """Microseconds since 1970: until when that counts; None: until it ends."""
    observer: str
    """Whose hub saw it."""


class Repairs:
    """The repairs of a hub."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        kind: str | None = None,
        state: str | None = None,
        ended: bool | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Repair]:
        """Iterate over what is or was wrong, what was seen last first.

        Args:
            kind: only this kind.
            state: only those that are open, noted or ended.
            ended: only those that are right again, or only those that are wrong now.
            limit: so many at most.
        """
        query = {"kind": kind, "state": state, "ended": None if ended is None else str(ended).lower()}
        return rows(self._connection, "/v1/repairs", Repair, query=query, limit=limit)

    async def acknowledge(self, number: int, *, reason: str, seconds: int | None = None) -> Repair:
        """Take note of one, until it ends or for so many seconds.

        Raises:
            ApiError: 404, there is none of this number that is still wrong.
        """
        body = {"reason": reason, "seconds": seconds}
        path = path_of("v1", "repairs", str(number), "acknowledge")
        return parsed(Repair, await self._connection.send("POST", path, body))
