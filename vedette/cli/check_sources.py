"""What `vedette check-config` says of a file of sources: each schedule in English, with its next runs."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from vedette.clock import to_datetime
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.interface import CollectorCatalogue
from vedette.collection.processing import ProcessorCatalogue
from vedette.collection.sections import Section, load_sections
from vedette.fetching.urls import shown_url

_NOW = {"all": "all that there is, at the first start", "new": "what is new, at each start", "none": ""}


def source_lines(file: Path, *, now: int) -> list[str]:
    """Return what a file of sources would do.

    Raises:
        ConfigurationError: names file, section, key and reason.
    """
    sections = load_sections(file)
    lines = [f"{file}: good"]
    for section in sections.values():
        lines += section_lines(section, now=now)
    return lines


def section_lines(section: Section, *, now: int) -> list[str]:
    """Return what a section would do.

    Raises:
        ConfigurationError: names file, source, key and reason.
    """
    check_section(section)
    lines = [f"section {section.name}: {len(section.sources)} sources"]
    lines += [f"  note: {warning}" for warning in section.warnings]
    catalogue = CollectorCatalogue()
    for source in section.sources:
        lasts = catalogue.collector(source, place=section.place).lasts(source)
        lines += _source_lines(source, lasts=lasts, now=now)
    return lines


def check_section(section: Section) -> None:
    """Check that everything that sources name exists.

    Raises:
        ConfigurationError: names file, source, key and reason.
    """
    collectors, processors = CollectorCatalogue(), ProcessorCatalogue()
    for source in section.sources:
        collectors.collector(source, place=section.place)
        for step in source.post_process:
            processors.processor(step, place=f"{section.place}: {section.name}.{source.source_name}")


def _source_lines(source: SourceConfiguration, *, lasts: bool, now: int) -> list[str]:
    if lasts:
        return [f"  {source.source_name}: {source.type} of {shown_url(source.source_uri)}: all the time"]
    at_start = "once, at the start" if source.cron.lower() == "now" else _NOW[source.now_collect]
    timetable = source.timetable
    when = "; ".join(filter(None, (at_start, timetable.english if timetable is not None else "")))
    lines = [
        f"  {source.source_name}: {source.type} of {shown_url(source.source_uri)}: {when or 'only when asked to'}"
    ]
    if timetable is not None:
        zone = ZoneInfo(source.time_zone)
        runs = [f"{to_datetime(at).astimezone(zone):%a %Y-%m-%d %H:%M:%S}" for at in timetable.next_runs(now)]
        lines.append(f"    next ({source.time_zone}): {', '.join(runs) or 'never again'}")
    return lines
