"""The settings of a destination and the server that it is: what exporters that speak HTTP have in common.

Only the configured origin is asked, redirects are refused, TLS is verified, and a key never leaves its file but in
the header that it is for: it is in no message, log, plan or `repr`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from vedette.configuration.loading import reason_of
from vedette.errors import ConfigurationError, ConnectionFailedError, VedetteError
from vedette.fetching.client import HttpFetcher
from vedette.fetching.interface import FetchError, FetchLimits
from vedette.fetching.policy import LOCAL_NAME, FetchPolicy
from vedette.fetching.urls import FetchUrl, read_url
from vedette.sharing.exporter import ComeAgainError, ExportError, Outfit
from vedette.tls import tls_context

SettingsT = TypeVar("SettingsT", bound=BaseModel)

MAX_SECRET: Final = 4_096
"""Bytes of a file that holds a key or a URL."""

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of a server's answer, unless the exporter says otherwise."""

MAX_EXCERPT: Final = 300
"""Bytes of a refusal that are shown."""

BUSY_TIME: Final = 60.0
"""Seconds that a busy server is left alone where it does not say for how long."""


class EndpointSettings(BaseModel):
    """What every destination over HTTP is set by; an exporter adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[StrictStr, Field(min_length=1, max_length=2_048)]
    """Where the server is, without a login."""
    key_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    """File with the key, relative to the configuration."""
    ca: Annotated[StrictStr, Field(min_length=1)] | None = None
    """PEM roots for the server's certificate; none: the system's."""
    plain: StrictBool = False
    """Whether `http://` is meant, over a network that nobody else hears."""
    time_limit: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    """Seconds for one request, its whole answer included."""


ENDPOINT_OPTIONAL: Final = frozenset({"key_file", "ca", "plain", "time_limit"})
"""Settings that every destination over HTTP may have; `url` it must have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A server, and how it is spoken to."""

    target: FetchUrl = field(repr=False)
    """Where it is."""
    key: str = field(default="", repr=False)
    """What opens it; empty: nothing is asked for."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """How its certificate is verified; None: plain HTTP."""
    seconds: float = 60.0
    """For one request."""

    @property
    def shown(self) -> str:
        """Where it is, for messages: without what may be a secret."""
        return self.target.shown

    @property
    def policy(self) -> FetchPolicy:
        """The rule for who may be asked: this host and port wherever they lie, for an operator wrote them down."""
        host, port = self.target.host, self.target.port
        return FetchPolicy(hosts=frozenset({(host, port)}), ports=frozenset({port}), only=frozenset({host}))

    def fetcher(self, *, max_bytes: int = MAX_ANSWER) -> HttpFetcher:
        """Return a client that asks this origin only; whoever makes it closes it."""
        limits = FetchLimits(max_bytes=max_bytes, seconds=self.seconds, redirects=0)
        return HttpFetcher(policy=self.policy, limits=limits, tls=self.tls)


def place_of(outfit: Outfit) -> str:
    """Return what a destination's settings are called in messages."""
    return f"sharing.destinations.{outfit.name}"


def read_settings(outfit: Outfit, model: type[SettingsT]) -> SettingsT:
    """Return a destination's settings, checked.

    Raises:
        ConfigurationError: names the setting and the reason.
    """
    try:
        return model.model_validate(dict(outfit.settings))
    except ValidationError as error:
        raise ConfigurationError(place_of(outfit), *reason_of(error, model)) from error


def read_endpoint(outfit: Outfit, settings: EndpointSettings) -> Endpoint:
    """Return the server that settings name, with its key read.

    Raises:
        ConfigurationError: the URL, the key's file or the roots cannot be used.
    """
    target = read_target(outfit, settings.url, plain=settings.plain)
    ca = None if settings.ca is None else outfit.folder / settings.ca
    return Endpoint(
        target=target,
        key="" if settings.key_file is None else read_secret(outfit, "key_file", settings.key_file),
        tls=tls_context(ca) if target.scheme == "https" else None,
        seconds=settings.time_limit,
    )


def read_target(outfit: Outfit, url: str, *, plain: bool, setting: str = "url") -> FetchUrl:
    """Return a URL, checked; `http://` only to this machine, or where it is said to be meant.

    Raises:
        ConfigurationError: it cannot be used; does not repeat it.
    """
    try:
        target = read_url(url)
    except ValueError as error:
        raise ConfigurationError(place_of(outfit), setting, str(error)) from error
    here = target.host == LOCAL_NAME or (target.address is not None and target.address.is_loopback)
    if target.scheme == "http" and not (plain or here):
        reason = "use https: over http everybody on the way reads along; set plain: true where that is meant"
        raise ConfigurationError(place_of(outfit), setting, reason)
    return target


def read_secret(outfit: Outfit, setting: str, name: str) -> str:
    """Return what a file holds that is named by a setting: one line, such as a key; the message never has it.

    Raises:
        ConfigurationError: it cannot be read, or holds something else than one line of printable ASCII.
    """
    file: Path = outfit.folder / name
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_SECRET + 1)
    except OSError as error:
        reason = f"{file}: cannot be read: {error.strerror or error}"
        raise ConfigurationError(place_of(outfit), setting, reason) from error
    text = data.decode("ascii", errors="replace").strip()
    if not text or len(data) > MAX_SECRET or not (text.isascii() and text.isprintable()):
        reason = f"{file}: must hold one line of printable ASCII, at most {MAX_SECRET} bytes"
        raise ConfigurationError(place_of(outfit), setting, reason)
    return text


def failure_of(error: FetchError) -> VedetteError:
    """Return what a request's failure means for an export: later, again, or not before somebody does something."""
    if error.status is None:
        return ConnectionFailedError(str(error)) if error.unreachable else ExportError(str(error))
    said = f": {error.excerpt}" if error.excerpt else ""
    return failure_of_status(error.status, f"{error}{said}", retry_after=error.retry_after)


def failure_of_status(status: int, message: str, *, retry_after: float | None = None) -> VedetteError:
    """Return what an HTTP status that is no success means for an export (RFC 9110 section 15)."""
    if status in {408, 429} or (status >= 500 and retry_after is not None):
        return ComeAgainError(message, seconds=BUSY_TIME if retry_after is None else retry_after)
    if status >= 500:
        return ConnectionFailedError(message)
    if status in {401, 403}:
        return ConnectionFailedError(f"{message}; check what key_file holds, and what that key may do")
    return ExportError(message)
