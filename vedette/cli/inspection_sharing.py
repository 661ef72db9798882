"""Checking the section `sharing` before anything starts: exporters, their settings, and the files that they name."""

from __future__ import annotations

from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.configuration.sharing import DestinationSection, ShareSection
from vedette.errors import ConfigurationError


def inspect_sharing(configuration: FleetConfiguration, paths: FleetPaths) -> list[str]:
    """Check where things are shared; return what is worth a word.

    Raises:
        ConfigurationError: an exporter or a setting cannot be used, or a file is missing; names it and the reason.
    """
    sharing = configuration.sharing
    if not sharing.destinations:
        return [f"{paths.file}: sharing: there are no destinations"] if sharing.shares else []
    # Only now: exporters bring libraries that others do not need.
    from vedette.sharing.exporter import ExporterCatalogue
    from vedette.sharing.settings import check_settings

    catalogue, notes = ExporterCatalogue(), list[str]()
    for number, section in enumerate(sharing.destinations):
        key = f"sharing.destinations.{number}"
        exporter = catalogue.exporter(section.exporter, place=str(paths.file), key=f"{key}.exporter")
        check_settings(exporter, section.settings, place=section.name)
        _inspect_files(section, paths, key=key)
    if not any(not one.local for one in configuration.tsa):
        notes += [
            f"{paths.file}: sharing.shares.{one.name}: waits for a proof for ever: no authority in tsa is external"
            for one in sharing.shares
            if one.proof
        ]
    if sharing.warning_lists is not None and not paths.near(sharing.warning_lists).is_dir():
        raise ConfigurationError(str(paths.file), "sharing.warning_lists", "is no folder")
    return notes


def sharing_lines(configuration: FleetConfiguration, paths: FleetPaths) -> list[str]:
    """Return what is shared by itself, and where it goes.

    Raises:
        ConfigurationError: as above.
    """
    sharing = configuration.sharing
    if not sharing.destinations:
        return inspect_sharing(configuration, paths)
    where = "in the hub" if sharing.process == "hub" else "in a process of its own"
    lines = [f"{sharing.name} ({where}) exports to {', '.join(map(_destination, sharing.destinations))}"]
    lines += [f"  {_share(one)}" for one in sharing.shares]
    return lines + inspect_sharing(configuration, paths)


def _destination(section: DestinationSection) -> str:
    approval = ", with approval" if section.approval else ""
    return f"{section.name} ({section.exporter}, up to {section.policy.ceiling.tag}{approval})"


def _share(section: ShareSection) -> str:
    per = "" if section.per == "all" else f", one investigation for each {section.per}"
    proof = ", once proved" if section.proof else ""
    return f"{section.name}: {section.select}{per}, to {', '.join(section.to)}, {section.when}{proof}"


def _inspect_files(section: DestinationSection, paths: FleetPaths, *, key: str) -> None:
    """Check that secrets and roots are there, and that nobody else can read the secrets."""
    for name, value in section.settings.items():
        if not isinstance(value, str) or not (name.endswith("_file") or name == "ca"):
            continue
        file = paths.near(value)
        try:
            mode = file.stat().st_mode
        except OSError as error:
            raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror} ({key}.{name})") from error
        if name != "ca" and mode & 0o077:
            raise ConfigurationError(str(file), "", "can be read by others; run chmod 600 on it")
