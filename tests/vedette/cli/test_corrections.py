"""`vedette corrections`: the same here and at a hub."""

from __future__ import annotations

import json

from tests.prose_documents import keep_reading, place_of, report
from tests.vedette.cli.test_remote import Run, run
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, uuid_of
from vedette.extraction.prose.corrections.kinds import ChangeEntity, RejectEntity

__all__ = ["database", "filled", "hub", "hub_view", "paths", "run"]

ITEM = uuid_of(5)


async def test_a_text_is_corrected_here_and_at_a_hub(run: Run, hub: Hub) -> None:
    await keep_reading(hub.graph, report(), item=ITEM)
    banks, norway = place_of(report(), "banks"), place_of(report(), "Norway")
    for here, one in ((True, ChangeEntity(at=banks, to=banks, label="ORG")), (False, RejectEntity(at=norway))):
        made = await run("corrections", "add", ITEM, one.model_dump_json(), "--why", "So it is.", "--json", here=here)
        assert made.exit_code == 0, made.output
        assert json.loads(made.output)["correction"] == one.model_dump()
    for form in ([], ["--json"]):
        there, listed = (
            await run("corrections", "list", ITEM, *form),
            await run("corrections", "list", ITEM, *form, here=True),
        )
        assert there.output == listed.output
        assert "So it is." in there.output
    for of, count in (("entities", 1), ("relations", 0)):
        lines = [(await run("corrections", "export", "--of", of, here=here)).output for here in (True, False)]
        assert lines[0] == lines[1]
        assert len(lines[0].splitlines()) == count
    undone = [await run("corrections", "undo", ITEM, number, here=number == 1) for number in (1, 2)]
    assert ["taken back" in one.output for one in undone] == [True, True]
    assert (await run("corrections", "export")).output == ""


async def test_where_the_answer_is_no_it_is_1_and_wrong_use_is_2(run: Run, hub: Hub) -> None:
    await keep_reading(hub.graph, report(), item=ITEM)
    good = RejectEntity(at=place_of(report(), "banks")).model_dump_json()
    for here in (True, False):
        for command in (["list", uuid_of(6)], ["add", uuid_of(6), good], ["undo", ITEM, 77]):
            assert (await run("corrections", *command, here=here)).exit_code == 1, (command, here)
