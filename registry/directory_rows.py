"""The directory's rows: plain functions on a connection, inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from registry import tables
from registry.counters import count_up
from vedette.canonical import parse_json
from vedette.messages.card import Role

VERSION = "directory"
"""Counter that goes up with every enrolment and revocation, so that other processes drop their cache."""

HISTORY = 1_000
"""Changes of presence that are kept for each agent."""

LIVE = ("available", "away", "dnd")
"""Presence of an agent that is there; `unknown` is not gone, but nobody can say that it is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolled:
    """An agent that may speak."""

    jid: str
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key; None for an account that only sends unsigned items."""
    unsigned_allowed: bool
    """Whether bare SCANDALE messages are accepted from it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentEntry:
    """An agent as the directory knows it, revoked ones included."""

    jid: str
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key."""
    enrolled_at: int
    """Microseconds since 1970."""
    revoked_at: int | None
    """Microseconds since 1970; None while it is enrolled."""
    registered_at: int | None
    """Microseconds since 1970: when its last card came; None before the first."""
    last_seen_at: int | None
    """Microseconds since 1970: when anything of it was last heard."""
    show: str
    """Presence: available, away, dnd, gone or unknown."""
    status: str
    """Why."""
    since: int | None
    """Microseconds since 1970: since when the presence is what it is."""
    card: str | None
    """The signed text of its card (JSON)."""

    @property
    def sealing_key(self) -> str:
        """Base64 of the X25519 public key of its card, empty where it has none; checked when the card came."""
        return "" if self.card is None else str(parse_json(self.card).get("sealing_key", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceChange:
    """One change of an agent's presence."""

    jid: str
    """Bare JID."""
    show: str
    """What it became."""
    status: str
    """Why."""
    at: int
    """Microseconds since 1970."""
    cause: str
    """What told us: presence, heartbeat, silence, restart."""


def enrol(connection: Connection, agent: Enrolled, *, now: int) -> None:
    """Let an agent speak; enrolling again replaces role and key, and forgets a card of another key."""
    table = tables.agent
    values = {
        "role": agent.role.value,
        "public_key": agent.public_key,
        "unsigned_allowed": agent.unsigned_allowed,
        "enrolled_at": now,
        "revoked_at": None,
    }
    old = connection.execute(select(table.c.public_key).where(table.c.jid == agent.jid)).one_or_none()
    if old is None:
        connection.execute(insert(table).values(jid=agent.jid, **values))
    else:
        connection.execute(update(table).where(table.c.jid == agent.jid).values(values))
    if old is not None and old.public_key != agent.public_key:
        forgotten = {"card": None, "signature": None, "signed_at": 0, "registered_at": None}
        connection.execute(
            update(tables.registration).where(tables.registration.c.jid == agent.jid).values(forgotten)
        )
    count_up(connection, VERSION)


def revoke(connection: Connection, jid: str, *, now: int) -> bool:
    """Make an agent a stranger; returns whether it was enrolled."""
    table = tables.agent
    enrolled = (table.c.jid == jid) & table.c.revoked_at.is_(None)
    done = connection.execute(update(table).where(enrolled).values(revoked_at=now))
    count_up(connection, VERSION)
    return done.rowcount > 0


def enrolled(connection: Connection) -> dict[str, Enrolled]:
    """Return all agents that may speak, by bare JID."""
    table = tables.agent
    query = select(table.c.jid, table.c.role, table.c.public_key, table.c.unsigned_allowed)
    rows = connection.execute(query.where(table.c.revoked_at.is_(None)))
    return {
        jid: Enrolled(jid=jid, role=Role(role), public_key=key, unsigned_allowed=unsigned)
        for jid, role, key, unsigned in rows
    }


def stored_card(connection: Connection, jid: str) -> tuple[str | None, int]:
    """Return the text of the agent's card and when it was signed; (None, 0) before the first."""
    table = tables.registration
    row = connection.execute(select(table.c.card, table.c.signed_at).where(table.c.jid == jid)).one_or_none()
    return (row.card, row.signed_at) if row is not None else (None, 0)


