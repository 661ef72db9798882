"""A probe's configuration: SCANDALE's JSON file, every key doing its job, and a few of ours."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from vedette.configuration.loading import KeyedError, load
from vedette.messages.card import Role
from vedette.messages.limits import MAX_DOCUMENT
from vedette.tools.interface import DEFAULT_OUTPUT_LIMIT, DEFAULT_TIME_LIMIT
from vedette.tools.verdict import Expectation

TARGET = "{target}"
"""What stands for the target in `command` and `args`."""

MAX_WORDS = 1024
"""Words of a command line."""

MAX_COMMAND = 24 * 1024
"""Bytes of a command line as JSON: the item's meta, at most 64 KiB, holds it."""

DEFAULT_DOCUMENT_LIMIT = 64 * 1024 * 1024
"""Bytes of one output that are kept without being asked: larger ones are more often an accident than wanted."""

_JID = re.compile(r"[^\s\"&'/:<>@]{1,1023}@[^\s\"&'/:<>@]{1,1023}(/[^\s]{1,1023})?")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+-]{0,63}")
_SERVER = re.compile(r"(?P<host>[^\s:/@\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHELL_WORDS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "<<", "2>&1", "2>", "|&"})


def _absent_if_empty(value: Any) -> Any:
    """SCANDALE's files have `""` where nothing is meant."""
    return None if value == "" else value


def _split(value: Any) -> Any:
    """Return a command's words: a string as a POSIX shell would split it, a list as it is."""
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {error}") from error
        for word in words:
            if word in _SHELL_WORDS:
                raise ValueError(f"{word!r} is for a shell, and none is used; put it into a script, or use a list")
        return words
    if isinstance(value, list | tuple):
        return [str(word) if isinstance(word, int) and not isinstance(word, bool) else word for word in value]
    return [] if value is None else value


OptionalText = Annotated[str | None, BeforeValidator(_absent_if_empty)]
OptionalPath = Annotated[Path | None, BeforeValidator(_absent_if_empty)]
Words = Annotated[
    tuple[Annotated[str, Field(strict=True)], ...], BeforeValidator(_split), Field(max_length=MAX_WORDS)
]


class ProbeConfiguration(BaseModel):
    """One probe with one check. Unknown keys are refused; `""` is the same as an absent key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uuid: OptionalText = None
    """Identity of the check, a UUID; without it one is made from jid, command and target."""
    version: str = "1.0"
    """Version of this file's form; 1.x is understood."""
    type: str = "scan"
    """What kind of items come out, such as `scan`: the item's `meta.type`."""
    period: Annotated[float, Field(strict=True, ge=0, le=366 * 86_400, allow_inf_nan=False)] | None = None
    """Seconds from the start of a run to the next; absent, null or 0: run once. At least 0.1."""
    target: Annotated[str, Field(max_length=1024)] = ""
    """What to look at; replaces `{target}` in `command` and `args`."""
    command: Words
    """What to run: a string is split as a shell would, but no shell is used; `vedette:<tool>` is built in."""
    args: Words = ()
    """Further words of the command, or the built-in tool's arguments."""
    format: OptionalText = None
    """The item's format; without it the tool's own, `raw` for commands."""
    expected_value: str | int | float | dict[str, Any] | None = None
    """What gives the verdict `as expected`, see `vedette.tools.verdict`; absent, null or "": no verdict."""
    result_parser: OptionalText = None
    """Name of the parser that makes the standard form of the output; absent: the output as it is."""
    up_agent: str = Role.AGGREGATION.value
    """Who receives the items: a JID, or a role such as `aggregation`, of which any live agent will do."""
    jid: OptionalText = None
    """The probe's account, `user@domain`."""
    passwd: Annotated[SecretStr | None, BeforeValidator(_absent_if_empty)] = None
    """Its password; never shown."""
    credentials: OptionalPath = None
    """A credentials file instead of `passwd`, so that this file holds no secret."""
    time_limit: Annotated[float, Field(strict=True, gt=0, le=86_400, allow_inf_nan=False)] = DEFAULT_TIME_LIMIT
    """Seconds that one run may take."""
    output_limit: Annotated[int, Field(strict=True, gt=0, le=DEFAULT_OUTPUT_LIMIT)] = DEFAULT_OUTPUT_LIMIT
    """Bytes of output that an item carries itself."""
    document_limit: Annotated[int, Field(strict=True, ge=0, le=MAX_DOCUMENT)] | None = None
    """Bytes of output that are kept as a document where an item cannot carry it; 0: it is cut at `output_limit`.
    Absent: 64 MiB, or 0 where `output_limit` is given, which says that cutting is meant."""
    jitter: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = 0.0
    """Seconds: each run starts up to this much later, so that many probes do not start at once."""
    sealed: bool = False
    """Whether the items travel sealed: only the engine, not the XMPP server, can read what was seen, and of what."""
    place: Annotated[str, Field(max_length=1024)] = ""
    """Where the probe runs, in the operator's words."""
    server: OptionalText = None
    """`host:port` of the XMPP server, where it is not the JID's domain at port 5222."""
    ca: OptionalPath = None
    """PEM file of the authorities that the XMPP server's certificate must come from."""
    view_port: Annotated[int, Field(strict=True, ge=0, le=65535)] | None = None
    """Port of the probe's own HTML view on loopback; 0 or absent: a free one. A run with `--once` has no view."""

    @field_validator("uuid")
    @classmethod
    def _uuid_is_one(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return str(UUID(value))
        except ValueError as error:
            raise ValueError("is not a UUID; leave it empty or write one, such as uuidgen prints") from error

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_known(cls, value: Any) -> Any:
        text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if isinstance(text, str) and text.split(".")[0] != "1":
            raise ValueError(f"{text[:20]!r} is not supported; this release reads version 1.x")
        return text

    @field_validator("type", "format")
    @classmethod
    def _word(cls, value: str | None) -> str | None:
        if value is not None and not _WORD.fullmatch(value):
            raise ValueError("must be one word of at most 64 letters, digits and _ . / + -")
        return value

    @field_validator("period")
    @classmethod
    def _period_is_sensible(cls, value: float | None) -> float | None:
        if not value:
            return None
        if value < 0.1:
            raise ValueError("must be at least 0.1 seconds, or 0 to run once")
        return value

    @field_validator("target", mode="before")
    @classmethod
    def _no_target(cls, value: Any) -> Any:
        return "" if value is None else value

    @field_validator("target")
    @classmethod
    def _target_is_no_option(cls, value: str) -> str:
        if value.startswith("-"):
            raise ValueError("begins with '-', which a command would take for an option")
        if _CONTROL.search(value):
            raise ValueError("holds control characters")
        return value

    @field_validator("command", "args")
    @classmethod
    def _words_can_be_passed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("\0" in word for word in value):
            raise ValueError("holds a NUL character, which no command can be given")
        return value

    @field_validator("command")
    @classmethod
    def _command_is_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not value[0].strip():
            raise ValueError("is empty; name a command or a built-in tool such as vedette:tls-certificate")
        if TARGET in value[0]:
            raise ValueError(f"begins with {TARGET}: the target must not choose what is run")
        return value

    @field_validator("expected_value", mode="before")
    @classmethod
    def _expected_value_is_usable(cls, value: Any) -> Any:
        return value if Expectation.of(value) else None

    @field_validator("up_agent")
    @classmethod
    def _up_agent_is_known(cls, value: str) -> str:
        if value in {role.value for role in Role} or _JID.fullmatch(value):
            return value
        raise ValueError(f"must be a JID (name@domain) or a role: {', '.join(role.value for role in Role)}")

    @field_validator("jid")
    @classmethod
    def _jid_is_one(cls, value: str | None) -> str | None:
        if value is not None and not _JID.fullmatch(value):
            raise ValueError("must be a JID, such as probe1@localhost")
        return value

    @field_validator("server")
    @classmethod
    def _server_is_one(cls, value: str | None) -> str | None:
        if value is None:
            return None
        match = _SERVER.fullmatch(value)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise ValueError("must be host:port, such as 127.0.0.1:5222")
        return value

    @model_validator(mode="after")
    def _parts_agree(self) -> ProbeConfiguration:
        words = (*self.command, *self.args)
        if not self.target and any(TARGET in word for word in words):
            raise KeyedError("target", f"is empty, but the command asks for {TARGET}")
        if len(json.dumps(self.argv, ensure_ascii=False).encode()) > MAX_COMMAND:
            raise KeyedError("command", f"is longer than {MAX_COMMAND} bytes with its args and target")
        if self.passwd is not None and self.credentials is not None:
            raise KeyedError("passwd", "is there beside credentials; keep one")
        if self.credentials is None and self.jid is None:
            raise KeyedError("jid", "is required, with passwd (or credentials instead of both)")
        if self.credentials is None and self.passwd is None:
            raise KeyedError("passwd", "is required (or credentials instead)")
        if self.period is not None and self.jitter > self.period:
            raise KeyedError("jitter", f"({self.jitter:g} s) is longer than period ({self.period:g} s)")
        return self

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line with the target in its place; never split again."""
        return tuple(word.replace(TARGET, self.target) for word in (*self.command, *self.args))

    @property
    def largest_output(self) -> int:
        """Bytes of output that are kept, in the item or as a document."""
        if self.document_limit is not None:
            return max(self.output_limit, self.document_limit)
        return self.output_limit if "output_limit" in self.model_fields_set else DEFAULT_DOCUMENT_LIMIT

    @property
    def expectation(self) -> Expectation | None:
        """What `expected_value` says, ready to compare."""
        return Expectation.of(self.expected_value)

    @property
    def up_role(self) -> Role | None:
        """The role that `up_agent` names, or None where it is a JID."""
        return Role(self.up_agent) if self.up_agent in {role.value for role in Role} else None

    @property
    def server_address(self) -> tuple[str, int] | None:
        """Host and port of `server`."""
        match = _SERVER.fullmatch(self.server or "")
        return (match["host"].strip("[]"), int(match["port"])) if match else None


_PATHS = ("credentials", "ca")


def load_probe(path: Path) -> ProbeConfiguration:
    """Read a probe's file; its relative paths are relative to the file's folder.

    Raises:
        ConfigurationError: names file, key and reason.
    """
    configuration = load(path, ProbeConfiguration)
    absolute: dict[str, Any] = {
        key: path.parent.resolve() / value for key in _PATHS if (value := getattr(configuration, key)) is not None
    }
    return configuration.model_copy(update=absolute)
