"""The agents' directory: who may speak, in which role and with which key, and who is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Connection

from registry import directory_rows
from registry.agent_reports import OutboxReport, store_reports
from registry.audit import AuditEntry, record_audit
from registry.callers import ITSELF, Actor
from registry.counters import read_counter
from registry.database import Database
from registry.directory_rows import LIVE, AgentEntry, Enrolled, PresenceChange
from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.messages.batch import Signed, open_signed
from vedette.messages.card import Card, Role
from vedette.messages.limits import MAX_TEXT
from vedette.sealing.keys import SealingKey
from vedette.signing import VerifyingKey
from vedette.storable import storable

__all__ = ["AgentEntry", "Directory", "Enrolled", "PresenceChange", "ReplayedCardError", "Show", "StrangerError"]

Show = Literal["available", "away", "dnd", "gone", "unknown"]
"""Presence; `unknown` is not gone."""

_RECHECK = 1.0
"""Seconds that the cache is believed without asking whether another process changed the directory."""


class StrangerError(RefusedError):
    """The sender is not enrolled, or was revoked."""


class ReplayedCardError(RefusedError):
    """A card is not newer than the one that is stored; `newest` is when that one was signed."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        super().__init__("signed_at", f"is not after {newest}, the time of the last card; sign a newer one")


