"""What lists and other questions need of a database: that it answers from one unchanging state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Reads(Protocol):
    """A database that is only read: a `registry.database.Database`, or what reads it elsewhere."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one unchanging state; it may be run again, so it must do nothing but use its connection.

        Raises:
            StoreError: the database failed, or is not open.
        """
        ...
