"""Which investigation the options of `vedette export` mean."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import typer

from vedette.clock import Clock
from vedette.errors import RefusedError
from vedette.sharing.selection import Selection

ITEM_OPTION = typer.Option(None, "--item", help="One item, by its uuid.")
TARGET_OPTION = typer.Option(None, "--target", help="Everything about this target.")
JOB_OPTION = typer.Option(None, "--job", help="Everything that a one-shot job brought, by its uuid.")
VERTEX_OPTION = typer.Option(None, "--vertex", help="What lies around a vertex: its id, or its name.")
DEPTH_OPTION = typer.Option(None, "--depth", min=0, max=3, help="Steps away from --vertex.")
SEARCH_OPTION = typer.Option(
    None, "--search", help="Words such as 'type=scan verdict=changed' or 'text=\"a name\"'; plain words are a text."
)
SINCE_OPTION = typer.Option(None, "--since", help="Only what came since: 2026-11-22, 12h, 2d.")
UNTIL_OPTION = typer.Option(None, "--until", help="Only what came before.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Meant:
    """What the options say; None: nothing."""

    item: str | None = None
    search: str | None = None
    since: str | None = None
    until: str | None = None
    target: str | None = None
    job: str | None = None
    vertex: str | None = None
    depth: int | None = None

    def selection(self, clock: Clock) -> Selection:
        """Return the investigation that is meant.

        Raises:
            typer.BadParameter: there is nothing that they mean; says why.
        """
        given = {
            "item": self.item,
            "target": self.target,
            "job": self.job,
            "vertex": self.vertex,
            "depth": None if self.depth is None else str(self.depth),
            "since": self.since,
            "until": self.until,
        }
        words = [f"{key}={shlex.quote(value)}" for key, value in given.items() if value is not None]
        if self.search is not None:
            words.append(self.search if "=" in self.search else f"text={shlex.quote(self.search)}")
        if not words:
            raise typer.BadParameter("say what: --item, --search, --since, --target, --job or --vertex")
        try:
            return Selection.parse(" ".join(words), clock=clock)
        except RefusedError as error:
            raise typer.BadParameter(str(error)) from error
