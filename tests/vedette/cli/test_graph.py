"""`vedette graph`: the same answers from the database here and from a hub."""

from __future__ import annotations

import json
from pathlib import Path

from defusedxml.ElementTree import fromstring

from registry.audit import Audit
from tests.vedette.cli.test_remote import Run, run
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, uuid_of
from tests.web.api.v1.graph_content import ADDRESS, HYDRA, OTHER, SCRIPT, WEAKNESS, ZBOT, ZEUS, id_of
from vedette.clock import SystemClock

__all__ = ["database", "filled", "hub", "hub_view", "paths", "run"]

UNKNOWN = "stucco:IP-00000000-0000-5000-8000-000000000000"


async def test_a_hub_says_what_the_database_says(run: Run) -> None:
    for command in (
        ["search", "botnet"],
        ["search", "--name", ZBOT.upper()],
        ["search", "--type", "IP"],
        ["search", "--property", "alias", "--value", "The beast"],
        ["show", ZEUS],
        ["show", id_of(ZBOT)],
        ["neighbours", ADDRESS, "--depth", 2],
        ["neighbours", ZEUS, "--relation", "ExploitTarget", "--relation", "Observable", "--type", "IP"],
        ["neighbours", ZEUS, "--fan-out", 1],
        ["path", WEAKNESS, OTHER],
        ["explain", ZEUS, id_of(ZBOT)],
        ["mentions", ZEUS, "--property", "alias", "--value", ZBOT],
        ["reviews"],
    ):
        for form in ([], ["--json"]):
            there, here = await run("graph", *command, *form), await run("graph", *command, *form, here=True)
            assert there.exit_code == here.exit_code == 0, (command, there.output, here.output)
            assert there.output == here.output, command
            assert there.output.strip()


async def test_lines_are_for_a_person(run: Run) -> None:
    shown = (await run("graph", "show", ZEUS, here=True)).output
    assert f"description: {SCRIPT}" in shown
    assert f"{ZEUS} --ExploitTarget--> {WEAKNESS}  (1 time)" in shown
    assert "2 names" in shown.splitlines()[0]
    assert "3 more edges of Zeus are not shown" in (await run("graph", "neighbours", ZEUS, "--fan-out", 1)).output
    assert f"item {uuid_of(4)}, row 1, bytes 0 to 7" in (await run("graph", "mentions", ZEUS)).output


async def test_where_the_answer_is_no_it_is_1_and_wrong_use_is_2(run: Run) -> None:
    for here in (True, False):
        for command in (
            ["search", "nothing"],
            ["show", "nothing"],
            ["show", UNKNOWN],
            ["neighbours", UNKNOWN],
            ["mentions", UNKNOWN],
            ["export", UNKNOWN],
            ["path", ZEUS, HYDRA],
            ["path", ZEUS, UNKNOWN],
            ["explain", ZEUS, ADDRESS],
            ["explain", ZEUS, UNKNOWN],
            ["decide", ZEUS, UNKNOWN, "--same", "--why", "x"],
            ["undo", 99_999, "--why", "x"],
            ["withdraw", "--item", uuid_of(99), "--why", "x"],
        ):
            answer = await run("graph", *command, here=here)
            assert answer.exit_code == 1, (command, here, answer.output)
            assert answer.output.strip()
        for command in (
            ["withdraw", "--why", "x"],
            ["withdraw", "--item", "a", "--source", "b", "--why", "x"],
            ["neighbours", ZEUS, "--depth", 7],
            ["export", ZEUS, "--format", "exe"],
            ["export", ZEUS, "--json"],
            ["decide", ZEUS, ADDRESS, "--why", "x"],
            ["decide", ZEUS, ADDRESS, "--same"],
        ):
            assert (await run("graph", *command, here=here)).exit_code == 2, (command, here)


async def test_exports_are_files_that_are_not_there_yet(run: Run, tmp_path: Path) -> None:
    for number, here in enumerate((True, False)):
        file = tmp_path / f"{number}.graphml"
        written = await run("graph", "export", ZEUS, "--format", "graphml", "-o", file, "--json", here=here)
        assert json.loads(written.output) == {"file": str(file), "bytes": file.stat().st_size}
        assert fromstring(file.read_bytes()).tag.endswith("graphml")
        assert (await run("graph", "export", ZEUS, "-o", file, here=here)).exit_code != 0
        stucco = await run("graph", "export", ZEUS, "--format", "stucco", here=here)
        assert len(json.loads(stucco.output)["edges"]) == 3


async def test_people_decide_and_it_is_written_down(run: Run, hub: Hub) -> None:
    for here in (True, False):
        decided = await run("graph", "decide", ADDRESS, OTHER, "--same", "--why", "one host", "--json", here=here)
        number = json.loads(decided.output)["id"]
        assert (await run("graph", "explain", id_of(ADDRESS), id_of(OTHER), here=not here)).exit_code == 0
        assert (await run("graph", "undo", number, "--why", "two hosts", here=here)).exit_code == 0
        assert (await run("graph", "explain", ADDRESS, OTHER, here=not here)).exit_code == 1
    taken = await run("graph", "withdraw", "--item", uuid_of(3), "--why", "wrong", "--json", here=True)
    assert json.loads(taken.output) == {"subgraphs": 1}
    entries = (await Audit(database=hub.database, clock=SystemClock()).page(limit=5)).entries
    assert [entry.action for entry in entries] == [
        "graph.withdraw",
        "graph.undo",
        "graph.decide",
        "graph.undo",
        "graph.decide",
    ]
    assert entries[0].who.startswith("command line ")
    assert entries[1].who == "key test"
