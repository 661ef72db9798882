"""The card: what an agent says of itself when it registers; and the roles and what each may say."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from vedette.errors import RefusedError
from vedette.messages.envelope import Action
from vedette.messages.item import Count, Instant, Name, Text


class Role(StrEnum):
    """What an agent does."""

    REGISTRY = "registry"
    AGGREGATION = "aggregation"
    PROBE = "probe"
    COLLECTOR = "collector"
    RT = "rt"
    MISP = "misp"
    CONSOLE = "console"
    LAUNCHER = "launcher"
    JOB = "job"
    GATEWAY = "gateway"


_EVERYBODY = frozenset({Action.REGISTER, Action.HEARTBEAT, Action.RESOLVE, Action.STATE, Action.HEADS})

ROLE_ACTIONS: dict[Role, frozenset[Action]] = {
    Role.REGISTRY: _EVERYBODY | {Action.CONTROL},
    Role.AGGREGATION: _EVERYBODY | {Action.DELIVER, Action.PROOF},
    Role.PROBE: _EVERYBODY | {Action.DELIVER, Action.PROOF},
    Role.COLLECTOR: _EVERYBODY | {Action.DELIVER, Action.PROOF},
    Role.RT: _EVERYBODY | {Action.DELIVER, Action.PROOF, Action.QUEUE},
    Role.MISP: _EVERYBODY | {Action.QUEUE},
    Role.CONSOLE: _EVERYBODY | {Action.CONTROL, Action.QUEUE},
    Role.LAUNCHER: _EVERYBODY | {Action.JOB},
    Role.JOB: _EVERYBODY | {Action.DELIVER, Action.PROOF, Action.JOB},
    Role.GATEWAY: _EVERYBODY | {Action.DELIVER, Action.PROOF, Action.QUEUE},
}
"""The role x message table: what an enrolled agent of each role may send; all else is refused."""


def check_role(role: Role, action: Action) -> None:
    """Check that an agent of this role may send this message.

    Raises:
        RefusedError: it may not.
    """
    if action not in ROLE_ACTIONS[role]:
        raise RefusedError("action", f"an agent of role {role} may not send {action}")


class Card(BaseModel):
    """What an agent says of itself, signed with its enrolled key."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: Literal["vedette-card/1"] = "vedette-card/1"
    """Says what is signed."""
    jid: Name
    """Bare JID."""
    role: Role
    """The role that it was enrolled in."""
    version: Text
    """Version of Vedette that it runs."""
    public_key: Text
    """Base64 of its raw Ed25519 public key."""
    capabilities: Annotated[list[StrictStr], Field(max_length=256)] = []
    """What it can do: tools, formats."""
    place: Text = ""
    """Where it runs, in the operator's words."""
    started_at: Instant
    """Microseconds since 1970: when this process of the agent started."""
    signed_at: Instant
    """Microseconds since 1970: a card is refused when an older one than the last is replayed."""
    view: Text = ""
    """Address of its own HTML view, if it serves one."""
    sealing_key: Text = ""
    """Base64 of the raw X25519 public key that sealed items are sealed to; empty: it opens none."""


class Heartbeat(BaseModel):
    """A sign of life, so that presence is true even on a server that loses presence stanzas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    show: Literal["available", "away", "dnd"] = "available"
    """Presence as the agent has it."""
    status: Text = ""
    """Why."""
    pending: Count | None = None
    """Items in the outbox that are not confirmed; None where the agent has no outbox."""
    oldest: Count = 0
    """Microseconds that the oldest of them has waited."""
    dead_letters: Count = 0
    """Items that were given up and wait for a person."""
    sent_at: Instant | None = None
    """Microseconds since 1970 by the agent's clock when it was sent; None from agents before this was known."""
    clock_set: StrictBool | None = None
    """Whether its machine's kernel says that something keeps the clock right; None: it does not say."""
