"""The base of the built-in tools: looks once, within its limits, and puts even a failure into its standard form."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import abstractmethod
from typing import Annotated, ClassVar, Generic

from pydantic import BaseModel, ConfigDict, Field

from vedette.canonical import canonical_json
from vedette.clock import Clock
from vedette.errors import VedetteError
from vedette.tools.interface import MAX_STDERR, ArgumentsT, Limits, Result, Tool, command_line

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP or UDP port."""

Seconds = Annotated[float, Field(gt=0, le=3600)]
"""A time limit of one step."""


class ObservationError(VedetteError):
    """The other side did not do what its protocol asks for; the message becomes the form's `error`."""


class Part(BaseModel):
    """Base of what standard forms are made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StandardForm(Part):
    """Base of the built-in tools' standard forms: every field has a default, so that a failure has a form too."""

    form: str
    """Name and version of the form, such as `dns/1`."""
    target: str
    """What was looked at."""
    error: str | None = None
    """Why the check failed; None where it was answered."""


class Observation(Tool[ArgumentsT], Generic[ArgumentsT]):
    """A tool that observes by itself, without an external command."""

    Form: ClassVar[type[StandardForm]]
    """Its standard form."""

    @abstractmethod
    async def observe(self, *, target: str, arguments: ArgumentsT, clock: Clock) -> StandardForm:
        """Look once and return the form; network errors may simply be raised."""

    async def run(self, *, target: str, arguments: ArgumentsT, limits: Limits, clock: Clock) -> Result:
        """Look once and return the form as canonical JSON, whatever happens within."""
        started_at = clock.now()
        timed_out = truncated = False
        try:
            async with asyncio.timeout(limits.time_limit) as time_limit:
                form = await self.observe(target=target, arguments=arguments, clock=clock)
        except Exception as error:  # noqa: BLE001 (the boundary of a tool: its failure is the result)
            timed_out = time_limit.expired()
            reason = f"ended at its time limit of {limits.time_limit:g} s" if timed_out else failure(error)
            form = self._failed(target, reason)
        payload = _json(form)
        if len(payload) > limits.most:
            truncated = True
            name = "output_limit" if limits.folder is None else "document_limit"
            form = self._failed(target, f"the result has {len(payload)} bytes; {name} is {limits.most}")
            payload = _json(form)
        return Result(
            format=form.form,
            content_type="application/json",
            payload=payload,
            command=command_line(self.name, arguments, target),
            exit_code=0 if form.error is None else 1,
            stderr=(form.error or "")[:MAX_STDERR],
            started_at=started_at,
            ended_at=clock.now(),
            truncated=truncated,
            timed_out=timed_out,
        )

    def _failed(self, target: str, reason: str) -> StandardForm:
        return self.Form.model_validate({"target": target, "error": reason})


def _json(form: StandardForm) -> bytes:
    return canonical_json(form.model_dump(mode="json"))


def failure(error: BaseException) -> str:
    """Return what went wrong in words for people."""
    match error:
        case VedetteError():
            reason = str(error)
        case ssl.SSLCertVerificationError():
            reason = f"the certificate is not trusted: {error.verify_message}"
        case socket.gaierror():
            reason = f"the name does not resolve: {error.strerror}"
        case ConnectionRefusedError():
            reason = "connection refused"
        case TimeoutError():
            reason = "timed out"
        case ssl.SSLError():
            reason = f"TLS failed: {error.reason or error}"
        case asyncio.IncompleteReadError():
            reason = "the other side closed the connection"
        case OSError(strerror=str(words)) if words:
            reason = words
        case _:
            reason = f"{type(error).__name__}: {error}".removesuffix(": ")
    return reason


def host_objection(target: str) -> str | None:
    """Return why `target` is no host name or address; None where it is one."""
    if not target:
        return "is empty; name a host or an address"
    if len(target) > 253 or any(character.isspace() or character in "/@?#[]" for character in target):
        return "must be a host name or an address, without scheme, port or path"
    return None
