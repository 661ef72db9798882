"""The list of agents, and the history of one's presence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import RowMapping, Select, and_, case, func, select

from registry import tables
from registry.database import Database
from registry.directory_rows import AgentEntry, entries_query, entry_of
from registry.listing import MAX_PAGE, Order, Page, made_of, read_page
from registry.report_tables import agent_report
from vedette.canonical import parse_json
from vedette.errors import VedetteError
from vedette.messages.card import Role

AGENTS: Final = Order(name="agents", columns=(tables.agent.c.jid,), kinds=(str,), descending=False)
"""By JID."""

PRESENCE: Final = Order(name="presence", columns=(tables.presence_change.c.id,), kinds=(int,))
"""Newest first."""

IDLE: Final = "idle"
"""Presence of a job agent that has never worked: it is started when there is work, and is not missing until then."""

_REPORTED = ("waiting", "waiting_since", "dead_letters", "reported_at")


class UnknownAgentError(VedetteError):
    """Nobody was ever enrolled under this JID."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentLine:
    """An agent as the directory knows it."""

    jid: str
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    show: str
    """Presence: available, away, dnd, gone or unknown; unknown is not gone."""
    status: str
    """Why, in the agent's words or the registry's."""
    since: int | None
    """Microseconds since 1970: since when the presence is what it is."""
    last_seen_at: int | None
    """Microseconds since 1970: when anything of it was last heard."""
    enrolled_at: int
    """Microseconds since 1970."""
    revoked_at: int | None
    """Microseconds since 1970; null while it is enrolled."""
    registered_at: int | None
    """Microseconds since 1970: when its last card came; null before the first."""
    version: str | None
    """Version of its software, as its card says."""
    place: str | None
    """Where it runs, as its card says."""
    public_key: str | None
    """Base64 of its raw Ed25519 public key; null for an account that only sends unsigned items."""
    started_at: int | None
    """Microseconds since 1970: when its process started, as its card says."""
    waiting: int | None
    """Items in its outbox that were not confirmed when it last reported; null where it has none, or never did."""
    waiting_since: int | None
    """Microseconds since 1970: since when the oldest of them waits; null where none does."""
    dead_letters: int | None
    """Items that it has given up and that wait for a person."""
    reported_at: int | None
    """Microseconds since 1970: when it said so."""

    @property
    def shown(self) -> str:
        """Its presence as people see it: `idle` where nothing is known because there was no work for it yet."""
        never = self.role is Role.JOB and self.registered_at is None
        return IDLE if never and self.show == "unknown" else self.show


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceLine:
    """One change of an agent's presence."""

    id: int
    """Its number."""
    at: int
    """Microseconds since 1970."""
    show: str
    """What it became."""
    status: str
    """Why."""
    cause: str
    """What told us: presence, heartbeat, silence, restart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentsWanted:
    """Which agents to list; what is None does not matter."""

    role: Role | None = None
    """The role."""
    show: str | None = None
    """The presence."""
    revoked: bool = False
    """Also those that were revoked."""
    text: str | None = None
    """Has this in its JID, place, version or reason, whatever the case."""
    waiting: bool = False
    """Only those with something in their outbox, or dead letters, when they last reported."""


class AgentList:
    """The agents of a store, for showing."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def page(self, *, wanted: AgentsWanted, limit: int, cursor: str | None = None) -> Page[AgentLine]:
        """Return agents by JID, or the page that the cursor points at.

        Raises:
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        query = _query()
        return await self._database.read(
            lambda connection: read_page(
                connection,
                query,
                order=AGENTS,
                limit=limit,
                cursor=cursor,
                row=_line,
                keep=lambda row: _is_wanted(row, wanted),
            )
        )

    async def lines(self, jids: Sequence[str]) -> Mapping[str, AgentLine]:
        """Return what the directory knows of these agents, by bare JID; of strangers nothing.

        Raises:
            StoreError: the database failed.
        """
        query = _query().where(tables.agent.c.jid.in_(jids[:MAX_PAGE]))
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return {row["jid"]: _line(row) for row in rows}

    async def counts(self) -> Mapping[str, int]:
        """Return how many enrolled agents have which presence, as people see it.

        Raises:
            StoreError: the database failed.
        """
        known = func.coalesce(tables.registration.c.show, "unknown")
        never = and_(tables.agent.c.role == Role.JOB.value, tables.registration.c.registered_at.is_(None))
        show = case((and_(never, known == "unknown"), IDLE), else_=known)
        joined = tables.agent.outerjoin(tables.registration, tables.registration.c.jid == tables.agent.c.jid)
        query = select(show, func.count()).select_from(joined).where(tables.agent.c.revoked_at.is_(None))
        rows = await self._database.read(lambda connection: connection.execute(query.group_by(show)).all())
        return {presence: number for presence, number in rows}

    async def find(self, jid: str) -> AgentEntry:
        """Return one agent with its card.

        Raises:
            UnknownAgentError: nobody was ever enrolled under this JID.
            StoreError: the database failed.
        """
        query = entries_query().where(tables.agent.c.jid == jid)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise UnknownAgentError(f"{jid[:128]}: no agent of this name was ever enrolled")
        return entry_of(row)

    async def presence(self, jid: str, *, limit: int, cursor: str | None = None) -> Page[PresenceLine]:
        """Return an agent's last changes of presence, or the page that the cursor points at.

        Raises:
            UnknownAgentError: nobody was ever enrolled under this JID.
            RefusedError: the cursor is not one of this list's.
            StoreError: the database failed.
        """
        await self.find(jid)
        table, names = tables.presence_change, [field.name for field in fields(PresenceLine)]
        query = select(*(table.c[name] for name in names)).where(table.c.jid == jid)
        return await self._database.read(
            lambda connection: read_page(
                connection, query, order=PRESENCE, limit=limit, cursor=cursor, row=made_of(PresenceLine, names)
            )
        )


def _query() -> Select[Any]:
    query = entries_query().order_by(None).add_columns(*(agent_report.c[name] for name in _REPORTED))
    return query.outerjoin(agent_report, agent_report.c.jid == tables.agent.c.jid)


def _is_wanted(row: RowMapping, wanted: AgentsWanted) -> bool:
    shown = wanted.revoked or row["revoked_at"] is None
    fits = shown and wanted.role in (None, row["role"]) and wanted.show in (None, row["show"] or "unknown")
    fits = fits and (not wanted.waiting or bool(row["waiting"] or row["dead_letters"]))
    return fits and (wanted.text is None or _has(row, wanted.text.casefold()))


def _has(row: RowMapping, text: str) -> bool:
    line = _line(row)
    return any(text in (value or "").casefold() for value in (line.jid, line.place, line.version, line.status))


def _line(row: RowMapping) -> AgentLine:
    card: dict[str, Any] = {} if row["card"] is None else parse_json(row["card"])
    names = ("jid", "since", "last_seen_at", "enrolled_at", "revoked_at", "registered_at", "public_key", *_REPORTED)
    return AgentLine(
        **{name: row[name] for name in names},
        role=Role(row["role"]),
        show=row["show"] or "unknown",
        status=row["status"] or "",
        version=card.get("version"),
        place=card.get("place"),
        started_at=card.get("started_at"),
    )
