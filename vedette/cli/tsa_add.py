"""`vedette tsa add`: an external authority joins a fleet, once a person has said whose roots are whose."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.enrolment import default_fleet_file
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.tsa_files import read_text, replace_text, write_roots
from vedette.cli.tsa_introduction import Introduction, described, fetch_roots, introduce, load_roots
from vedette.cli.tsa_records import printable, record, refused_edit
from vedette.clock import SystemClock
from vedette.configuration.editing import EditError, with_authority
from vedette.configuration.fleet import AuthoritySection, FleetConfiguration, FleetPaths, load_fleet
from vedette.configuration.loading import parse
from vedette.errors import ConfigurationError
from vedette.evidence.bundle_contents import certificates_to_pem
from vedette.evidence.certificates import TrustRoots, load_certificates
from vedette.evidence.introduction import read_fingerprint, unconfirmed
from vedette.evidence.profiles import AuthorityProfile, profile_named
from vedette.evidence.token import verify_token

_Name = Annotated[str, typer.Argument(help="A profile, such as freetsa; or your own name for --url.")]


def add(
    name: _Name,
    url: Annotated[str | None, typer.Option(help="Where it answers, for one without profile.")] = None,
    roots: Annotated[Path | None, typer.Option(help="PEM or DER file of its roots; otherwise fetched.")] = None,
    roots_url: Annotated[str | None, typer.Option(help="Where its roots are published.")] = None,
    policy: Annotated[str | None, typer.Option(help="Policy OID to ask for and insist on.")] = None,
    untrusted: Annotated[Path | None, typer.Option(help="PEM file of intermediates that it does not send.")] = None,
    fingerprint: Annotated[
        list[str] | None, typer.Option(help="SHA-256 of a root as you know it from elsewhere; for each root.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needs --fingerprint for each root.")] = False,
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Ask an authority for a token, show who it is, and trust it when you say so."""
    file = default_fleet_file(config)
    configuration, paths = load_fleet(file)
    text = read_text(paths.file)
    profile = profile_named(name) if url is None else None
    known = [read_fingerprint(one) for one in fingerprint or []]
    _check_use(name, configuration, yes=yes, known=known)
    section = _section(name, url=url, policy=policy, untrusted=untrusted, profile=profile, paths=paths)
    try:
        new = with_authority(text, section.model_dump(mode="json", exclude_unset=True), place=str(paths.file))
    except EditError as error:
        raise refused_edit(error) from error
    given = _roots_given(roots, roots_url, profile)
    met = asyncio.run(_meet(section, given, configuration=configuration, paths=paths))
    for line in described(met.facts, profile):
        typer.echo(printable(line), err=as_json)
    if not _confirmed(met, known, yes=yes):
        raise typer.Exit(Exit.NO)
    _write(section, met, paths=paths, old=text, new=new)
    record(paths, action="tsa.add", name=name, detail=_fingerprints(met))
    if as_json:
        print_json({"name": name, "url": section.url, "roots_file": section.roots, **asdict(met.facts)})
        return
    print_line(f"Added {name} to {paths.file}; its roots are in {section.roots}. Start the fleet again to use it.")


def _check_use(name: str, configuration: FleetConfiguration, *, yes: bool, known: Sequence[str]) -> None:
    """Refuse before anybody is asked over the network.

    Raises:
        ConfigurationError: it is configured already, or nobody could confirm.
    """
    if any(section.name == name for section in configuration.tsa):
        raise ConfigurationError("tsa", name, "is configured already; remove it first: vedette tsa remove " + name)
    if yes and not known:
        raise ConfigurationError("--yes", "", "needs --fingerprint: somebody must have compared the roots")
    if not yes and not sys.stdin.isatty():
        reason = "needs a terminal to confirm at, or --yes with --fingerprint for each root"
        raise ConfigurationError("tsa add", name, reason)


def _section(
    name: str,
    *,
    url: str | None,
    policy: str | None,
    untrusted: Path | None,
    profile: AuthorityProfile | None,
    paths: FleetPaths,
) -> AuthoritySection:
    """Return the authority as it will be configured.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    values = {
        "name": name,
        "url": url or (profile.url if profile else None),
        "roots": f"{paths.external_roots.name}/{name}.pem",
        "policy": policy or (profile.policy if profile else None),
        "untrusted": None if untrusted is None else _relative(untrusted, paths),
    }
    text = "\n".join(f"{key}: {_quoted(value)}" for key, value in values.items() if value is not None)
    section = parse(text, "tsa add", AuthoritySection, syntax="yaml")
    if section.local:
        raise ConfigurationError("--url", "", "must be an http or https URL; 'local' needs no adding")
    return section


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _relative(file: Path, paths: FleetPaths) -> str:
    absolute = file.resolve()
    folder = paths.file.parent
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)


def _roots_given(roots: Path | None, roots_url: str | None, profile: AuthorityProfile | None) -> TrustRoots | str:
    """Return the roots of a file, or where they are to be fetched.

    Raises:
        ConfigurationError: nobody says where they are, or two do.
    """
    if roots is not None and roots_url is not None:
        raise ConfigurationError("--roots", "", "and --roots-url exclude each other")
    if roots is not None:
        return load_roots(roots)
    place = roots_url or (profile.roots_url if profile else None)
    if place is None:
        raise ConfigurationError("--roots", "", "is needed for an authority without profile, or --roots-url")
    return place


async def _meet(
    section: AuthoritySection, given: TrustRoots | str, *, configuration: FleetConfiguration, paths: FleetPaths
) -> Introduction:
    fetching = configuration.fetching
    roots = await fetch_roots(given, fetching=fetching) if isinstance(given, str) else given
    return await introduce(
        name=section.name,
        url=section.url,
        policy=section.policy,
        roots=roots,
        untrusted=_untrusted(section, paths),
        fetching=fetching,
        clock=SystemClock(),
    )


def _untrusted(section: AuthoritySection, paths: FleetPaths) -> tuple[bytes, ...]:
    return () if section.untrusted is None else load_certificates(paths.near(section.untrusted))


def _confirmed(met: Introduction, known: Sequence[str], *, yes: bool) -> bool:
    """Tell whether a person wants these roots trusted."""
    strange = unconfirmed(met.facts.roots, known)
    if strange and known:
        complain(f"no --fingerprint fits the root {strange[0].subject}: it is not the one that you know")
        return False
    return yes or typer.confirm("Did you compare the fingerprints with what the authority publishes?", err=True)


def _write(section: AuthoritySection, met: Introduction, *, paths: FleetPaths, old: str, new: str) -> None:
    """Write roots and configuration, then verify the first token as the fleet would.

    Raises:
        ConfigurationError: a file cannot be written.
        EvidenceError: the token does not verify with what was written.
    """
    write_roots(paths.near(section.roots or ""), certificates_to_pem(met.roots.certificates))
    replace_text(paths.file, old, new)
    configuration, written = load_fleet(paths.file)
    mine = next(one for one in configuration.tsa if one.name == section.name)
    verify_token(
        met.token.token,
        imprint=met.token.imprint,
        digest_algorithm=met.token.digest_algorithm,
        roots=TrustRoots.load(written.near(mine.roots or "")),
        untrusted=_untrusted(mine, written),
        policy=mine.policy,
    )


def _fingerprints(met: Introduction) -> str:
    return "roots " + ", ".join(root.sha256 for root in met.facts.roots)
