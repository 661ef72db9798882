"""A source's configuration: Stucco's keys with Stucco's meaning, and a few of ours."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cssselect import GenericTranslator, SelectorError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from vedette.collection.patterns import Pattern
from vedette.configuration.loading import KeyedError
from vedette.scheduling.errors import TimetableError
from vedette.scheduling.timetable import Timetable

MAX_URI = 2_048
"""Characters of a source's URI."""

NOW = "now"
"""`cron` of a source that is collected once, when its collector starts."""

WATCHED = "every 2s"
"""When a watched folder is looked at."""

WEB_TYPES = frozenset({"WEB", "RSS", "PSEUDO_RSS", "TABBED_ENTRY", "NVD"})
"""Types of ours whose `source-URI` is an http or https URL."""

HOST_TYPES = frozenset({"SYSLOG", "JOURNAL", "LOGINS", "PACKAGES", "SERVICES", "CONNECTIONS", "NETFLOW"})
"""Types of ours that listen on this host, run its programs or look into it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_BUGTRAQ = {
    "type": "PSEUDO_RSS",
    "entry-regex": r'href="(/bid/\d+)"',
    "tab-regex": r'href="(/bid/\d+/(info|discuss|exploit|solution|references))"',
}
_SOPHOS = {
    "type": "TABBED_ENTRY",
    "tab-regex": r'href="(http://www\.sophos\.com/\S*\.aspx)">(Summary|More information)',
    "store-entry": True,
}

DEPRECATED: dict[str, dict[str, Any]] = {"BUGTRAQ": _BUGTRAQ, "SOPHOS": _SOPHOS}
"""Types that Stucco gave up, with the keys that do the same; what a source says itself counts more."""


def _steps(value: Any) -> Any:
    """Return a chain of post-processors: Stucco has one word, or several with spaces or commas between."""
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,]+", value) if word]
    return [] if value is None else value


def _key(field: str) -> str:
    """Return the key that a field is written as."""
    return "source-URI" if field == "source_uri" else field.replace("_", "-")


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


Word = Annotated[str, BeforeValidator(_stripped)]
Selector = Annotated[str, Field(max_length=500)]


class SourceConfiguration(BaseModel):
    """One source: what is read, how, when, and what becomes of it. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_key)

    type: Word
    """Which collector reads it, such as `WEB`, `RSS`, `PSEUDO_RSS`, `TABBED_ENTRY`, `NVD`, `FILE`, `DIRECTORY`."""
    source_name: Word
    """What it is called: a word of the routing key; dots make it several words. Sources may share a name."""
    source_uri: Word
    """Where it is: a URL, or a path relative to the configuration file."""
    data_type: Annotated[Literal["structured", "unstructured"], BeforeValidator(_lower)] = "unstructured"
    """Whether extraction reads columns or sentences."""
    content_type: Word = ""
    """MIME type of what is collected; absent: as the server says."""
    crawl_delay: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    """Seconds between two requests to its host; robots.txt may ask for more."""
    post_process: Annotated[tuple[str, ...], BeforeValidator(_steps), Field(max_length=8)] = ()
    """What is done with the bytes, in this order: `unzip`, `tar-unzip`, `removeHTML`, `document-text`, or others."""
    entry_regex: str | None = None
    """Finds the entries of a list: the first group is a URL, relative ones included (RE2)."""
    entry_css: Selector | None = None
    """The same as a CSS selector of elements with `href` or `src`; both may be given."""
    tab_regex: str | None = None
    """Finds the further pages of an entry, likewise."""
    tab_css: Selector | None = None
    """The same as a CSS selector."""
    next_page_regex: str | None = None
    """Finds the next page of a list, likewise."""
    next_page_css: Selector | None = None
    """The same as a CSS selector."""
    store_entry: bool = False
    """Whether the page of an entry is kept beside its tabs."""
    max_entries: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    """Entries that one run takes at most."""
    max_pages: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Pages of a list that one run reads at most."""
    cron: Word = ""
    """When it is collected: Quartz's cron expression, `now` for once at the start, absent: not by time."""
    time_zone: Word = "UTC"
    """Time zone of `cron`, such as `Europe/Luxembourg`."""
    jitter: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    """Seconds: each run starts up to this much later, so that many sources do not start at once."""
    now_collect: Annotated[Literal["all", "new", "none"], BeforeValidator(_lower)] = "none"
    """At the start: `all` collects all there is, `new` only what is new, `none` waits for `cron`."""
    watch: bool = False
    """For `DIRECTORY` without `cron`: looked at every 2 seconds; a file is taken once it is 2 seconds old."""
    robots: bool = True
    """Whether robots.txt is obeyed; false is for servers of your own."""
    priority: int = 0
    """The items' priority; larger is more urgent."""
    sealed: bool = False
    """Whether the items travel sealed: only the engine, not the XMPP server, can read what was collected."""
    api_key_file: Path | None = None
    """File with the key that a source's API asks for, relative to the configuration file."""
    certificate_file: Path | None = None
    """PEM file of the certificate that a listener shows and those above it, for `tls://`, likewise."""
    certificate_key_file: Path | None = None
    """PEM file of the certificate's private key; absent: it is in the same file."""
    client_ca_file: Path | None = None
    """PEM roots of those who may send by `tls://`: then each needs a certificate of theirs."""

    @field_validator("type")
    @classmethod
    def _type_is_a_word(cls, value: str) -> str:
        if not _TYPE.fullmatch(value.upper()):
            raise ValueError("must be one word of capitals, such as WEB")
        return value.upper()

    @field_validator("source_name")
    @classmethod
    def _name_fits_a_routing_key(cls, value: str) -> str:
        if len(value) > 128 or not _NAME.fullmatch(value):
            raise ValueError("must be words of letters, digits, - and _ with dots between, at most 128 characters")
        return value

    @field_validator("source_uri")
    @classmethod
    def _uri_can_be_used(cls, value: str) -> str:
        if not value or len(value) > MAX_URI or not value.isprintable():
            raise ValueError(f"must have 1 to {MAX_URI} printable characters")
        return value

    @field_validator("post_process")
    @classmethod
    def _steps_are_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for step in value:
            if not _STEP.fullmatch(step):
                raise ValueError(f"{step[:64]!r} is no name of a post-processor")
        return value

    @field_validator("entry_regex", "tab_regex", "next_page_regex")
    @classmethod
    def _pattern_can_be_used(cls, value: str | None) -> str | None:
        if value is not None:
            Pattern.read(value)
        return value

    @field_validator("entry_css", "tab_css", "next_page_css")
    @classmethod
    def _selector_can_be_used(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                GenericTranslator().css_to_xpath(value)
            except SelectorError as error:
                raise ValueError(f"is not a CSS selector: {error}") from error
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value[:64]!r} is not a time zone, such as UTC or Europe/Luxembourg") from error
        return value

    @field_validator("cron")
    @classmethod
    def _cron_is_understood(cls, value: str) -> str:
        if value and value.lower() != NOW:
            try:
                Timetable.parse(value)
            except TimetableError as error:
                raise ValueError(str(error)) from error
        return value

    @property
    def timetable(self) -> Timetable | None:
        """When it is due; None: not by time."""
        if self.cron and self.cron.lower() != NOW:
            return Timetable.parse(self.cron, zone=self.time_zone)
        return Timetable.parse(WATCHED) if self.watch else None

    @property
    def starts_at_once(self) -> bool:
        """Whether it is collected as soon as its collector starts."""
        return self.now_collect != "none" or self.cron.lower() == NOW

    @model_validator(mode="after")
    def _parts_agree(self) -> SourceConfiguration:
        if self.type in WEB_TYPES and not self.source_uri.startswith(("http://", "https://")):
            raise KeyedError("source-URI", f"must be an http or https URL for the type {self.type}")
        if self.watch and self.type != "DIRECTORY":
            raise KeyedError("watch", "is for the type DIRECTORY only")
        if self.type == "PSEUDO_RSS" and not (self.entry_regex or self.entry_css):
            raise KeyedError("entry-regex", "is required for the type PSEUDO_RSS (or entry-css)")
        if self.type == "TABBED_ENTRY" and not (self.tab_regex or self.tab_css):
            raise KeyedError("tab-regex", "is required for the type TABBED_ENTRY (or tab-css)")
        return self

    @cached_property
    def identity(self) -> str:
        """What its state is kept under: names may repeat, a name with type and URI may not."""
        text = "\n".join((self.type, self.source_name, self.source_uri))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def routing_key(self) -> str:
        """The items' `meta.source`, as in Stucco."""
        return f"vedette.in.{self.data_type}.{self.source_name}"
