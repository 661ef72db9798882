"""Configuration of sharing: where what was found goes, what of it, and how what is ours is known."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictStr,
    field_validator,
    model_validator,
)

from vedette.clock import SystemClock
from vedette.configuration.api import Port
from vedette.errors import RefusedError
from vedette.sharing.investigation import Pap, Tlp
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection

Name = Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Per = Literal["all", "target", "job", "day"]
"""What an investigation of a share is about."""

MAX_SETTINGS: Final = 64
"""Settings of a destination that its exporter reads."""

_TRIED: Final = {"target": "192.0.2.1", "job": str(uuid.UUID(int=0)), "day": "2026-01-01"}
"""A part of each kind: whether a share can be split so shows when one is made."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DestinationSection(BaseModel):
    """Where investigations go. What else it says are settings of its exporter, such as `url` and `key_file`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)

    name: Name
    """What people, shares and the command line call it."""
    exporter: Annotated[StrictStr, Field(min_length=1, max_length=64)]
    """The kind that it is: `misp`, `feed`, `taxii`, `webhook`, …."""
    policy: SharingPolicy = SharingPolicy()
    """What may leave towards it."""
    approval: StrictBool = False
    """Whether a person must approve whatever is sent there, whoever asks for it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What its exporter is set by."""
        return self.__pydantic_extra__ or {}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Return what a log may show: a setting could hold a login, where somebody wrote one into a URL."""
        return [("name", self.name), ("exporter", self.exporter)]

    @model_validator(mode="after")
    def _are_few(self) -> Self:
        if len(self.settings) > MAX_SETTINGS:
            raise ValueError(f"has more than {MAX_SETTINGS} settings")
        return self


class ShareSection(_Section):
    """What goes to destinations by itself."""

    name: Name
    """What it is called; its investigations are known by it, so that renaming it makes new ones."""
    select: Annotated[StrictStr, Field(min_length=1, max_length=4096)]
    """Which: `target=192.0.2.7`, `type=scan verdict=changed`, `source=*.in.structured.nmap.#`, `vertex=… depth=2`."""
    per: Per = "all"
    """One investigation for each `target`, `job` or `day`, or one for `all`."""
    to: Annotated[list[Name], Field(min_length=1, max_length=32)]
    """Names of destinations."""
    when: Literal["automatic", "approval", "manual"] = "approval"
    """`automatic`: sent; `approval`: planned, and sent when a person approves; `manual`: sent when one asks."""
    settle: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """Seconds after an item in which others may follow: they go together."""
    proof: StrictBool = False
    """Whether it waits until the items are proved by an authority outside of this fleet."""

    @model_validator(mode="after")
    def _selects(self) -> Self:
        clock = SystemClock()
        try:
            words = Selection.parse(self.select, clock=clock).words
            if self.per != "all":
                given = {"since", "until"} if self.per == "day" else {self.per}
                if not given.isdisjoint(words):
                    raise ValueError(f"select: says {min(given & words.keys())}= itself; leave out per: {self.per}")
                Selection.of_share(self.name, self.select, clock=clock, part=f"{self.per}={_TRIED[self.per]}")
        except RefusedError as error:
            raise ValueError(str(error)) from error
        return self

    @field_validator("to")
    @classmethod
    def _differ(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("names a destination twice")
        return value


class OwnSection(_Section):
    """What is ours or our victims': never a reason for an alarm elsewhere."""

    networks: Annotated[list[StrictStr], Field(max_length=1024)] = []
    """Address ranges: `192.0.2.0/24`, `2001:db8::/32`."""
    domains: Annotated[list[StrictStr], Field(max_length=1024)] = []
    """Domains, with everything below them: `example.org`."""

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{network[:64]!r} is no range such as 192.0.2.0/24: {error}") from error
        return value


class SharingSection(_Section):
    """Sharing with other platforms."""

    organisation: Annotated[StrictStr, Field(max_length=255)] = ""
    """Who shares, in the documents."""
    instance: uuid.UUID | None = None
    """UUID of this fleet, which the ids of all that it shares are made of; null: made once and kept in the store."""
    tlp: Tlp = Tlp.AMBER
    """The Traffic Light Protocol's marking where neither content nor a destination's policy says one."""
    pap: Pap | None = None
    """Permissible actions, where that is to be said."""
    own: OwnSection = OwnSection()
    """What is ours; what probes and jobs look at is, too."""
    warning_lists: StrictStr | None = None
    """Folder of MISP warning lists, relative to the file; null: those that Vedette was installed with."""
    destinations: Annotated[list[DestinationSection], Field(max_length=64)] = []
    """Where investigations go; the agent runs where there is one."""
    shares: Annotated[list[ShareSection], Field(max_length=64)] = []
    """What goes there by itself."""
    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "misp"
    """The agent's: the part of its JID before the @."""
    process: Literal["hub", "own"] = "hub"
    """`hub`: the agent runs with the API; `own`: apart, about 110 MB, for large investigations."""
    queue: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "misp"
    """The durable queue of items that the agent looks through for its shares."""
    keep_days: Annotated[float, Field(gt=0, le=36_500)] = 90.0
    """Days that exports which ended are kept."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where the agent runs, in your words."""
    view_port: Port = 0
    """Loopback port of its page; 0 picks a free one."""

    @property
    def names(self) -> list[str]:
        """Names of its agents: one, or none where there is nowhere to bring anything."""
        return [self.name] if self.destinations else []

    def destination(self, name: str) -> DestinationSection:
        """Return a destination.

        Raises:
            RefusedError: there is none of this name.
        """
        found = next((one for one in self.destinations if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.destinations) or "none"
            raise RefusedError(
                "destination", f"there is no {name[:64]!r} in sharing.destinations; there are: {known}"
            )
        return found

    def share(self, name: str) -> ShareSection:
        """Return a share.

        Raises:
            RefusedError: there is none of this name.
        """
        found = next((one for one in self.shares if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.shares) or "none"
            raise RefusedError("share", f"{name[:64]!r} is not in sharing.shares; there are: {known}")
        return found

    def policy_of(self, destination: str | None) -> SharingPolicy:
        """Return what may leave towards a destination, or into a file (None), with the section's own markings.

        Raises:
            RefusedError: there is no such destination.
        """
        policy = SharingPolicy() if destination is None else self.destination(destination).policy
        marks: dict[str, Any] = {"tlp": self.tlp, "pap": self.pap}
        if destination is None:
            # A file is ours: what all is marked with at least may be in it.
            marks["ceiling"] = max(policy.ceiling, self.tlp, key=lambda one: one.strictness)
        return policy.model_copy(
            update={key: value for key, value in marks.items() if key not in policy.model_fields_set}
        )

    @model_validator(mode="after")
    def _lets_something_go(self) -> Self:
        for one in self.destinations:
            policy = self.policy_of(one.name)
            if policy.tlp.strictness > policy.ceiling.strictness:
                least, most = policy.tlp.value, policy.ceiling.value
                raise ValueError(
                    f"destinations: {one.name}: policy: nothing would ever go: what is not marked is tlp: {least},"
                    f" and only ceiling: {most} may go; set tlp: {most} in the policy where what is not marked may go"
                )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for noun, names in (
            ("destinations", [one.name for one in self.destinations]),
            ("shares", [one.name for one in self.shares]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{noun}: two have the same name")
        known = {one.name for one in self.destinations}
        for share in self.shares:
            for name in share.to:
                if name not in known:
                    raise ValueError(f"shares: {share.name}: there is no destination {name!r}")
        return self
