"""Configuration of gateways to AMQP brokers: those of the fleet's `gateways`, and the file of one on another host."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, field_validator, model_validator

from vedette.configuration.api import Port
from vedette.configuration.loading import load
from vedette.errors import RefusedError
from vedette.routing import check_pattern

MAX_GATEWAYS = 16
"""Gateways of one fleet file."""

_Word = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
_Patterns = Annotated[list[StrictStr], Field(max_length=64)]


def _checked(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        try:
            check_pattern(pattern)
        except RefusedError as error:
            raise ValueError(f"{pattern[:64]!r} {error.reason}") from error
    return patterns


class OutwardSection(BaseModel):
    """What a gateway publishes at the broker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: _Word = "vedette"
    """The exchange (topic, durable; made where there is none)."""
    patterns: Annotated[_Patterns, Field(min_length=1)] = ["#"]
    """Routing keys of the items that are published: `*` stands for one word, `#` for any number of them."""
    findings: StrictBool = True
    """Whether findings of the correlation are published, too."""
    queue: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] | None = None
    """The durable queue in the engine's store; null: called like the gateway."""
    from_start: StrictBool = False
    """Whether a new queue begins with what was committed before it was made; else what comes from then on."""
    echo: StrictBool = False
    """Whether what a gateway took from a broker is published, too."""
    must_arrive: StrictBool = False
    """What nobody at the broker has bound a queue for becomes a dead letter in the end; else it is counted only."""

    @field_validator("patterns")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        return _checked(value)


class GatewaySection(BaseModel):
    """A gateway between an AMQP 0-9-1 broker, such as RabbitMQ, and the engines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """The part of its JID before the @."""
    url: StrictStr = "amqp://127.0.0.1:5672/"
    """The broker: `amqps://host[:port]/[virtual host]`, or `amqp://` on this machine; without user and password."""
    credentials_file: StrictStr | None = None
    """File with `user:password`, relative to this file, readable by its owner only; null: RabbitMQ's `guest`."""
    ca: StrictStr | None = None
    """PEM roots for the broker's certificate, relative to this file; null means the system's."""
    plain_text: StrictBool = False
    """Whether `amqp://` may be spoken to another machine: whoever is on the way reads and changes everything."""
    exchange: _Word = "stucco"
    """The exchange that collectors publish at (topic, durable; made where there is none)."""
    queue: _Word = "vedette"
    """The gateway's queue at the broker (durable; made where there is none); one gateway a queue."""
    patterns: _Patterns = ["stucco.in.#"]
    """Routing keys that are taken; empty: nothing is, the gateway only publishes."""
    dead_exchange: _Word = "stucco.dead"
    """Where messages go that are not taken (topic, durable), and the queue of the same name that holds them."""
    prefetch: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 500
    """Messages that the broker hands out before it sees an acknowledgement; they are in the gateway's memory."""
    largest: Annotated[int, Field(ge=1, le=128, strict=True)] = 16
    """MiB that a message may have; larger ones go to the dead-letter exchange."""
    sealed: _Patterns = []
    """Routing keys of messages whose items travel sealed: the broker sees them, but the XMPP server does not."""
    outwards: OutwardSection | None = None
    """What is published at the broker; null: nothing."""
    up_agent: Annotated[StrictStr, Field(min_length=1, max_length=1024)] = "aggregation"
    """Who receives the items: a JID or a role."""
    view_port: Port = 0
    """Loopback port of its page; 0 picks a free one."""
    place: Annotated[StrictStr, Field(max_length=1024)] = ""
    """Where it runs, in your words."""

    @field_validator("patterns", "sealed")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        return _checked(value)

    @field_validator("url")
    @classmethod
    def _is_a_broker(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.query or parts.fragment:
            raise ValueError("must be 'amqps://host[:port]/[virtual host]' or 'amqp://…'")
        if parts.username or parts.password:
            raise ValueError("must not have user and password; put them into credentials_file")
        return value

    @model_validator(mode="after")
    def _is_safe_and_does_something(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "amqp" and not self.plain_text and not _is_here(parts.hostname or ""):
            raise ValueError("url: amqp:// only on this machine; use amqps://, or say plain_text: true")
        if not self.patterns and self.outwards is None:
            raise ValueError("patterns: is empty, and there is no outwards: the gateway would do nothing")
        return self


class GatewayConfiguration(GatewaySection):
    """A gateway in a process of its own, here or on another host. Paths are relative to the file."""

    credentials: Path | None = None
    """The file that `vedette enroll NAME --role gateway` wrote; null: `var/credentials/NAME.json`."""


class _Whole(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def is_gateway_file(file: Path) -> bool:
    """Tell whether a file is a gateway's, and not a fleet's.

    Raises:
        ConfigurationError: it cannot be read at all.
    """
    keys = load(file, _Whole).model_dump().keys()
    return {"name", "url"} <= keys and "graph" not in keys


def load_gateway(file: Path) -> GatewayConfiguration:
    """Read a gateway's file.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    return load(file, GatewayConfiguration)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
