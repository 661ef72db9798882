"""An export's page in a real browser: the plan comes by itself, is approved, and what was done comes by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from selenium import webdriver
from selenium.webdriver.common.by import By

from registry.export_taking import ExportTaking
from registry.export_work import Runner
from registry.exports import Exports
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub
from tests.web.api.v1.sharing_content import BY, DONE, PLAN, SHARING
from vedette.clock import SystemClock
from vedette.sharing.request import ExportRequest


async def until_says(browser: webdriver.Chrome, text: str) -> None:
    """Wait until a person sees a text."""
    async with asyncio.timeout(PATIENCE):
        while text not in str(
            await asyncio.to_thread(browser.execute_script, "return document.querySelector('main')?.innerText ?? ''")
        ):
            await asyncio.sleep(0.05)


async def click(browser: webdriver.Chrome, selector: str) -> None:
    await asyncio.to_thread(lambda: browser.find_element(By.CSS_SELECTOR, selector).click())


APPROVE_SEEN = """
const field = document.querySelector("[name=digest]");
if (field === null) return false;
field.value = arguments[0];
document.querySelector("#approve").click();
return true;
"""
"""At one stroke, as the page brings itself up to date meanwhile; there is no form while the plan is made."""


async def approve_seen(browser: webdriver.Chrome, digest: str) -> None:
    """Approve the plan of a digest, whichever the page has by now."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(browser.execute_script, APPROVE_SEEN, digest):
            await asyncio.sleep(0.05)


async def test_a_plan_is_approved_as_it_was_seen(hub: Hub, address: str, browser: webdriver.Chrome) -> None:
    exports = Exports(database=hub.database, clock=SystemClock(), sharing=SHARING)
    taking = ExportTaking(exports=exports, runner=Runner(name="misp@localhost", life="first"))
    made = await exports.request(ExportRequest(select="target=192.0.2.7", destination="partners"), by=BY)
    # Given a page that was opened before there was a plan, the plan comes by itself
    await asyncio.to_thread(browser.get, f"{address}/sharing/exports/{made.uuid}")
    await until_says(browser, "It waits for its turn")
    await taking.take(made.uuid)
    await taking.approval(made.uuid, PLAN, title="192.0.2.7")
    await until_says(browser, "You approve the plan that you see")
    # When it changes under the eyes of a person, what they approve is what they saw: nothing
    await exports.request(ExportRequest(select="target=192.0.2.7", destination="partners"), by=BY)
    await taking.take(made.uuid)
    other = replace(PLAN, digest="0d" * 32, total=1, changes=PLAN.changes[:1])
    await taking.approval(made.uuid, other, title="192.0.2.7")
    await approve_seen(browser, PLAN.digest)
    await until_says(browser, "its plan is another by now")
    assert (await exports.get(made.uuid)).state == "approval"
    # Then the other one is there to be seen, and approved
    await until_says(browser, "1 change:")
    await click(browser, "#approve")
    await until_says(browser, "Approved: this plan is carried out")
    assert (await exports.get(made.uuid)).approved == other.digest
    await taking.take(made.uuid)
    await taking.done(made.uuid, DONE, title="192.0.2.7")
    await until_says(browser, "What was done")
    await until_says(browser, DONE.address)
