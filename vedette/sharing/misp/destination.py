"""A MISP server as a destination: whose event it is decides whether it is written, extended or proposed for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, StrictBool

from vedette.sharing.endpoint import EndpointSettings, place_of, read_endpoint, read_settings
from vedette.sharing.exporter import Destination, Exported, ExportError, Outfit, Plan
from vedette.sharing.investigation import Investigation
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.extension import extension_of, extension_uuid
from vedette.sharing.misp.making import made_by
from vedette.sharing.misp.options import MispOptions
from vedette.sharing.misp.proposals import Proposals
from vedette.sharing.misp.push import Push
from vedette.sharing.misp.server import About, Event, MispServer
from vedette.sharing.misp.wish import Wish


class MispSettings(EndpointSettings):
    """What a MISP server is set by, beside what shows in its events (`MispOptions`)."""

    # The options of the events are checked where they are used.
    model_config = ConfigDict(extra="ignore", frozen=True)

    publish: StrictBool = False
    """Whether an event is published after it was written and checked."""
    extends: StrictBool = True
    """Whether an event of our own extends one of another organisation, that we may not change."""
    proposals: StrictBool = False
    """Whether proposals are sent for such an event instead: for attributes only, one by one."""
    sightings: StrictBool = False
    """Whether it is told when an attribute is observed again: a request for each."""


class MispDestination(Destination):
    """One server and one key."""

    def __init__(self, outfit: Outfit) -> None:
        """Check the settings and read the key; nothing is asked yet.

        Raises:
            ConfigurationError: names the setting and the reason.
        """
        self._settings = read_settings(outfit, MispSettings)
        self._options = MispOptions.of(outfit.settings, place=place_of(outfit))
        self._endpoint = read_endpoint(outfit, self._settings)
        self._memory = outfit.memory
        self._server = MispServer(self._endpoint, clock=outfit.clock)

    async def plan(self, investigation: Investigation) -> Plan:
        """Say what sending it would do (see `Destination`)."""
        return await (await self._work(investigation)).plan()

    async def send(self, investigation: Investigation, *, only: str | None = None) -> Exported:
        """Send what differs (see `Destination`)."""
        work = await self._work(investigation)
        exported = await work.send(only=only)
        return replace(exported, address=f"{str(self._endpoint.target.url).rstrip('/')}/events/view/{work.event}")

    async def check(self) -> str:
        """Ask who it is and who we are there (see `Destination`)."""
        return str(await self._server.about())

    async def aclose(self) -> None:
        """Close the connection."""
        await self._server.aclose()

    async def _work(self, investigation: Investigation) -> Push | Proposals:
        about = await self._server.about()
        made = await asyncio.to_thread(misp_event, investigation, self._options)
        ours = await self._addressed(made.event)
        theirs = await self._server.event(str(investigation.uuid))
        wish = Wish(
            event=ours,
            made_here=made_by(ours["uuid"]),
            publish=self._settings.publish,
            sightings=self._settings.sightings,
            source=investigation.organisation or "vedette",
            withheld=made.withheld,
        )
        if theirs is None or _may_edit(theirs, about):
            return Push(wish, server=self._server, memory=self._memory, about=about, found=[theirs])
        if self._settings.proposals:
            return Proposals(ours, theirs, server=self._server, memory=self._memory, withheld=made.withheld)
        if not self._settings.extends:
            message = f"event {ours['uuid']} is of another organisation ({_owner(theirs)}): set extends or proposals"
            raise ExportError(message)
        note = f"event {ours['uuid']} is of another organisation ({_owner(theirs)}): ours extends it"
        extending = replace(
            wish,
            event=extension_of(ours),
            made_here=made_by(extension_uuid(ours["uuid"]), extends=ours["uuid"]),
            notes=(note,),
        )
        return Push(extending, server=self._server, memory=self._memory, about=about)

    async def _addressed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return an event as this server takes it: its id of the sharing group, and nothing that only it decides.

        Raises:
            ExportError: the server has no such sharing group, or not for this key.
        """
        ours = {
            name: value for name, value in event.items() if name not in {"Orgc", "Org", "SharingGroup", "published"}
        }
        group = self._options.sharing_group
        if group is not None:
            known = await self._server.sharing_group(str(group))
            if known is None:
                raise ExportError(f"the server has no sharing group {group} that this key may use: set sharing_group")
            ours["sharing_group_id"] = known
        return ours


def _may_edit(event: Event, about: About) -> bool:
    return about.everywhere or _creator(event).get("uuid") == about.organisation


def _creator(event: Event) -> Mapping[str, Any]:
    creator = event.get("Orgc")
    return creator if isinstance(creator, Mapping) else {}


def _owner(event: Event) -> str:
    return str(_creator(event).get("name", "unknown"))
