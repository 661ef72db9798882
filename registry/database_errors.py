"""What a database's errors mean to who asked it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from vedette.errors import StoreError

_RACES: Final = ("40001", "40P01")
"""PostgreSQL's SQLSTATEs for a serialization failure and a deadlock."""


class ConcurrentWriteError(StoreError):
    """Another process wrote the same rows at the same moment; trying again will see what it wrote."""

    @property
    def was_undone(self) -> bool:
        """Whether the database undid a whole transaction for another one's sake: the same again may do."""
        return _was_undone(self.__cause__)


@contextmanager
def wrapped(place: str) -> Iterator[None]:
    """Raise what the database raises as ours, with its place and without statements and parameters.

    Raises:
        ConcurrentWriteError: a key exists already, or two transactions blocked each other.
        StoreError: the database failed.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, IntegrityError) or _was_undone(error):
            raise ConcurrentWriteError(f"{place}: {_first_line(error)}") from error
        raise StoreError(f"{place}: {_first_line(error)}") from error


def _was_undone(error: BaseException | None) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RACES


def _first_line(error: SQLAlchemyError) -> str:
    """Return the driver's own words: SQLAlchemy's hold the statement and its parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
