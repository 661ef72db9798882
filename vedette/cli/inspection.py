"""Looking at all that a fleet's configuration names, before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ejabberd.accounts import check_domain, check_name, check_password
from registry.database import Database
from vedette.cli.inspection_sharing import inspect_sharing
from vedette.clock import Clock
from vedette.configuration.fleet import EJABBERD, EMBEDDED, AuthoritySection, FleetConfiguration, FleetPaths
from vedette.configuration.probe import ProbeConfiguration, load_probe
from vedette.configuration.probe_name import probe_name
from vedette.errors import ConfigurationError, RefusedError, VedetteError
from vedette.evidence.certificates import TrustRoots, load_certificates
from vedette.evidence.stamping_pace import pace_warning
from vedette.tls import tls_context
from vedette.tools.check import Check


def inspect_fleet(configuration: FleetConfiguration, paths: FleetPaths, *, clock: Clock) -> list[str]:
    """Check a fleet's configuration and every file that it names; return what is worth a word.

    Raises:
        ConfigurationError: names the file, the key and the reason.
    """
    named = {"store": paths.store_url, "graph": paths.graph_url}
    named |= {"store_listen": configuration.store_listen or "", "replica": configuration.replica or ""}
    for key, url in named.items():
        if url:
            inspect_database(url, place=paths.file, key=key)
    _inspect_server(configuration, paths)
    for number, section in enumerate(configuration.tsa):
        _inspect_authority(section, paths, key=f"tsa.{number}")
    names: dict[str, str] = {}
    for key, name in (("registry", configuration.registry.name), ("aggregation", configuration.aggregation.name)):
        _inspect_name(name, names, place=paths.file, key=f"{key}.name")
    for number, engine in enumerate(configuration.engines):
        _inspect_name(engine.name, names, place=paths.file, key=f"engines.{number}.name")
    notes = [f"{paths.file}: {note}" for note in pace_notes(configuration)]
    for file in map(paths.near, configuration.probes):
        probe = load_probe(file)
        _inspect_account(probe, file, domain=configuration.xmpp.domain)
        _inspect_name(probe_name(probe, file), names, place=file, key="jid")
        check = Check.from_configuration(probe, clock=clock, agent=probe.jid or file.stem, place=str(file))
        notes += [f"{file}: {note}" for note in check.notes()]
    notes += _inspect_collectors(configuration, paths, names)
    _inspect_gateways(configuration, paths, names)
    for name in configuration.rt.names:
        _inspect_name(name, names, place=paths.file, key="rt.agents")
    for name in configuration.sharing.names:
        _inspect_name(name, names, place=paths.file, key="sharing.name")
    notes += inspect_sharing(configuration, paths)
    if configuration.xmpp.server not in (EMBEDDED, EJABBERD):
        _inspect_credentials(paths, list(names))
    return notes


def inspect_database(url: str, *, place: Path, key: str) -> str:
    """Check the URL of a database, and return its file, or host and database, without a password.

    Raises:
        ConfigurationError: it is not one of the forms; names the file `place` and the key.
    """
    with _blame(place, key):
        return Database(url).place


def _inspect_collectors(configuration: FleetConfiguration, paths: FleetPaths, names: dict[str, str]) -> list[str]:
    if not configuration.collectors:
        return []
    # Only now: a fleet without collectors starts without their parsers.
    from vedette.cli.check_sources import check_section
    from vedette.collection.sections import section_of

    notes = []
    for number, collector in enumerate(configuration.collectors):
        key = f"collectors.{number}.name"
        with _blame(paths.file, key):
            check_name(collector.name)
        _inspect_name(collector.name, names, place=paths.file, key=key)
        section = section_of(collector, file=paths.file)
        check_section(section)
        notes += [f"{section.place}: {warning}" for warning in section.warnings]
    return notes


def _inspect_gateways(configuration: FleetConfiguration, paths: FleetPaths, names: dict[str, str]) -> None:
    if not configuration.gateways:
        return
    # Only now: a fleet without gateways starts without the broker's protocol.
    from vedette.cli.inspection_gateway import inspect_gateway

    for number, gateway in enumerate(configuration.gateways):
        key = f"gateways.{number}.name"
        with _blame(paths.file, key):
            check_name(gateway.name)
        _inspect_name(gateway.name, names, place=paths.file, key=key)
        inspect_gateway(gateway, file=paths.file)


def pace_notes(configuration: FleetConfiguration) -> list[str]:
    """Return which authorities cannot stamp as many batches as are made."""
    made_after = configuration.batch.seconds
    warnings = (
        pace_warning(name=section.name, seconds_between=section.pace, batch_seconds=made_after)
        for section in configuration.tsa
    )
    return [warning for warning in warnings if warning]


def _inspect_server(configuration: FleetConfiguration, paths: FleetPaths) -> None:
    section = configuration.xmpp
    with _blame(paths.file, "xmpp.domain"):
        check_domain(section.domain)
    if section.server in (EMBEDDED, EJABBERD):
        return
    for given in section.addresses:
        try:
            address = urlsplit(given)
            good = bool(address.hostname) and address.port != 0 and address.path in ("", "/")
        except ValueError:
            good = False
        if not good:
            raise ConfigurationError(str(paths.file), "xmpp.server", f"{given!r} is not 'xmpp://host[:port]'")
    if section.ca is not None:
        with _blame(paths.file, "xmpp.ca"):
            tls_context(paths.near(section.ca))


def _inspect_authority(section: AuthoritySection, paths: FleetPaths, *, key: str) -> None:
    for part, name, load in (
        ("roots", section.roots, TrustRoots.load),
        ("untrusted", section.untrusted, load_certificates),
    ):
        # The local authority's own roots are made with it.
        if name is not None and not section.local:
            with _blame(paths.file, f"{key}.{part}"):
                load(paths.near(name))


def _inspect_name(name: str, names: dict[str, str], *, place: Path, key: str) -> None:
    if name in names:
        raise ConfigurationError(str(place), key, f"{name} is an account already, of {names[name]}")
    names[name] = f"{place.name} ({key})"


def _inspect_account(probe: ProbeConfiguration, file: Path, *, domain: str) -> None:
    with _blame(file, "jid"):
        check_name(probe_name(probe, file))
    if probe.jid is not None and probe.jid.partition("/")[0].partition("@")[2] != domain:
        raise ConfigurationError(str(file), "jid", f"{probe.jid} is not of this fleet's domain, {domain}")
    if probe.passwd is not None:
        with _blame(file, "passwd"):
            check_password(probe.passwd.get_secret_value())


def _inspect_credentials(paths: FleetPaths, names: list[str]) -> None:
    """Check that accounts on somebody else's server were brought here."""
    for name in names:
        file = paths.credentials_of(name)
        if not file.is_file():
            reason = (
                f"{file} does not exist; make it with vedette enroll where the server runs, and copy it with its key"
            )
            raise ConfigurationError(str(paths.file), "xmpp.server", reason)


@contextmanager
def _blame(place: Path, key: str) -> Iterator[None]:
    """Name the file and the key that brought an error about."""
    try:
        yield
    except RefusedError as error:
        raise ConfigurationError(str(place), key, error.reason) from error
    except ConfigurationError as error:
        named = error.place not in ("xmpp", "")
        reason = f"{error.place}: {error.reason}" if named else error.reason
        raise ConfigurationError(str(place), key, reason) from error
    except VedetteError as error:
        raise ConfigurationError(str(place), key, str(error)) from error
