"""Correcting a text in a real browser: words are marked with the mouse, and the graph says what a person says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from registry.graph_reading import GraphRead
from tests.prose_documents import keep_reading, report
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub
from tests.web.console.test_accessibility_browser import NARROW, WIDE, look
from tests.web.console.test_sharing_browser import click, until_says
from tests.web.console.texts import LONG, REPORT, read_texts
from vedette.graph.port import VertexFilter
from web.console.annotation_addresses import sentence_address, text_address

MARK = """const sentence = document.querySelector('#sentence .sentence-text');
const walker = document.createTreeWalker(sentence, NodeFilter.SHOW_TEXT);
let node;
while ((node = walker.nextNode())) {
  const at = node.data.indexOf(arguments[0]);
  if (at >= 0) {
    const range = document.createRange();
    range.setStart(node, at + 1);
    range.setEnd(node, at + arguments[0].length - 1);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return true;
  }
}
return false"""
"""Mark a part of the text, not from its very beginning to its very end: people do not aim so well."""

CHOSEN = """return ['new-first', 'new-last'].map((id) => {
  const list = document.getElementById(id);
  return list.options[list.selectedIndex].text.replace(/^\\d+ /, '');
})"""


async def names_of(hub: Hub, name: str) -> list[str]:
    """Types of the vertices that the graph has of a name."""
    found = await GraphRead(database=hub.graph).find(VertexFilter(name=name))
    return [vertex.type for vertex in found.vertices]


async def test_marked_words_become_an_entity_that_the_graph_knows(
    hub: Hub, address: str, browser: webdriver.Chrome
) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    assert await names_of(hub, "scripts and talks") == []
    await asyncio.to_thread(look, browser, width=WIDE, scheme="light")
    await asyncio.to_thread(browser.get, address + sentence_address(REPORT, 4))
    assert await asyncio.to_thread(browser.execute_script, MARK, "scripts and talks")
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(browser.execute_script, CHOSEN) != ["scripts", "talks"]:
            await asyncio.sleep(0.05)

    def choose() -> None:
        Select(browser.find_element(By.ID, "new-label")).select_by_value("MALWARE")
        browser.find_element(By.ID, "new-why").send_keys("<b>They call it so.</b>")

    await asyncio.to_thread(choose)
    await click(browser, "#add-entity button")
    await until_says(browser, "Corrected. The graph says it now")
    await until_says(browser, "<b>They call it so.</b>")
    assert await names_of(hub, "scripts and talks") == ["Malware"]
    await click(browser, "[id^=correction-] summary")
    await click(browser, "[id^=correction-] form button")
    await until_says(browser, "Taken back.")
    assert await names_of(hub, "scripts and talks") == []


async def test_what_is_not_ticked_reads_as_plain_text(
    hub: Hub, address: str, browser: webdriver.Chrome, screenshots: Path | None
) -> None:
    await read_texts(hub.graph, store=hub.database)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    await asyncio.to_thread(look, browser, width=WIDE, scheme="light")
    await asyncio.to_thread(browser.get, address + text_address(REPORT))
    shown = "[...document.querySelectorAll('.entity-kind')].filter((one) => one.checkVisibility()).length"
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    before = await asyncio.to_thread(browser.execute_script, f"return {shown}")
    await click(browser, "#show-malware")
    after = await asyncio.to_thread(browser.execute_script, f"return {shown}")
    assert 0 < after < before
    if screenshots:
        await asyncio.to_thread(_shoot, browser, address, screenshots)


def _shoot(browser: webdriver.Chrome, address: str, folder: Path) -> None:
    paths = {
        "report": text_address(REPORT, sentence=2),
        "long": text_address(LONG),
        "one": sentence_address(REPORT, 2),
    }
    for name, path in paths.items():
        for width, scheme in ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light")):
            look(browser, width=width, scheme=scheme)
            browser.get(address + path)
            browser.save_screenshot(str(folder / f"text-{name}-{width}-{scheme}.png"))
