"""The pages of an item's text: what they show and to whom, and correcting by forms alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from urllib.parse import unquote

import httpx
import pytest

from registry.callers import Actor
from registry.content import ContentFolder
from registry.graph_reading import GraphRead
from registry.retention import Retention
from registry.roles import UserRole
from tests.prose_documents import REPORT as TEXT
from tests.prose_documents import keep_reading, place_of, report
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.console.test_pages import session_of, text_of
from tests.web.console.texts import FOREIGN, LONG, REPORT, read_texts
from vedette.clock import SystemClock
from web.console.annotation_addresses import entity_address, sentence_address, sentence_of, text_address
from web.console.graph_addresses import edge_address, vertex_address


@pytest.fixture
async def operator(hub: Hub) -> AsyncIterator[tuple[httpx.AsyncClient, Mapping[str, str]]]:
    """A browser of somebody who operates, and what every form of theirs has."""
    session = await session_of(hub, UserRole.OPERATOR)
    csrf = {"csrf": session.pop("csrf")}
    async with await hub.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        yield client, csrf


async def fields_of(client: httpx.AsyncClient, sentence: int) -> dict[str, str]:
    """What every form of a sentence's page has."""
    page = await client.get(sentence_address(REPORT, sentence))
    return {"seen": re.findall(r'name="seen" value="([^"]+)"', page.text)[0]}


async def led_to(client: httpx.AsyncClient, path: str) -> str:
    """Id of the vertex that an entity leads to."""
    answer = await client.get(path)
    assert answer.status_code == 303, answer.text
    return unquote(answer.headers["location"].removeprefix("/graph/vertex/"))


async def test_the_text_is_shown_with_what_it_names_and_says(
    hub: Hub, operator: tuple[httpx.AsyncClient, Mapping[str, str]]
) -> None:
    await read_texts(hub.graph, store=hub.database)
    client, _ = operator
    page = await client.get(text_address(REPORT, sentence=2))
    told = text_of(page)
    for words in (
        "Hidden Cobra threat actor 90 %, by the model",
        "not vouched for 40 %",
        "denied 80 %",
        "100 %, by a person, user bert",
        "T1059.001",
        "“PowerShell” names nothing" if "“PowerShell”" in told else "PowerShell names nothing",
        "It is a tool after all.",
    ):
        assert words in told, words
    assert page.text.count('aria-current="true"') == 1
    assert re.search(r'id="s2" aria-current="true"', page.text)
    whole = re.sub(r"<span class=\"entity-(kind|more)\".*?</span>(?=</a>|<span)", "", page.text)
    shown = unescape(re.sub(r"<[^>]+>", "", " ".join(re.findall(r'"sentence-text"[^>]*>(.*?)</p>', whole, re.S))))
    assert " ".join(shown.split()) == " ".join(TEXT.split()), "the document as it reads"


async def test_a_long_text_is_paged_and_one_that_was_not_read_says_so(hub: Hub, reader: httpx.AsyncClient) -> None:
    hub_texts = await read_texts(hub.graph, store=hub.database)
    assert set(hub_texts) == {"/items/{uuid}/text", "/items/{uuid}/text/sentence"}
    first, second, last = [await reader.get(text_address(LONG, page=number)) for number in (1, 2, 900)]
    assert ('rel="prev"' in first.text, 'rel="next"' in first.text) == (False, True)
    assert "Sentences 41 to 80 of 120" in text_of(second)
    assert "Sentences 81 to 120 of 120" in text_of(last)
    assert max(len(page.content) for page in (first, second, last)) < 300_000
    foreign = text_of(await reader.get(text_address(FOREIGN)))
    assert "it is in German, and only English is read" in foreign
    assert "Die Gruppe greift Banken in Norwegen an." in foreign


async def test_an_entity_leads_to_its_vertex_and_an_edge_to_its_sentence(hub: Hub, reader: httpx.AsyncClient) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    lazarus, qakbot = [await led_to(reader, entity_address(REPORT, entity)) for entity in (0, 1)]
    for vertex, name in ((lazarus, "Lazarus Group"), (qakbot, "Qakbot")):
        assert name in text_of(await reader.get(vertex_address(vertex)))
    assert (await reader.get(entity_address(REPORT, 3))).headers["location"].startswith("/graph")
    assert (await reader.get(entity_address(REPORT, 999))).status_code == 404
    found = await GraphRead(database=hub.graph).edges(lazarus, direction="out")
    (edge,) = (one for one in found.edges if one.in_id == qakbot)
    page = await reader.get(edge_address(edge.out_id, edge.in_id, edge.relation))
    # When the edge is followed: its sentence in its document, then the proof.
    link = unescape(re.findall(r'href="(/items/[^"]+/text[^"]*)"', page.text)[0])
    assert link == text_address(REPORT, sentence=1)
    text = await reader.get(link)
    assert f'href="/items/{REPORT}#proof"' in text.text
    assert "Its text, as it was read" in text_of(await reader.get(f"/items/{REPORT}"))
    assert "Its text, as it was read" not in text_of(await reader.get(f"/items/{uuid_of(8)}"))


