"""`vedette graph check|rebuild`: whether the graph is sound, and stored items through RT again; on this machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vedette.cli.actor import command_line_actor
from vedette.cli.output import CONFIG_OPTION, JSON_OPTION, Exit, complain, print_json, print_line
from vedette.cli.store import open_fleet, open_store
from vedette.clock import SystemClock
from vedette.evidence.finding import Finding

if TYPE_CHECKING:
    from registry.graph_rebuilding import GraphRebuild

SHOWN = 50
"""Things that are wrong that are listed; the rest is counted."""


def check(
    mend: bool = typer.Option(False, "--mend", help="Make right what is wrong, from mentions and decisions."),
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Check that the graph is what its mentions and decisions say; exit 1 where it was not."""
    # Imported where it is used: commands that ask a hub need no database.
    from registry.graph import graph_database
    from registry.graph_check import GraphCheck

    _, paths = open_fleet(config)
    found, kinds, looked = list[Finding](), Counter[str](), 0
    with graph_database(paths.graph_url) as database:
        for piece in GraphCheck(database=database, clock=SystemClock(), mend=mend).pieces():
            looked += piece.looked
            kinds.update(finding.kind for finding in piece.findings)
            found += piece.findings[: SHOWN - len(found)]
    if as_json:
        listed = [{"kind": one.kind, "place": one.place, "text": one.text} for one in found]
        print_json({"looked": looked, "wrong": dict(kinds), "findings": listed, "mended": mend})
    else:
        for one in found:
            print_line(f"{one.kind}: {one.place}: {one.text}")
        counted = ", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items()))
        verdict = "SOUND" if not kinds else "MENDED" if mend else "NOT SOUND"
        print_line(f"{verdict}: {database.place}: {looked} looked at{f', wrong: {counted}' if kinds else ''}")
    raise typer.Exit(Exit.NO if kinds else Exit.GOOD)


def rebuild(
    everything: bool = typer.Option(False, "--all", help="Also items that the graph knows: for newer extractors."),
    limit: int | None = typer.Option(None, "--limit", min=1, help="Items at most, about; run it again for more."),
    config: Path | None = CONFIG_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Send stored items through RT again that the graph does not know; decisions stay, and so does what it knows."""
    from registry.audit import AuditEntry, record_audit
    from registry.graph import graph_database
    from registry.graph_rebuilding import GraphRebuild
    from registry.queue_errors import UnknownQueueError

    configuration, paths = open_fleet(config)
    queue = configuration.rt.queue
    with open_store(paths) as store, graph_database(paths.graph_url) as graph:
        try:
            total = _rebuilt(GraphRebuild(store=store, graph=graph, queue=queue), everything=everything, limit=limit)
        except UnknownQueueError as error:
            complain(
                f"there is no queue {queue!r} yet: RT makes it at its start, and then reads from the first item on"
            )
            raise typer.Exit(Exit.NO) from error
        by, detail = command_line_actor(), f"{total['held']} items{' of all' if everything else ''}"
        entry = AuditEntry(
            who=by.who, action="graph.rebuild", object=f"queue {queue}", origin=by.origin, detail=detail
        )
        store.write_sync(lambda connection: record_audit(connection, entry, now=SystemClock().now()))
    if as_json:
        print_json(total)
        return
    print_line(f"{total['looked']} items of RT's routing keys: the graph knows {total['known']}")
    print_line(f"{total['held']} wait for RT now that did not before")
    if total["gone"]:
        print_line(f"{total['gone']} are lost to it: their bytes were deleted before anybody read them")


def _rebuilt(rebuild: GraphRebuild, *, everything: bool, limit: int | None) -> dict[str, int]:
    total = {"looked": 0, "known": 0, "gone": 0, "held": 0}
    step = rebuild.step(everything=everything)
    while step is not None:
        total = {name: count + getattr(step, name) for name, count in total.items()}
        if limit is not None and total["held"] >= limit:
            break
        step = rebuild.step(after=step.after, everything=everything)
    return total
