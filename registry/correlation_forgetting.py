"""What the correlation must forget: the values that it took from a payload which a person had deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from registry import tables
from registry.correlation_reading import seen_at
from registry.correlation_tables import check_history, finding, finding_witness
from registry.payload_rows import is_inline
from vedette.correlation.subject import LOCAL_FAMILIES, subject_of

_TOGETHER = 200
"""Items in one query."""

_FORGOTTEN = {"changes": b"[]", "text": "its payload was deleted"}


def forget_document(connection: Connection, sha256: str) -> None:
    """Do what `forget_payloads` does for every item whose payload is this document."""
    item = tables.item
    query = select(item.c.uuid).where(item.c.payload_sha256 == sha256, ~is_inline())
    forget_payloads(connection, connection.execute(query).scalars().all())


def forget_payloads(connection: Connection, uuids: Sequence[str]) -> None:
    """Take the values of these items out of findings and histories; that something was found, and by whom, stays.

    A history goes as a whole where the newest look was one of these items: its check begins anew.
    """
    for first in range(0, len(uuids), _TOGETHER):
        some = uuids[first : first + _TOGETHER]
        shown = select(finding_witness.c.finding_id).where(finding_witness.c.item.in_(some))
        connection.execute(update(finding).where(finding.c.id.in_(shown)).values(_FORGOTTEN))
        _forget_looks(connection, some)


def _forget_looks(connection: Connection, uuids: Sequence[str]) -> None:
    item = tables.item
    names = ("agent", "check", "target", "ts", "collected_at", "received_at")
    query = select(*(item.c[name] for name in names)).where(item.c.uuid.in_(uuids))
    for row in connection.execute(query).all():
        connection.execute(update(finding).where(finding.c.id.in_(_following(row))).values(_FORGOTTEN))
        newest = [check_history.c.agent == row.agent, check_history.c.last_seen == seen_at(row)]
        if row.check is not None:
            # Without one, the check has a name that its payload made.
            newest.append(check_history.c.check == row.check)
        connection.execute(delete(check_history).where(*newest))


def _following(row: Any) -> Select[tuple[int]]:
    """Return the query for what was told next of the target, in each way to look: it says what was there before."""
    # Which way this item looked, only its payload said.
    ways = ["", *LOCAL_FAMILIES]
    names = {subject_of(target=row.target, family=way, agent=row.agent).name for way in ways}
    query = select(func.min(finding.c.id)).join(finding_witness, finding_witness.c.finding_id == finding.c.id)
    after = (finding_witness.c.agent == row.agent, finding.c.at > seen_at(row), finding.c.changes != b"[]")
    return query.where(finding.c.subject.in_(sorted(names)), *after).group_by(finding.c.family)
