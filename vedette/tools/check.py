"""One configured check: runs what it names and makes the item that the outbox takes."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from vedette.canonical import canonical_json
from vedette.clock import MICROSECONDS, Clock
from vedette.configuration.probe import TARGET, ProbeConfiguration
from vedette.errors import ConfigurationError, VedetteError
from vedette.messages.limits import MAX_PAYLOAD, MAX_TEXT
from vedette.sealing.envelope import MARK, new_mark
from vedette.tools.catalogue import Catalogue
from vedette.tools.interface import MAX_STDERR, Limits, Parser, Result
from vedette.tools.parsers.text import NoParser
from vedette.tools.process import executable
from vedette.tools.program import ExternalCommand, Program, choose_program
from vedette.tools.redaction import Redaction
from vedette.tools.spill import describe, kept, remove
from vedette.tools.verdict import verdict

ITEM_VERSION = "1"
"""Version of the item form that is made."""

MAX_PARSED = 16 * 1024 * 1024
"""Bytes of output that are parsed or compared: both need them in memory, some of them several times."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What becomes the payload."""

    payload: bytes | Path
    content_type: str
    form: Any = None
    truncated: bool = False
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one run became."""

    item: dict[str, Any]
    """The item, which lacks only `meta.origin_seq`."""
    document: Path | None = None
    """The payload's file where the item refers to a document; it is the caller's to move or remove."""


class Check:
    """A check that can be run again and again."""

    def __init__(
        self,
        *,
        configuration: ProbeConfiguration,
        program: Program,
        parser: Parser | None,
        agent: str,
        clock: Clock,
    ) -> None:
        self.configuration = configuration
        """What it is built from."""
        self.agent = agent
        """Bare JID of the agent that observes."""
        self.tool_name = program.name
        """The tool's or the command's name, without arguments: a capability of the agent."""
        self._program = program
        self._parser = parser
        self._clock = clock
        self._limits = Limits(time_limit=configuration.time_limit, output_limit=configuration.output_limit)
        self._expectation = configuration.expectation
        password = configuration.passwd.get_secret_value() if configuration.passwd else ""
        self._redaction = Redaction(known=[password])
        self.command = self._redaction.command(configuration.argv)
        """The configured command line, secrets hidden."""
        self.identity = configuration.uuid or _identity(agent, self.command, configuration.target)
        """The item's `meta.check`: the same for every run."""
        shown = "" if configuration.sealed else self._redaction.text(configuration.target)
        self.title = f"{program.name} {shown}".strip()
        """What it does, for people; it travels, so that a sealed check does not say at what."""

    @classmethod
    def from_configuration(
        cls,
        configuration: ProbeConfiguration,
        *,
        clock: Clock,
        agent: str | None = None,
        catalogue: Catalogue | None = None,
        place: str = "probe",
    ) -> Check:
        """Wire a check; `agent` is the JID where the configuration names only credentials.

        Raises:
            ConfigurationError: unknown tool or parser, wrong arguments or target; `place` is the file.
        """
        jid = agent or configuration.jid
        if jid is None:
            raise ConfigurationError(place, "jid", "is required: items name the agent that observed them")
        catalogue = catalogue or Catalogue()
        program = choose_program(configuration, catalogue, place=place)
        name = configuration.result_parser
        parser = catalogue.parser(name, place=place) if name else None
        return cls(
            configuration=configuration,
            program=program,
            parser=None if isinstance(parser, NoParser) else parser,
            agent=jid.partition("/")[0],
            clock=clock,
        )

    def notes(self) -> list[str]:
        """Return what is allowed but worth a word before the start, for `check-config`."""
        configuration = self.configuration
        found = []
        if isinstance(self._program, ExternalCommand):
            name = configuration.command[0]
            if executable(name) is None:
                found.append(f"command: {name!r} is not installed here; each run will report exit code 127")
            if configuration.target and not any(configuration.target in word for word in configuration.argv):
                found.append(f"target: the command never names it; write {TARGET} where it belongs")
        if configuration.jitter and configuration.period is None:
            found.append("jitter: has no effect without period")
        return found

    async def run(self) -> dict[str, Any]:
        """Run once and return the item, cut to what travels inline; a failure is an item too."""
        return (await self.observe()).item

    async def observe(
        self, *, folder: Path | None = None, heard: Callable[[int, bytes], None] | None = None
    ) -> Observation:
        """Run once; a payload that is too large to travel inline becomes a file of `folder`, where one is given.

        A failure of what is run is an item too. `heard` is called with output as it comes, see `Limits`.
        """
        most = self.configuration.largest_output
        limits = replace(self._limits, heard=heard)
        if folder is not None and most > limits.output_limit:
            limits = replace(limits, folder=folder, document_limit=most)
        result = await self._program.run(limits=limits, clock=self._clock)
        if result.file is None and len(result.payload) <= MAX_PAYLOAD:
            return self._observed(result, limits)
        return await asyncio.to_thread(self._observed, result, limits)

    def _observed(self, result: Result, limits: Limits) -> Observation:
        payload: bytes | Path | None = None
        try:
            judged = self._judged(result)
            reading = self._read(judged, limits)
            payload = reading.payload
            sha256, size = describe(payload)
            meta = self._meta(judged, reading, sha256)
            content = (
                {"document": sha256} if isinstance(payload, Path) else {"raw": base64.b64encode(payload).decode()}
            )
            if isinstance(payload, Path):
                meta["size"] = size
        except BaseException:
            remove(payload)
            payload = None
            raise
        finally:
            if result.file != payload:
                remove(result.file)
        form = self.configuration.format or result.format
        item = {"version": ITEM_VERSION, "format": form, "meta": meta, "payload": content}
        return Observation(item=item, document=payload if isinstance(payload, Path) else None)

    def _judged(self, result: Result) -> Result:
        """Return the result with as much of its file in memory as is parsed and compared."""
        if result.file is None or (self._parser is None and self._expectation is None):
            return result
        with result.file.open("rb") as file:
            return replace(result, payload=file.read(MAX_PARSED))

    def _meta(self, result: Result, reading: _Reading, sha256: str) -> dict[str, Any]:
        configuration = self.configuration
        meta: dict[str, Any] = {
            "uuid": str(uuid4()),
            "ts": result.ended_at // MICROSECONDS,
            "type": configuration.type,
            "source": routing_key(configuration.format or result.format, self.agent),
            "agent": self.agent,
            "collected_at": result.ended_at,
            "target": self._redaction.text(configuration.target),
            "command": list(self._redaction.command(result.command)),
            "exit_code": result.exit_code,
            "content_type": reading.content_type,
            "priority": 0,
            "sha256": sha256,
            # A clock that is set back while the check runs must not make it negative.
            "duration": max(0, result.ended_at - result.started_at),
            "check": self.identity,
        }
        optional = {
            "verdict": verdict(self._expectation, result, reading.form),
            "truncated": result.truncated or reading.truncated or None,
            "timed_out": result.timed_out or None,
            "stderr": self._excerpt(result.stderr) or None,
            "parse_error": reading.error,
            MARK: new_mark() if configuration.sealed else None,
        }
        return meta | {key: value for key, value in optional.items() if value is not None}

    def _excerpt(self, text: str) -> str:
        clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", self._redaction.text(text))
        return clean.encode("utf-8", errors="replace")[:MAX_STDERR].decode("utf-8", errors="ignore")

    def _read(self, result: Result, limits: Limits) -> _Reading:
        """Parse where a parser is named; what cannot be parsed travels as it is, with the reason."""
        if self._parser is None:
            return _as_it_is(result, limits)
        raw = result.payload if limits.folder is not None else result.payload[:MAX_PAYLOAD]
        try:
            _check_whole(result)
            form = _parsed(self._parser, raw)
            return _document(self._parser.label, form, raw, limits)
        except Exception as error:  # noqa: BLE001 (the boundary to other people's parsers)
            reason = str(error) if isinstance(error, VedetteError) else f"{type(error).__name__}: {error}"
        if result.truncated:
            reason += f" (the output was cut at {len(raw) if result.file is None else limits.most} bytes)"
        problem = f"{self._parser.label}: {self._redaction.text(reason)}"[:MAX_TEXT]
        return replace(_as_it_is(result, limits), error=problem)


