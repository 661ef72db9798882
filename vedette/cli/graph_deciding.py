"""`vedette graph reviews|decide|undo|withdraw`: what people decide about the graph."""

from __future__ import annotations

import typer

from vedette.cli.graph_asking import LIMIT_OPTION, VERTEX_ARGUMENT, asks_graph
from vedette.cli.graph_places import GraphPlace
from vedette.cli.output import JSON_OPTION, Exit, print_json, print_line

WHY_OPTION = typer.Option(..., "--why", help="The reason; it is kept.")


@asks_graph
def reviews(
    graph: GraphPlace,
    limit: int = LIMIT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """List the pairs that may be the same and wait for a person, most alike first."""
    found = graph.reviews(limit=limit)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        print_line(f"{one['id']:>6}  {one['score']:.2f}  {one['first']}  {one['second']}: {one['why']}")
    if not found and not as_json:
        print_line("No pair waits for a decision.")


@asks_graph
def decide(
    graph: GraphPlace,
    first: str = VERTEX_ARGUMENT,
    second: str = VERTEX_ARGUMENT,
    same: bool = typer.Option(..., "--same/--different", help="Whether they are the same thing."),
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Say that two vertices are, or are not, the same thing; it counts more than the rules."""
    number = graph.decide(graph.id_of(first), graph.id_of(second), same=same, why=why)
    print_json({"id": number}) if as_json else print_line(f"Decision {number}.")


@asks_graph
def undo(
    graph: GraphPlace,
    decision: int = typer.Argument(min=1, help="The decision's number; explain and reviews show it."),
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Withdraw a decision, a person's or a rule's."""
    graph.undo(decision, why=why)
    print_json({"id": decision}) if as_json else print_line(f"Decision {decision} counts no more.")


@asks_graph
def withdraw(
    graph: GraphPlace,
    item: str | None = typer.Option(None, "--item", help="What only the item with this uuid said."),
    source: str | None = typer.Option(None, "--source", help="What only items of this routing key said."),
    why: str = WHY_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Take back what only an item or a source said; exit 1 where it said nothing."""
    if (item is None) == (source is None):
        raise typer.BadParameter("name an item with --item, or a source with --source; one of both")
    count = graph.withdraw(item=item, source=source, why=why)
    print_json({"subgraphs": count}) if as_json else print_line(f"{count} subgraphs were taken back.")
    if not count:
        raise typer.Exit(Exit.NO)
