"""`vedette graph`: what is known of a name, what lies around it, who says so, and why two are one."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from vedette.cli.graph_asking import LIMIT_OPTION, VERTEX_ARGUMENT, asks_graph, looks_around
from vedette.cli.graph_deciding import decide, reviews, undo, withdraw
from vedette.cli.graph_keeping import check, rebuild
from vedette.cli.graph_lines import print_edges, print_mention, print_picture, print_properties, print_vertex
from vedette.cli.graph_places import Around, GraphPlace, Wanted
from vedette.cli.output import JSON_OPTION, Exit, print_json, print_line
from vedette.client.graph import ExportFormat
from vedette.graph.port import MAX_DEPTH

app = typer.Typer(no_args_is_help=True, help="What is known: search, show, path, explain, export, decide, check.")

OUTPUT_OPTION = typer.Option(None, "-o", "--output", help="A new file; standard output unless said.")


@app.command()
@asks_graph
def search(
    graph: GraphPlace,
    text: str | None = typer.Argument(None, help="Words in names, aliases, descriptions and values."),
    name: str | None = typer.Option(None, "--name", help="Equal to the name or an alias, in whatever spelling."),
    type: str | None = typer.Option(None, "--type", help="Only this vertexType."),
    observable_type: str | None = typer.Option(None, "--observable-type", help="Only this observableType."),
    property: str | None = typer.Option(None, "--property", help="The property that --value is about."),
    value: str | None = typer.Option(None, "--value", help="What the property is equal to, or holds."),
    limit: int = LIMIT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Search vertices, those that fit best and then those seen last first; exit 1 where there is none."""
    wanted = Wanted(text=text, name=name, type=type, observable_type=observable_type, property=property, value=value)
    found = graph.search(wanted, limit=limit)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        print_vertex(one)
    if not found:
        if not as_json:
            print_line("Nothing is known.")
        raise typer.Exit(Exit.NO)


@app.command()
@asks_graph
def show(
    graph: GraphPlace,
    vertex: str = VERTEX_ARGUMENT,
    limit: int = LIMIT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what is known of a vertex, and its edges."""
    found = graph.show(graph.id_of(vertex), limit=limit)
    if as_json:
        print_json(found)
        return
    print_vertex(found)
    print_properties(found["properties"])
    print_edges(found["edges"])


@app.command()
@asks_graph
@looks_around
def neighbours(
    graph: GraphPlace,
    around: Around,
    vertex: str = VERTEX_ARGUMENT,
    as_json: bool = JSON_OPTION,
) -> None:
    """Show what lies around a vertex, nearest first."""
    found = graph.neighbours(graph.id_of(vertex), around)
    print_json(found) if as_json else print_picture(found)


@app.command()
@asks_graph
def path(
    graph: GraphPlace,
    start: str = VERTEX_ARGUMENT,
    goal: str = VERTEX_ARGUMENT,
    hops: int = typer.Option(MAX_DEPTH, "--hops", min=1, max=MAX_DEPTH, help="Edges of the path at most."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Show a shortest path between two vertices; exit 1 where there is none so short."""
    found = graph.path(graph.id_of(start), graph.id_of(goal), hops=hops)
    print_json(found) if as_json else print_picture(found)


@app.command()
@asks_graph
def explain(
    graph: GraphPlace,
    first: str = VERTEX_ARGUMENT,
    second: str = VERTEX_ARGUMENT,
    as_json: bool = JSON_OPTION,
) -> None:
    """Say why two vertices are one, or are not; exit 1 where they are not."""
    found = graph.explain(graph.id_of(first), graph.id_of(second))
    if as_json:
        print_json(found)
    else:
        print_line("They are one vertex." if found["same"] else "They are two vertices.")
        for reason in found["reasons"]:
            print_line(f"  {reason}")
        for decision in found["decisions"]:
            print_line(f"  decision {decision['id']}: {decision['state']}, by {decision['rule']}")
    if not found["same"]:
        raise typer.Exit(Exit.NO)


@app.command()
@asks_graph
def mentions(
    graph: GraphPlace,
    vertex: str = VERTEX_ARGUMENT,
    property: str | None = typer.Option(None, "--property", help="Only those that say something of this property."),
    value: str | None = typer.Option(None, "--value", help="Only those that say that it has, or holds, this value."),
    limit: int = LIMIT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Say who says so: item, place in its document, when; latest first."""
    found = graph.mentions(graph.id_of(vertex), property=property, value=value, limit=limit)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        print_mention(one)


@app.command()
@asks_graph
@looks_around
def export(
    graph: GraphPlace,
    around: Around,
    vertex: str = VERTEX_ARGUMENT,
    format: str = typer.Option("stix", "--format", help="stix (a STIX 2.1 bundle), graphml, or stucco."),
    output: Path | None = OUTPUT_OPTION,
    as_json: bool = JSON_OPTION,
) -> None:
    """Export what lies around a vertex as a file for other programs."""
    data = graph.export(graph.id_of(vertex), around, format=_format(format))
    if output is None:
        if as_json:
            raise typer.BadParameter("--json goes with -o: without it the file itself is printed")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with output.open("xb") as file:
        file.write(data)
    written = {"file": str(output), "bytes": len(data)}
    print_json(written) if as_json else print_line(f"{output}: {len(data)} bytes")


def _format(text: str) -> ExportFormat:
    formats: dict[str, ExportFormat] = {"stix": "stix", "graphml": "graphml", "stucco": "stucco"}
    if text not in formats:
        raise typer.BadParameter(f"{text} is none of {', '.join(formats)}", param_hint="--format")
    return formats[text]


for command in (reviews, decide, undo, withdraw, check, rebuild):
    app.command()(command)
