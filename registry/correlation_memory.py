"""What the correlation remembers, in the store: loaded for a step, written at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import zstandard
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from registry.correlation_tables import check_history, contradiction
from vedette.correlation.agreement import Testimony
from vedette.correlation.history import History, overdue_at
from vedette.correlation.memory import CheckKey, testimony_of
from vedette.correlation.policy import CorrelationPolicy
from vedette.correlation.subject import Subject
from vedette.errors import StoreError
from vedette.pieces import pieces

WITNESSES = 8
"""Checks of one agent about one subject that are heard beside others' looks, the newest: whoever makes up ten
thousand checks about one target must not make every look at it dear."""

_LOOK_UP = 200
"""Keys in one query."""

_MAX_HISTORY = 32 * 1024 * 1024
"""Bytes of a history: 20,000 facts with the longest names and values are less."""

_HISTORY: TypeAdapter[History] = TypeAdapter(History)
_FIELDS = ("number", "check", "agent", "subject", "family", "shared", "history")


class DamagedHistoryError(StoreError):
    """What is remembered of a check cannot be read: restore a backup, or go on without this check."""


class StoredMemory:
    """The memory of one step, within its transaction."""

    def __init__(self, connection: Connection, *, policy: CorrelationPolicy) -> None:
        self._connection = connection
        self._policy = policy
        self._histories: dict[CheckKey, tuple[Subject, History]] = {}
        self._numbers: dict[CheckKey, int] = {}
        self._changed: set[CheckKey] = set()
        self._by_subject: dict[Subject, set[CheckKey]] = {}
        self._contradicted: set[Subject] = set()
        self._marked: dict[Subject, bool] = {}

    def load(self, keys: Collection[CheckKey], subjects: Collection[Subject]) -> None:
        """Read what is remembered of these checks, and of each agent's newest checks of these subjects.

        Raises:
            StoreError: a history is damaged.
        """
        table = check_history
        names = [(key.check, key.agent) for key in dict.fromkeys(keys)]
        shared = [(subject.name, subject.family) for subject in subjects if subject.shared]
        for some in pieces(names, _LOOK_UP):
            self._read(tuple_(table.c.check, table.c.agent).in_(some))
        for some in pieces(shared, _LOOK_UP):
            self._read(_newest(tuple_(table.c.subject, table.c.family).in_(some)))
            query = select(contradiction).where(tuple_(contradiction.c.subject, contradiction.c.family).in_(some))
            for row in self._connection.execute(query):
                self._contradicted.add(Subject(name=row.subject, family=row.family, shared=True))

    def load_overdue(self, *, now: int, since: int, limit: int) -> list[tuple[CheckKey, Subject]]:
        """Read the checks that are overdue, the longest first, had they been expected since `since` only."""
        self._read(_overdue(now, since), limit=limit)
        return [
            (key, subject)
            for key, (subject, history) in self._histories.items()
            if (due := overdue_at(history, self._policy)) is not None
            and now >= max(due, since + due - history.last_seen)
        ]

    @staticmethod
    def any_overdue(connection: Connection, *, now: int, since: int) -> bool:
        """Tell whether there may be checks that are overdue."""
        query = select(check_history.c.number).where(_overdue(now, since)).limit(1)
        return connection.execute(query).first() is not None

    def history(self, key: CheckKey) -> History | None:
        """Return what is remembered of a check."""
        found = self._histories.get(key)
        return None if found is None else found[1]

    def remember(self, key: CheckKey, subject: Subject, history: History) -> None:
        """Remember it."""
        before = self._histories.get(key)
        if before is not None and before[0] != subject:
            self._by_subject[before[0]].discard(key)
        self._enter(key, subject, history)
        self._changed.add(key)

    def testimonies(self, subject: Subject) -> Sequence[Testimony]:
        """Return what the checks of a subject saw last."""
        found = (
            testimony_of(key, self._histories[key][1]) for key in sorted(self._by_subject.get(subject, ()), key=str)
        )
        return [one for one in found if one is not None]

    def is_contradicted(self, subject: Subject) -> bool:
        """Tell whether its witnesses contradict each other."""
        return self._marked.get(subject, subject in self._contradicted)

    def mark(self, subject: Subject, *, contradicted: bool) -> None:
        """Remember whether they do."""
        self._marked[subject] = contradicted

    def save(self) -> None:
        """Write what changed."""
        new = [self._row(key) for key in self._changed if key not in self._numbers]
        known = [self._row(key) | {"known": self._numbers[key]} for key in self._changed if key in self._numbers]
        if new:
            self._connection.execute(insert(check_history), new)
        if known:
            columns: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in known[0].keys() - {"known"}}
            one = update(check_history).where(check_history.c.number == bindparam("known"))
            self._connection.execute(one.values(columns), known)
        for subject, contradicted in self._marked.items():
            if contradicted == (subject in self._contradicted):
                continue
            here = (contradiction.c.subject == subject.name, contradiction.c.family == subject.family)
            values = {"subject": subject.name, "family": subject.family}
            change = insert(contradiction).values(values) if contradicted else delete(contradiction).where(*here)
            self._connection.execute(change)

    def _row(self, key: CheckKey) -> dict[str, Any]:
        subject, history = self._histories[key]
        return {
            "check": key.check,
            "agent": key.agent,
            "subject": subject.name,
            "family": subject.family,
            "shared": subject.shared,
            "first_seen": history.first_seen,
            "last_seen": history.last_seen,
            "overdue_at": overdue_at(history, self._policy),
            "history": _packed(history),
        }

    def _read(self, condition: ColumnElement[bool], *, limit: int | None = None) -> None:
        query = select(*(check_history.c[name] for name in _FIELDS)).where(condition)
        if limit is not None:
            query = query.order_by(check_history.c.overdue_at).limit(limit)
        for row in self._connection.execute(query):
            key = CheckKey(check=row.check, agent=row.agent)
            self._numbers[key] = row.number
            self._enter(key, Subject(name=row.subject, family=row.family, shared=row.shared), unpacked(row.history))

    def _enter(self, key: CheckKey, subject: Subject, history: History) -> None:
        self._histories[key] = (subject, history)
        self._by_subject.setdefault(subject, set()).add(key)


def _overdue(now: int, since: int) -> ColumnElement[bool]:
    """Return the condition for checks that are overdue, had they been expected since `since` only."""
    due, seen = check_history.c.overdue_at, check_history.c.last_seen
    # Those that are not yet missed must not stand in a bounded list before those that are.
    return and_(due <= now, due - seen <= now - since)


def _newest(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition for each agent's newest of the checks that fulfil another one."""
    table = check_history
    order = func.row_number().over(
        partition_by=[table.c.subject, table.c.family, table.c.agent],
        order_by=[table.c.last_seen.desc(), table.c.number.desc()],
    )
    ranked = select(table.c.number, order.label("place")).where(condition).subquery()
    return table.c.number.in_(select(ranked.c.number).where(ranked.c.place <= WITNESSES))


def _packed(history: History) -> bytes:
    return zstandard.compress(_HISTORY.dump_json(history), 3)


def unpacked(data: bytes) -> History:
    """Return the history that is stored as these bytes.

    Raises:
        DamagedHistoryError: they are damaged.
    """
    try:
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MAX_HISTORY)
        return _plain(_HISTORY.validate_json(text))
    except (zstandard.ZstdError, ValidationError) as error:
        raise DamagedHistoryError("the history of a check is damaged; restore a backup") from error


def _plain(history: History) -> History:
    # Pydantic makes a mapping of its own kind, which compares unequal.
    return replace(history, facts=dict(history.facts))
