"""The port to a MISP server: what an export asks and tells it, over PyMISP, which blocks and so runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from vedette.clock import Clock
from vedette.errors import ConnectionFailedError
from vedette.sharing.endpoint import Endpoint
from vedette.sharing.misp.holding import flag_of
from vedette.sharing.misp.refusal import MispRefusalError

if TYPE_CHECKING:
    from vedette.sharing.misp.session import MispSession

AnswerT = TypeVar("AnswerT")

Event = Mapping[str, Any]
"""What is inside of `{"Event": …}`."""

BOTH: Final = [0, 1]
"""MISP's filter `deleted`: what is there, and what is soft-deleted."""

_HIDDEN: Final = frozenset({403, 404, 405})
"""How MISP answers for what is not there, or not ours to see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a server says of itself and of the key's owner."""

    version: str
    organisation: str
    """UUID of the owner's organisation."""
    organisation_name: str
    role: str
    everywhere: bool
    """Whether events of all organisations may be edited: a site administrator."""
    tagging: bool
    publishing: bool

    def __str__(self) -> str:
        """Return it in one line."""
        able = [name for name, may in (("tag", self.tagging), ("publish", self.publishing)) if may]
        may = f", may {' and '.join(able)}" if able else ", may neither tag nor publish"
        return f"MISP {self.version} as {self.role} of {self.organisation_name}{may}"


class MispServer:
    """One server; nothing is asked before the first call.

    All methods raise ConnectionFailedError (it does not answer, is not trusted, refuses the key), ComeAgainError (it
    is busy) and MispRefusalError (it refuses this, and says why).
    """

    def __init__(self, endpoint: Endpoint, *, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._session: MispSession | None = None
        self._about: About | None = None
        self.writes = 0
        """Requests that were to change something."""

    async def about(self) -> About:
        """Return who it is, and who we are there."""
        if self._about is None:
            self._about = await self._ask(_about)
        return self._about

    async def event(self, uuid: str) -> Event | None:
        """Return an event with all that is in it, soft-deleted too; None: there is none that we may see."""
        try:
            answer = await self._ask(lambda session: session.get_event(uuid, deleted=BOTH, no_sightings=True))
        except MispRefusalError as error:
            if error.status in _HIDDEN:
                return None
            raise
        event = answer.get("Event") if isinstance(answer, dict) else None
        if not isinstance(event, dict) or event.get("uuid") != uuid:
            raise ConnectionFailedError(f"{self._endpoint.shown}: answered something else than event {uuid}")
        return event

    async def add(self, event: Event) -> None:
        """Add an event."""
        await self._tell(lambda session: session.add_event(_wrapped(event), metadata=True))

    async def edit(self, uuid: str, event: Event) -> None:
        """Change what an event names, and leave the rest."""
        await self._tell(lambda session: session.update_event(_wrapped(event), event_id=uuid, metadata=True))  # type: ignore[arg-type]

    async def publish(self, uuid: str) -> None:
        """Publish an event, without mail to the community: what calls this may call it often."""
        await self._tell(lambda session: session.publish(uuid))

    async def add_attribute(self, event: str, attribute: Event) -> None:
        """Add one attribute: unlike a whole event's, its refusal says why."""
        await self._tell(lambda session: session.add_attribute(event, attribute))

    async def propose(self, event: str, attribute: Event) -> None:
        """Propose an attribute for an event of another organisation."""
        await self._tell(lambda session: session.add_attribute_proposal(event, attribute))  # type: ignore[arg-type]

    async def remove_reference(self, uuid: str) -> None:
        """Remove a reference between two objects."""
        await self._tell(lambda session: session.delete_object_reference(uuid))

    async def sight(self, attribute: str, *, when: int, source: str) -> None:
        """Say that an attribute was seen, at a time in seconds. Doing it twice counts it twice."""
        sighting = {"type": "0", "timestamp": str(when), "source": source}
        await self._tell(lambda session: session.add_sighting(sighting, attribute))

    async def elsewhere(self, uuids: Sequence[str]) -> Mapping[str, str]:
        """Return, by UUID, the event in which an attribute is that is not in ours."""
        # MISP takes a list where PyMISP's types have one.
        asked: Any = list(uuids)
        answer = await self._ask(
            lambda session: session.search("attributes", uuid=asked, deleted=BOTH, include_event_uuid=True)
        )
        found = _rows(answer.get("Attribute") if isinstance(answer, dict) else None)
        return {str(row.get("uuid")): _event_of(row) for row in found}

    async def sharing_group(self, uuid: str) -> str | None:
        """Return the server's id of a sharing group; None: there is none that we may use."""
        answer = await self._ask(lambda session: session.sharing_groups())
        for row in _rows(answer):
            group = _inner(row, "SharingGroup")
            if str(group.get("uuid", "")).lower() == uuid.lower():
                return str(group.get("id"))
        return None

    async def blocked(self, uuid: str) -> bool | None:
        """Return whether an event is on the server's blocklist; None: only its administrators may know."""
        try:
            answer = await self._ask(lambda session: session.event_blocklists())
        except MispRefusalError:
            return None
        found = (_inner(row, "EventBlocklist") for row in _rows(answer))
        return any(str(row.get("event_uuid", "")).lower() == uuid for row in found)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await asyncio.to_thread(self._session.close)
            self._session = None

    async def _tell(self, call: Callable[[MispSession], Any]) -> None:
        # Counted before: of a request that was cut nobody knows whether it did something.
        await self._opened()
        self.writes += 1
        await self._ask(call)

    async def _ask(self, call: Callable[[MispSession], AnswerT]) -> AnswerT:
        session = await self._opened()
        return await asyncio.to_thread(call, session)

    async def _opened(self) -> MispSession:
        if self._session is None:
            self._session = await asyncio.to_thread(_open, self._endpoint, self._clock)
        return self._session


def _open(endpoint: Endpoint, clock: Clock) -> MispSession:
    # PyMISP is 30 MB and takes more than a second to import: only who asks a server needs it, in a thread.
    from vedette.sharing.misp.session import MispSession

    return MispSession(endpoint, clock=clock)


def _wrapped(event: Event) -> Any:
    return {"Event": dict(event)}


def _rows(answer: Any) -> list[Mapping[str, Any]]:
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


def _inner(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = row.get(name)
    return inner if isinstance(inner, dict) else row


def _event_of(row: Mapping[str, Any]) -> str:
    event = row.get("Event")
    known = event.get("uuid") if isinstance(event, dict) else None
    return str(known or row.get("event_uuid") or row.get("event_id") or "")


def _about(session: MispSession) -> About:
    role, organisation = session.owner.get("Role") or {}, session.owner.get("Organisation") or {}
    if not organisation.get("uuid"):
        answer = session.get_organisation((session.owner.get("User") or {}).get("org_id", ""))
        organisation = answer.get("Organisation", answer) if isinstance(answer, dict) else {}
    version = session.misp_instance_version
    everywhere = flag_of(role.get("perm_site_admin"))
    return About(
        version=str(version.get("version", "")) if isinstance(version, dict) else "",
        organisation=str(organisation.get("uuid", "")).lower(),
        organisation_name=str(organisation.get("name", "")),
        role=str(role.get("name", "")),
        everywhere=everywhere,
        tagging=everywhere or flag_of(role.get("perm_tagger")),
        publishing=everywhere or flag_of(role.get("perm_publish")),
    )