def store_card(connection: Connection, jid: str, *, card: str, signature: str, signed_at: int, now: int) -> None:
    """Store the agent's card in place of the one before."""
    values = {"card": card, "signature": signature, "signed_at": signed_at, "registered_at": now, "last_seen_at": now}
    _upsert_registration(connection, jid, values, now=now)


def change_presence(connection: Connection, change: PresenceChange) -> bool:
    """Store a presence and its history if it differs from the one before; returns whether it did."""
    table = tables.registration
    query = select(table.c.show, table.c.status).where(table.c.jid == change.jid).with_for_update()
    before = connection.execute(query).one_or_none()
    if before is not None and (before.show, before.status) == (change.show, change.status):
        return False
    values = {"show": change.show, "status": change.status, "since": change.at}
    _upsert_registration(connection, change.jid, values, now=change.at)
    history = tables.presence_change
    row = {"jid": change.jid, "show": change.show, "status": change.status, "at": change.at, "cause": change.cause}
    connection.execute(insert(history).values(row))
    _prune_history(connection, change.jid)
    return True


def _upsert_registration(connection: Connection, jid: str, values: dict[str, object], *, now: int) -> None:
    table = tables.registration
    if connection.execute(update(table).where(table.c.jid == jid).values(values)).rowcount == 0:
        fresh = {
            "card": None,
            "signature": None,
            "signed_at": 0,
            "registered_at": None,
            "last_seen_at": None,
            "show": "unknown",
            "status": "",
            "since": now,
        }
        connection.execute(insert(table).values(jid=jid, **(fresh | values)))


def _prune_history(connection: Connection, jid: str) -> None:
    history = tables.presence_change
    mine = history.c.jid == jid
    oldest_kept = select(history.c.id).where(mine).order_by(history.c.id.desc()).offset(HISTORY - 1).limit(1)
    connection.execute(delete(history).where(mine, history.c.id < oldest_kept.scalar_subquery()))


def seen(connection: Connection, times: dict[str, int]) -> None:
    """Note when agents were last heard (microseconds since 1970); never goes back."""
    table = tables.registration
    for jid, at in times.items():
        older = table.c.last_seen_at.is_(None) | (table.c.last_seen_at < at)
        connection.execute(update(table).where(table.c.jid == jid, older).values(last_seen_at=at))


def entries_query() -> Select[tuple[object, ...]]:
    """Return the query for all agents with card and presence, by JID."""
    agent, registration = tables.agent, tables.registration
    columns = (
        agent.c.jid,
        agent.c.role,
        agent.c.public_key,
        agent.c.enrolled_at,
        agent.c.revoked_at,
        registration.c.registered_at,
        registration.c.last_seen_at,
        registration.c.show,
        registration.c.status,
        registration.c.since,
        registration.c.card,
    )
    joined = agent.outerjoin(registration, registration.c.jid == agent.c.jid)
    return select(*columns).select_from(joined).order_by(agent.c.jid)


def entry_of(row: Row[tuple[object, ...]]) -> AgentEntry:
    """Return a row of `entries_query` as a value; an agent that was never heard of is `unknown`."""
    values = dict(row._mapping)
    return AgentEntry(
        **values
        | {"role": Role(values["role"]), "show": values["show"] or "unknown", "status": values["status"] or ""}
    )


def history_of(connection: Connection, jid: str, *, limit: int) -> list[PresenceChange]:
    """Return the agent's last changes of presence, newest first."""
    table = tables.presence_change
    query = select(table.c.jid, table.c.show, table.c.status, table.c.at, table.c.cause)
    rows = connection.execute(query.where(table.c.jid == jid).order_by(table.c.id.desc()).limit(limit))
    return [PresenceChange(**row._mapping) for row in rows]
