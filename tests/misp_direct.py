"""A MISP server without a wire, for many exports in a short time: the same store, the same rules, no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fake_misp import FakeMisp
from tests.fake_misp_store import RefusedRequestError, User
from tests.misp_pushing import about
from tests.sharing_memory import KeptMemory
from vedette.errors import ConnectionFailedError
from vedette.sharing.exporter import Exported
from vedette.sharing.investigation import Investigation
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.making import made_by
from vedette.sharing.misp.push import Push
from vedette.sharing.misp.refusal import MispRefusalError
from vedette.sharing.misp.server import About, Event, MispServer
from vedette.sharing.misp.wish import Wish

ABOUT = About(
    version="2.5.12",
    organisation=User().organisation_uuid,
    organisation_name=User().organisation,
    role="Org User",
    everywhere=False,
    tagging=True,
    publishing=True,
)


@dataclass
class DirectServer(MispServer):
    """The port to a server, answered by the fake's store; told to, it breaks off at a call."""

    fake: FakeMisp = field(default_factory=FakeMisp)
    writes: int = 0
    calls: int = 0
    breaks_at: int = -1
    """Number of the call that breaks off; negative: none."""
    breaks_after: bool = False
    """Whether the call was carried out before it broke off."""
    user: User = field(default_factory=User)

    async def event(self, uuid: str) -> Event | None:
        try:
            found: Event = _copy(self._call(lambda: self.fake.view(uuid, self.user, deleted=True)))
        except MispRefusalError:
            return None
        return found

    async def add(self, event: Event) -> None:
        self._write(lambda: self.fake.store.add(_copy(event), self.user))

    async def edit(self, uuid: str, event: Event) -> None:
        self._write(lambda: self.fake.store.edit(uuid, _copy(event), self.user))

    async def publish(self, uuid: str) -> None:
        self._write(lambda: self.fake.store.publish(uuid, self.user))

    async def add_attribute(self, event: str, attribute: Event) -> None:
        self._write(lambda: self.fake.answer("POST", f"/attributes/add/{event}", _copy(attribute), self.user))

    async def remove_reference(self, uuid: str) -> None:
        self._write(lambda: self.fake.answer("POST", f"/objectReferences/delete/{uuid}", None, self.user))

    async def sight(self, attribute: str, *, when: int, source: str) -> None:
        self._write(lambda: self.fake.store.sightings.append({"attribute": attribute, "timestamp": str(when)}))

    async def elsewhere(self, uuids: Sequence[str]) -> Mapping[str, str]:
        rows = self.fake.store.attributes
        return {uuid: rows[uuid]["event"] for uuid in uuids if uuid in rows}

    def _write(self, what: Callable[[], Any]) -> None:
        self.writes += 1
        self._call(what)

    def _call(self, what: Callable[[], Any]) -> Any:
        self.calls += 1
        breaks = self.calls - 1 == self.breaks_at
        if breaks and not self.breaks_after:
            raise ConnectionFailedError("cut")
        try:
            answer = what()
        except RefusedRequestError as error:
            raise MispRefusalError(error.message, status=error.status) from None
        if breaks:
            raise ConnectionFailedError("cut")
        return answer


async def bring(
    what: Investigation, server: DirectServer, memory: KeptMemory, *, publish: bool = False, sightings: bool = False
) -> Exported:
    """Bring an investigation there, as a process that just started does."""
    made = misp_event(what)
    event = {name: value for name, value in made.event.items() if name not in {"Orgc", "published"}}
    wish = Wish(
        event=event,
        made_here=made_by(event["uuid"]),
        publish=publish,
        sightings=sightings,
        source="Example CSIRT",
        withheld=made.withheld,
    )
    return await Push(wish, server=server, memory=memory, about=ABOUT).send(only=None)


def _copy(value: Any) -> Any:
    """Return what the other side of a wire would have."""
    return orjson.loads(orjson.dumps(value))


EVENT = str(about().uuid)
"""UUID of the event that these are."""
