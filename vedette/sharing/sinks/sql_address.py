"""Where the database of the exporter `sql` is: its URL, checked before anything is sent to it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from vedette.errors import ConfigurationError
from vedette.sharing.endpoint import place_of, read_secret
from vedette.sharing.exporter import Outfit

CONNECT_TIME: Final = 10
"""Seconds for connecting, and for waiting until an SQLite file is free."""

IMMEDIATE: Final = "vedette_immediate"
"""Execution option: the transaction is one that writes, from its start; SQLite wants to know."""

_Name = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,39}$")]


class SqlSettings(BaseModel):
    """A database that is filled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[StrictStr, Field(min_length=1, max_length=2_048)] | None = None
    """SQLAlchemy URL without a password: `sqlite:///shared.db`, `postgresql+psycopg://host/name`."""
    url_file: Annotated[StrictStr, Field(min_length=1)] | None = None
    """File with the URL, where a password is in it."""
    ca: Annotated[StrictStr, Field(min_length=1)] | None = None
    """PEM roots for a PostgreSQL server's certificate; none: the system's."""
    plain: StrictBool = False
    """Whether the server may be reached without TLS, over a network that nobody else hears."""
    time_limit: Annotated[float, Field(ge=1, le=3_600)] = 300.0
    """Seconds for one statement, where the database can be told so."""
    prefix: _Name = "vedette_"
    """What the names of the tables begin with."""
    database_schema: Annotated[_Name | None, Field(alias="schema")] = None
    """Schema that the tables are in; none: the database's default."""


def read_url(outfit: Outfit, settings: SqlSettings) -> URL:
    """Return the database's URL, with what verifies the server.

    Raises:
        ConfigurationError: it cannot be used; never shows what a password may be in.
    """
    place = place_of(outfit)
    if (settings.url is None) == (settings.url_file is None):
        raise ConfigurationError(place, "url", "give either url, without a password, or url_file")
    setting = "url" if settings.url is not None else "url_file"
    text = settings.url if settings.url_file is None else read_secret(outfit, "url_file", settings.url_file)
    try:
        url = make_url(text or "")
    except (ArgumentError, ValueError) as error:
        reason = "is no SQLAlchemy URL, such as sqlite:///shared.db or postgresql+psycopg://user@host/name"
        raise ConfigurationError(place, setting, reason) from error
    if settings.url is not None and url.password is not None:
        raise ConfigurationError(place, "url", "holds a password; put the URL into a file and name it as url_file")
    if url.get_backend_name() == "sqlite":
        return _of_file(url, outfit.folder, place, setting)
    return url if settings.plain or _is_here(url) else _verified(url, outfit, settings, setting)


def shown_database(url: URL) -> str:
    """Return a database for messages: without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{_host(url)}{port}/{url.database or ''}"


def make_engine(url: URL, *, place: str, seconds: float) -> Engine:
    """Return an engine that keeps no connection and shows no values in its errors.

    Args:
        url: of the database.
        place: what its settings are called in messages.
        seconds: for one statement; waiting for an SQLite file takes no longer either.

    Raises:
        ConfigurationError: there is no driver for it.
    """
    sqlite = url.get_backend_name() == "sqlite"
    arguments = {"timeout": min(CONNECT_TIME, seconds)} if sqlite else {"connect_timeout": CONNECT_TIME}
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    except (NoSuchModuleError, ImportError, ArgumentError) as error:
        reason = f"there is no driver for {url.drivername}; install it, or name another as dialect+driver"
        raise ConfigurationError(place, "url", reason) from error
    if engine.dialect.is_async:
        raise ConfigurationError(place, "url", f"{url.drivername} is for asyncio; name a driver that is not")
    if sqlite:
        _prepare_sqlite(engine)
    return engine


def _of_file(url: URL, folder: Path, place: str, setting: str) -> URL:
    if not url.database or url.database == ":memory:" or url.query:
        raise ConfigurationError(place, setting, "must name an SQLite file, and nothing else: sqlite:///shared.db")
    return url.set(database=str(folder / url.database))


def _verified(url: URL, outfit: Outfit, settings: SqlSettings, setting: str) -> URL:
    """Return the URL of a server elsewhere so that it is verified: libpq's own default takes any that answers."""
    said = {name: value for name, value in url.query.items() if name.startswith(("ssl", "tls"))}
    if url.get_backend_name() == "postgresql" and "sslmode" not in said:
        roots = "system" if settings.ca is None else str(outfit.folder / settings.ca)
        return url.update_query_dict({"sslmode": "verify-full", "sslrootcert": roots})
    if not said or said.get("sslmode") in {"disable", "allow", "prefer", "require"}:
        reason = (
            "does not say how the server's certificate is verified, as its driver wants to know it (?ssl_ca=… with "
            "PyMySQL, ?sslmode=verify-full with PostgreSQL); or set plain: true"
        )
        raise ConfigurationError(place_of(outfit), setting, reason)
    return url


def _host(url: URL) -> str:
    # libpq takes the one in the query where there are two.
    host = url.query.get("host") or url.host or "localhost"
    return host if isinstance(host, str) else ",".join(host)


def _is_here(url: URL) -> bool:
    """Tell whether a server is on this machine: by loopback, or by a socket's path."""
    host = _host(url)
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prepare_sqlite(engine: Engine) -> None:
    """Take transactions out of sqlite3's hands, which would begin them late and commit them early."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA trusted_schema=OFF").close()

    def on_begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get(IMMEDIATE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