class Directory:
    """The agents of a store."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache: dict[str, Enrolled] = {}
        self._version: int | None = None
        self._checked = 0.0

    async def enrol(
        self,
        jid: str,
        *,
        role: Role,
        public_key: str | None,
        unsigned_allowed: bool = False,
        by: Actor = ITSELF,
    ) -> Enrolled:
        """Let an agent speak in a role; enrolling again replaces role and key.

        Args:
            jid: bare JID.
            role: what it may do.
            public_key: base64 of its raw Ed25519 key; None only for an account that sends unsigned items.
            unsigned_allowed: whether bare SCANDALE messages are accepted from it.
            by: who enrols it.

        Raises:
            RefusedError: the JID is not a bare one, or the key is not a key.
            StoreError: the database failed.
        """
        check_bare_jid(jid)
        if public_key is None and not unsigned_allowed:
            raise RefusedError("public_key", "is needed: only accounts for unsigned items have none")
        if public_key is not None:
            VerifyingKey.from_text(public_key)
        agent = Enrolled(jid=jid, role=role, public_key=public_key, unsigned_allowed=unsigned_allowed)
        now = self._clock.now()
        detail = f"role {role.value}; {_key_name(public_key)}" + ("; also unsigned items" if unsigned_allowed else "")

        def work(connection: Connection) -> None:
            directory_rows.enrol(connection, agent, now=now)
            record_audit(connection, _entry(by, "agent.enroll", jid, detail), now=now)

        await self._database.write(work)
        self._version = None
        return agent

    async def revoke(self, jid: str, *, by: Actor = ITSELF) -> None:
        """Make an agent a stranger; what it sent before stays.

        Raises:
            StrangerError: it is not enrolled.
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> bool:
            known = directory_rows.revoke(connection, jid, now=now)
            if known:
                record_audit(connection, _entry(by, "agent.revoke", jid), now=now)
            return known

        done = await self._database.write(work)
        self._version = None
        if not done:
            raise StrangerError("jid", f"{jid} is not enrolled")

    async def find(self, jid: str) -> Enrolled | None:
        """Return the enrolled agent of a bare JID; None for a stranger.

        A revocation by another process is noticed within a second, one by this process at once.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.monotonic()
        if self._version is None or now - self._checked >= _RECHECK:
            await self._refresh()
            self._checked = now
        return self._cache.get(jid)

    async def require(self, jid: str) -> Enrolled:
        """Return the enrolled agent of a bare JID.

        Raises:
            StrangerError: it is not enrolled, or was revoked.
            StoreError: the database failed.
        """
        agent = await self.find(jid)
        if agent is None:
            raise StrangerError("from", f"{jid} is not enrolled here")
        return agent

    async def _refresh(self) -> None:
        known = self._version

        def work(connection: Connection) -> tuple[int, dict[str, Enrolled] | None]:
            version = read_counter(connection, directory_rows.VERSION)
            return version, None if version == known else directory_rows.enrolled(connection)

        version, agents = await self._database.read(work)
        if agents is not None:
            self._cache = agents
        self._version = version

    async def register(self, sender: str, signed: Signed) -> Card:
        """Check and store the card that an agent signed; the same card again changes nothing.

        Raises:
            StrangerError: the sender is not enrolled.
            SignatureError: the card is not signed with the enrolled key.
            ReplayedCardError: it is not newer than the stored one; the agent may sign a newer one.
            RefusedError: it is not a card, or says another JID, role or key than enrolled.
            StoreError: the database failed.
        """
        agent = await self.require(sender)
        card = check_card(agent, signed)
        now = self._clock.now()

        def work(connection: Connection) -> None:
            text, newest = directory_rows.stored_card(connection, sender)
            if text == signed.text:
                return
            if card.signed_at <= newest:
                raise ReplayedCardError(newest)
            directory_rows.store_card(
                connection,
                sender,
                card=signed.text,
                signature=signed.signature,
                signed_at=card.signed_at,
                now=now,
            )

        await self._database.write(work)
        return card

    async def presence(self, jid: str, *, show: Show, status: str, cause: str) -> bool:
        """Note an agent's presence; returns whether it changed. Only changes get into the history.

        Args:
            jid: bare JID.
            show: what it is now.
            status: why, in the agent's words or ours.
            cause: what told us: presence, heartbeat, silence, restart.

        Raises:
            StrangerError: it is not enrolled.
            StoreError: the database failed.
        """
        await self.require(jid)
        text = storable(status, limit=MAX_TEXT)
        change = PresenceChange(jid=jid, show=show, status=text, at=self._clock.now(), cause=cause)
        return await self._database.write(lambda connection: directory_rows.change_presence(connection, change))

    async def forget_presence(self, *, cause: str) -> None:
        """Make every presence `unknown`, as after a restart: what was true then may not be now.

        Raises:
            StoreError: the database failed.
        """
        now = self._clock.now()

        def work(connection: Connection) -> None:
            for entry in _entries(connection):
                if entry.show != "unknown":
                    change = PresenceChange(jid=entry.jid, show="unknown", status=cause, at=now, cause=cause)
                    directory_rows.change_presence(connection, change)

        await self._database.write(work)

    async def seen(self, times: Mapping[str, int], reports: Mapping[str, OutboxReport] | None = None) -> None:
        """Note when agents were last heard (microseconds since 1970) and what they said of their outboxes, at once.

        Raises:
            StoreError: the database failed.
        """

        def work(connection: Connection) -> None:
            directory_rows.seen(connection, dict(times))
            store_reports(connection, (reports or {}).items())

        if times or reports:
            await self._database.write(work)

    async def live(self, role: Role) -> list[AgentEntry]:
        """Return the enrolled agents of a role that are there, the undisturbed first, then by JID.

        Raises:
            StoreError: the database failed.
        """
        there = [entry for entry in await self.agents() if entry.role is role and entry.show in LIVE]
        return sorted(there, key=lambda entry: (entry.show == "dnd", entry.jid))

    async def agents(self, *, revoked: bool = False) -> list[AgentEntry]:
        """Return all enrolled agents by JID, with `revoked` those that were, too.

        Raises:
            StoreError: the database failed.
        """
        found = await self._database.read(_entries)
        return [entry for entry in found if revoked or entry.revoked_at is None]

    async def history(self, jid: str, *, limit: int = 100) -> list[PresenceChange]:
        """Return an agent's last changes of presence, newest first.

        Raises:
            StoreError: the database failed.
        """
        return await self._database.read(lambda connection: directory_rows.history_of(connection, jid, limit=limit))


def _entries(connection: Connection) -> list[AgentEntry]:
    return [directory_rows.entry_of(row) for row in connection.execute(directory_rows.entries_query())]


def check_bare_jid(jid: str) -> None:
    """Check that a text can be a bare JID (RFC 7622 section 3.1): `name@domain`, without resource.

    Raises:
        RefusedError: it cannot.
    """
    name, at, domain = jid.partition("@")
    if not (name and at and domain) or "/" in jid or "@" in domain or any(sign.isspace() for sign in jid):
        raise RefusedError("jid", f"{jid[:64]!r} is not a bare JID such as probe1@example.org")


def check_card(agent: Enrolled, signed: Signed) -> Card:
    """Return the card, checked against what the agent was enrolled with.

    Raises:
        SignatureError: it is not signed with the enrolled key.
        RefusedError: it is not a card, or says another JID, role or key than enrolled.
    """
    if agent.public_key is None:
        raise RefusedError("public_key", f"{agent.jid} was enrolled without a key; enrol it again with one")
    card = open_signed(Card, signed, VerifyingKey.from_text(agent.public_key))
    if card.jid != agent.jid:
        raise RefusedError("jid", f"the card is of {card.jid!r}, but {agent.jid!r} sent it")
    if card.role is not agent.role:
        raise RefusedError("role", f"{agent.jid} was enrolled as {agent.role}, not as {card.role}")
    if card.public_key != agent.public_key:
        raise RefusedError("public_key", "is not the enrolled key")
    if card.sealing_key:
        SealingKey.from_text(card.sealing_key)
    return card


def _entry(by: Actor, action: str, jid: str, detail: str = "") -> AuditEntry:
    return AuditEntry(who=by.who, action=action, object=jid, origin=by.origin, detail=detail)


def _key_name(public_key: str | None) -> str:
    return "no key" if public_key is None else f"key {public_key}"
