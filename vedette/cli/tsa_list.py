"""`vedette tsa list` and `remove`: a fleet's authorities, the profiles, and what each gave."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.authorities import AuthorityTokens
from vedette.cli.enrolment import default_fleet_file
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, print_json, print_line
from vedette.cli.tsa_files import read_text, replace_text
from vedette.cli.tsa_records import given_tokens, record, refused_edit
from vedette.clock import to_datetime
from vedette.configuration.editing import EditError, without_authority
from vedette.configuration.fleet import AuthoritySection, FleetPaths, load_fleet
from vedette.errors import VedetteError
from vedette.evidence.certificates import TrustRoots, parse_certificate
from vedette.evidence.profiles import PROFILES


def list_authorities(config: Path | None = CONFIG_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Show the fleet's authorities, what they gave so far, and the profiles that can be added."""
    configuration, paths = load_fleet(default_fleet_file(config))
    tokens = given_tokens(paths)
    configured = [_state(section, paths, tokens.get(section.name)) for section in configuration.tsa]
    names = {section.name for section in configuration.tsa}
    former = [{"name": name, **asdict(given)} for name, given in tokens.items() if name not in names]
    profiles = [asdict(profile) for profile in PROFILES.values() if profile.name not in names]
    if as_json:
        print_json({"configured": configured, "former": former, "profiles": profiles})
        return
    for state in configured:
        print_line(f"{state['name']}: {state['url']}, {state['roots']}; {_gave(state['count'], state['last_at'])}")
    for state in former:
        print_line(f"{state['name']}: removed, what it proved stays; {_gave(state['count'], state['last_at'])}")
    for profile in profiles:
        print_line(f"can be added: vedette tsa add {profile['name']}  ({profile['url']})")


def remove(
    name: Annotated[str, typer.Argument(help="As the configuration calls it.")],
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Ask an authority no more; what it proved stays, and so do its roots."""
    _, paths = load_fleet(default_fleet_file(config))
    text = read_text(paths.file)
    try:
        new = without_authority(text, name, place=str(paths.file))
    except EditError as error:
        raise refused_edit(error) from error
    given = given_tokens(paths).get(name)
    replace_text(paths.file, text, new)
    record(paths, action="tsa.remove", name=name, detail="")
    if as_json:
        print_json({"name": name, "tokens": given.count if given else 0})
        return
    kept = f"{given.count} batches that it stamped" if given else "It stamped nothing here"
    print_line(f"Took {name} out of {paths.file}. {kept}; its roots stay, for verifying. Start the fleet again.")


def _state(section: AuthoritySection, paths: FleetPaths, tokens: AuthorityTokens | None) -> dict[str, Any]:
    return {
        "name": section.name,
        "url": section.url,
        "external": not section.local,
        "roots": "this machine's own clock, self-asserted" if section.local else _roots(section, paths),
        "count": tokens.count if tokens else 0,
        "last_at": tokens.last_at if tokens else None,
    }


def _roots(section: AuthoritySection, paths: FleetPaths) -> str:
    """Return until when the roots last, or what is wrong with them."""
    try:
        certificates = TrustRoots.load(paths.near(section.roots or "")).certificates
        ends = min(parse_certificate(certificate).not_after for certificate in certificates)
    except VedetteError as error:
        return f"UNUSABLE: {error}"
    return f"roots {section.roots} until {to_datetime(ends).date().isoformat()}"


def _gave(count: int, last_at: int | None) -> str:
    if not count or last_at is None:
        return "no token yet"
    return f"{count} tokens, the last of {to_datetime(last_at).isoformat(timespec='seconds')}"