async def test_forms_correct_and_take_back(hub: Hub, operator: tuple[httpx.AsyncClient, Mapping[str, str]]) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    client, csrf = operator
    banks, scripts = place_of(report(), "banks"), place_of(report(), "scripts")
    span, lazarus = f"{banks.start}-{banks.end}", "0-13"
    norway = place_of(report(), "Norway")
    for sentence, fields in (
        (1, {"kind": "change-entity", "at": span, "first": "34", "last": "39", "label": "ORG", "why": "It is one."}),
        (1, {"kind": "add-relation", "head": lazarus, "relation": "targets", "tail": f"{norway.start}-{norway.end}"}),
        (1, {"kind": "reject-relation", "head": lazarus, "relation": "uses", "tail": "19-25"}),
        (4, {"kind": "add-entity", "first": str(scripts.start), "last": str(scripts.end), "label": "MALWARE"}),
        (1, {"kind": "reject-entity", "at": span}),
    ):
        form = {**csrf, **await fields_of(client, sentence), **fields}
        answer = await client.post(sentence_address(REPORT, sentence), data=form)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == f"{sentence_address(REPORT, sentence)}&said=corrected"
    page = await client.get(sentence_address(REPORT, 1))
    assert "It is one." in text_of(page)
    undo = re.findall(r'action="(/items/[^"]+/undo)"', page.text)
    assert len(undo) == 4
    assert (await client.post(undo[0], data={**csrf, "sentence": "1"})).headers["location"].endswith("&said=undone")
    assert (await client.post(undo[0], data=csrf)).status_code == 404
    assert "banks" in text_of(await client.get(sentence_address(REPORT, 1)))


async def test_a_wrong_form_changes_nothing_and_says_why(
    hub: Hub, operator: tuple[httpx.AsyncClient, Mapping[str, str]]
) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    client, csrf = operator
    good = {**csrf, **await fields_of(client, 1)}
    for wrong, words in (
        ({"kind": "nothing"}, "kind"),
        ({"kind": "reject-entity"}, "at"),
        ({"kind": "reject-entity", "at": "5"}, "must be chosen"),
        ({"kind": "reject-entity", "at": "999999990-999999999"}, "must be chosen"),
        ({"kind": "add-entity", "first": "9", "last": "3", "label": "ORG"}, "end before they begin"),
        ({"kind": "add-entity", "first": "0", "last": "4", "label": "<b>"}, "label"),
        ({"kind": "add-relation", "head": "0-13", "relation": "x", "tail": "19-25"}, "relation"),
        ({"kind": "reject-entity", "at": "0-13", "why": "x" * 2_000}, "1024 characters"),
        ({"kind": "reject-entity", "at": "0-13", "seen": "0" * 16}, "read anew since this page"),
    ):
        answer = await client.post(sentence_address(REPORT, 1), data={**good, **wrong})
        assert answer.status_code == 422, (wrong, answer.status_code)
        assert words in unescape(answer.text), (wrong, words)
    assert (await client.post(sentence_address(REPORT, 1), data={"kind": "reject-entity"})).status_code == 403
    assert (await client.get(sentence_address(REPORT, 5))).status_code == 404
    assert (await client.get(f"{text_address(REPORT)}/sentence")).status_code == 422
    assert "Nobody corrected it" in text_of(await client.get(text_address(REPORT)))


async def test_who_only_reads_sees_no_forms(hub: Hub, reader: httpx.AsyncClient) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    for path in (text_address(REPORT), sentence_address(REPORT, 1)):
        page = await reader.get(path)
        assert 'method="post"' not in page.text
    assert "Who may operate, and is logged in, can correct it here" in text_of(
        await reader.get(sentence_address(REPORT, 1))
    )


async def test_a_text_whose_payload_was_deleted_is_not_shown(hub: Hub, reader: httpx.AsyncClient) -> None:
    await keep_reading(hub.graph, report(), item=REPORT)
    folder = ContentFolder(hub.paths.documents, limit=10**6)
    retention = Retention(database=hub.database, clock=SystemClock(), documents=folder)
    await retention.delete(REPORT, actor=Actor(who="user anna", origin="here"), reason="asked", unproved=True)
    for path in (text_address(REPORT), sentence_address(REPORT, 1), entity_address(REPORT, 0)):
        answer = await reader.get(path)
        assert (answer.status_code, "Lazarus" in answer.text) == (404, False), path
    for path in (f"/v1/items/{REPORT}/annotation", f"/v1/items/{REPORT}/corrections"):
        answer = await reader.get(path, headers={"Accept": "application/json"})
        assert (answer.status_code, "Lazarus" in answer.text) == (410, False), path
    assert (await reader.get(text_address(uuid_of(9)))).status_code == 404


@pytest.mark.parametrize(
    ("label", "number"), [("sentence 12", 12), ("sentence 3 of the text", 3), ("row 3", None), ("sentence 0", None)]
)
def test_a_place_names_its_sentence(label: str, number: int | None) -> None:
    assert sentence_of(label) == number
