"""`vedette export --url`: the same as where the store is, and what a hub's agent does is waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from registry.callers import Scope
from registry.export_taking import ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub, database, filled, hub, hub_view, paths, uuid_of
from tests.web.api.v1.graph_content import ZEUS, id_of
from tests.web.api.v1.sharing_content import PLAN, SHARING, fill_exports
from vedette.cli.main import build
from vedette.cli.remote import KEY_VARIABLE
from vedette.clock import SystemClock

__all__ = ["database", "filled", "hub", "hub_view", "paths"]

Run = Callable[..., Awaitable[Result]]
AROUND = ("--vertex", id_of(ZEUS))


@pytest.fixture
async def run(hub: Hub) -> Run:
    """Runs `vedette export` in the fleet's folder, beside the hub that answers it."""
    folder = hub.paths.file.parent
    sharing = SHARING.model_dump(mode="json", exclude_unset=True)
    (folder / "vedette.yml").write_text(yaml.safe_dump({"data": "var", "sharing": sharing}))
    key = await hub.key(*Scope)

    async def invoke(*arguments: object, here: bool = False) -> Result:
        where = ["-c", str(folder / "vedette.yml")] if here else ["--url", hub.server.url]
        words = ["export", *map(str, arguments), *where]
        return await asyncio.to_thread(CliRunner(env={KEY_VARIABLE: key}).invoke, build(words), words)

    return invoke


async def test_a_hub_says_what_the_store_says(run: Run, hub: Hub) -> None:
    exports = await fill_exports(hub.database)
    for command in (
        ["list"],
        ["list", "--state", "failed", "--server", "archive"],
        ["show", exports["approval"].uuid],
        ["show", exports["done"].uuid],
        ["stix", *AROUND, "--dry-run"],
        ["csv", *AROUND, "-o", "-"],
    ):
        for form in ([], ["--json"]) if "-o" not in command else ([],):
            there, here = await run(*command, *form), await run(*command, *form, here=True)
            assert (there.exit_code, there.output) == (here.exit_code, here.output) == (0, there.output), command
            assert there.output.strip(), command


async def test_files_are_the_same_bytes_and_replace_what_was_there(run: Run, hub: Hub) -> None:
    folder = hub.paths.file.parent
    for form in ("misp", "stix", "ndjson"):
        there, here = folder / f"there.{form}", folder / f"here.{form}"
        there.write_text("of yesterday")
        done = await run(form, *AROUND, "-o", there)
        assert done.exit_code == 0, done.output
        assert (await run(form, *AROUND, "-o", here, here=True)).exit_code == 0
        assert there.read_bytes() == here.read_bytes()
    nothing = await run("stix", "--target", "192.0.2.99", "-o", folder / "empty")
    assert nothing.exit_code == 1
    for refused in (["feed", *AROUND, "-o", folder / "feed"], ["stix", *AROUND, "--server", "nowhere"]):
        answer = await run(*refused)
        assert answer.exit_code == 1, answer.output
    assert not list(folder.glob("*.part"))


async def test_an_export_is_waited_for_approved_rejected_and_done_again(run: Run, hub: Hub) -> None:
    exports = Exports(database=hub.database, clock=SystemClock(), sharing=SHARING)
    taking = ExportTaking(exports=exports, runner=Runner(name="misp@localhost", life="first"))
    asking = asyncio.create_task(run("misp", "--target", "192.0.2.7", "--server", "partners", "--json"))
    async with asyncio.timeout(PATIENCE):
        while (taken := await taking.lease()) is None:
            await asyncio.sleep(0.05)
    await taking.approval(taken.uuid, PLAN, title="192.0.2.7")
    asked = await asking
    assert (asked.exit_code, json.loads(asked.output)["state"]) == (0, "approval")
    stale = await run("approve", taken.uuid, "--digest", "0" * 64)
    assert (stale.exit_code, "another by now" in stale.output) == (1, True)
    assert (await run("approve", taken.uuid)).exit_code == 0
    assert (await exports.get(taken.uuid)).approved == PLAN.digest
    assert (await run("reject", taken.uuid, "--why", "not ours")).exit_code == 0
    assert (await run("reject", taken.uuid, "--why", "again")).exit_code == 1
    assert (await run("retry", taken.uuid)).exit_code == 0
    assert (await exports.get(taken.uuid)).requested_by == "key test"
    assert (await run("show", uuid_of(999))).exit_code == 1


async def test_what_makes_no_sense_at_a_hub_is_wrong_use(run: Run, hub: Hub) -> None:
    uuid = uuid_of(1)
    for words in (
        ["approve", uuid, "--now"],
        ["retry", uuid, "--now"],
        ["list", "-c", "vedette.yml"],
        ["csv", *AROUND, "--server", "partners"],
        ["csv", *AROUND, "--server", "archive", "-o", "x"],
        ["csv", *AROUND, "--json"],
    ):
        assert (await run(*words)).exit_code == 2, words