def routing_key(format: str, agent: str) -> str:
    """Return an item's `meta.source`: `vedette.in.structured.<format name>.<agent name>`.

    A word of a routing key holds no dot; a format's version (`dns/1`) is no part of its name.
    """
    words = (format.partition("/")[0], agent.partition("@")[0])
    name, who = (re.sub(r"[^A-Za-z0-9_-]+", "-", word)[:255] or "-" for word in words)
    return f"vedette.in.structured.{name}.{who}"


def _identity(agent: str, command: tuple[str, ...], target: str) -> str:
    name = canonical_json([agent, list(command), target]).decode()
    return str(uuid5(NAMESPACE_URL, f"vedette:check:{name}"))


def _parsed(parser: Parser, raw: bytes) -> Any:
    """Return the validated standard form as JSON values."""
    form = parser.parse(raw)
    if not isinstance(form, parser.Form):
        raise TypeError(f"the parser returned {type(form).__name__}, not {parser.Form.__name__}")
    # Once more, because a form can be built without validation.
    given = form.model_dump(by_alias=True, warnings=False)
    checked = parser.Form.model_validate(given, by_alias=True, by_name=True)
    return checked.model_dump(mode="json", by_alias=True)


def _as_it_is(result: Result, limits: Limits) -> _Reading:
    """Return the output unparsed."""
    if result.file is not None:
        return _Reading(payload=result.file, content_type=result.content_type)
    payload = kept(result.payload, limits)
    cut = isinstance(payload, bytes) and len(payload) < len(result.payload)
    return _Reading(payload=payload, content_type=result.content_type, truncated=cut)


def _check_whole(result: Result) -> None:
    """Check that what is parsed is all of the output.

    Raises:
        VedetteError: it is too large.
    """
    if result.file is not None and (size := result.file.stat().st_size) > len(result.payload):
        raise VedetteError(f"the output has {size} bytes; at most {MAX_PARSED} are parsed")


def _document(label: str, form: Any, raw: bytes, limits: Limits) -> _Reading:
    """Return the parsed form with the raw output beside it, which is cut where both do not fit.

    Raises:
        VedetteError: the form alone does not fit, or has no canonical JSON.
    """
    document = {"parser": label, "result": form, "output": ""}
    most = MAX_PAYLOAD if limits.folder is None else max(MAX_PAYLOAD, limits.most)
    room = (most - len(canonical_json(document)) - 64) // 4 * 3
    if room < 0:
        raise VedetteError(f"the standard form is larger than an item may be ({most} bytes)")
    document["output"] = base64.b64encode(raw[:room]).decode()
    if len(raw) > room:
        document["output_size"] = len(raw)
    return _Reading(
        payload=kept(canonical_json(document), limits),
        content_type="application/json",
        form=form,
        truncated=len(raw) > room,
    )
