"""What a probe can run, and what becomes of the output: the interfaces of tools and parsers.

Others add theirs through the entry points `vedette.tools` and `vedette.parsers`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from vedette.clock import Clock
from vedette.errors import VedetteError
from vedette.messages.limits import MAX_PAYLOAD

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)

MAX_STDERR = 8 * 1024
"""Bytes of standard error that are kept."""

DEFAULT_TIME_LIMIT = 60.0
"""Seconds that a run may take: longer than any healthy check, shorter than a usual period."""

DEFAULT_OUTPUT_LIMIT = MAX_PAYLOAD - 4 * 1024
"""Bytes of output that are kept: what travels inline, with room for a document around it."""


class ParseError(VedetteError):
    """A parser cannot make the standard form of an output; the item travels with the raw output and this reason."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may use."""

    time_limit: float = DEFAULT_TIME_LIMIT
    """Seconds."""
    output_limit: int = DEFAULT_OUTPUT_LIMIT
    """Bytes of output that are kept in memory."""
    document_limit: int = 0
    """Bytes of output that are kept in all, in a file of `folder` where they are more than `output_limit`."""
    folder: Path | None = None
    """Where such a file is made; None: what is past `output_limit` is cut off."""
    heard: Callable[[int, bytes], None] | None = None
    """Called with each piece of output as it comes and where from: 1 standard output, 2 standard error."""

    @property
    def most(self) -> int:
        """Bytes of output that are kept at most, wherever."""
        return self.output_limit if self.folder is None else max(self.output_limit, self.document_limit)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one run of a tool brought, success or not."""

    format: str
    """Format of the payload, such as `nmap-xml` or `tls-certificate/1`."""
    content_type: str
    """MIME type of the payload."""
    payload: bytes
    """Standard output, or a built-in tool's standard form as canonical JSON; its beginning if there is a `file`."""
    command: tuple[str, ...]
    """The exact argv, or `vedette:<tool>` with its arguments."""
    exit_code: int
    """The command's; negative is a signal. Built-in tools: 0 answered, 1 the check failed."""
    stderr: str
    """Excerpt of standard error, or why the check failed."""
    started_at: int
    """Microseconds since 1970, UTC."""
    ended_at: int
    """Microseconds since 1970, UTC."""
    truncated: bool = False
    """Whether there was more output than is kept."""
    timed_out: bool = False
    """Whether it was ended at its time limit."""
    file: Path | None = None
    """The whole output where it is too large for memory; who takes the result moves or removes it."""


class Arguments(BaseModel):
    """Base of a tool's arguments: frozen, and an unknown one is refused."""

    # What stands below a field is what people read beside it in a form.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NoArguments(Arguments):
    """For tools that take none."""


class Tool(ABC, Generic[ArgumentsT]):
    """Something that a probe runs against a target.

    A failure (refused, unknown name, not installed, out of time) is a `Result` with an exit code and the
    reason: it is an observation too.
    """

    name: ClassVar[str]
    """Short and stable: the entry point's name; `vedette:<name>` as a command."""
    summary: ClassVar[str]
    """One line for people."""
    Arguments: type[ArgumentsT]
    """The model of its arguments."""
    wraps: ClassVar[str | None] = None
    """The program that it runs, if it only runs one: that program's bare name then means the program."""

    @abstractmethod
    async def run(self, *, target: str, arguments: ArgumentsT, limits: Limits, clock: Clock) -> Result:
        """Look once."""

    def objection(self, target: str) -> str | None:
        """Return why `target` cannot be looked at, known before anything starts; None where it can."""
        return None if target else "is empty; say what to look at"


class Parser(ABC):
    """Makes the validated standard form of a raw output."""

    name: ClassVar[str]
    """Short and stable: the entry point's name, as `result_parser` has it."""
    version: ClassVar[int]
    """Grows when the form changes."""
    Form: ClassVar[type[BaseModel]]
    """The standard form."""

    @abstractmethod
    def parse(self, raw: bytes) -> BaseModel:
        """Return the standard form of `raw`, an instance of `Form`.

        Raises:
            ParseError: it is not what this parser reads.
        """

    @property
    def label(self) -> str:
        """Name and version, such as `nmap/1`, as the item says it."""
        return f"{self.name}/{self.version}"


def command_line(name: str, arguments: BaseModel, target: str) -> tuple[str, ...]:
    """Return what a built-in tool does as a command, arguments at their defaults left out."""
    given: Mapping[str, Any] = arguments.model_dump(mode="json", exclude_defaults=True)
    words = [f"vedette:{name}"]
    for key, value in given.items():
        option = "--" + key.replace("_", "-")
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [option, text.lower() if isinstance(value, bool) else text]
    return (*words, target) if target else tuple(words)
