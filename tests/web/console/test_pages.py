"""The console's pages over a filled store: what they show, to whom, and where their lists can be had."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from registry.callers import Scope
from registry.directory import Directory
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from tests.web.api.v1.conftest import PROBE, Hub, uuid_of
from tests.web.api.whole import BY, CHEAP, PASSWORD
from vedette.clock import SystemClock
from vedette.messages.card import Role
from web.api.gate import csrf_token

PAGES = ("/", "/items", "/findings", "/dead-letters", "/repairs", f"/agents/{PROBE}", f"/items/{uuid_of(28)}")
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LETTER = f"/dead-letters/queue:rt/{uuid_of(28)}"


async def session_of(hub: Hub, role: UserRole) -> dict[str, str]:
    """The headers of a browser in which somebody of a role is logged in, with the token of its forms."""
    users = Users(database=hub.database, clock=SystemClock())
    await users.add(name="anna", role=role, password_hash=CHEAP.hash(PASSWORD), by=BY)
    found = await users.find("anna")
    assert found is not None
    user, stored = found
    token = await Sessions(database=hub.database, clock=SystemClock()).start(
        user, verified=stored, origin="127.0.0.1"
    )
    return HTML | {"Cookie": f"vedette_session={token}", "csrf": csrf_token(token)}


def text_of(page: httpx.Response) -> str:
    """What a page says, without its elements."""
    assert page.status_code == 200, page.text
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_whole_and_sends_nothing_inline(reader: httpx.AsyncClient, path: str) -> None:
    page = await reader.get(path)
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=)|<[^>]+ (on\w+|style)=", page.text)
    assert page.text.count("<h1") == 1
    assert '<html lang="en">' in page.text
    assert page.text.count('<main id="main"') == 1


@pytest.mark.parametrize("path", PAGES)
async def test_where_a_page_leads_there_is_something(reader: httpx.AsyncClient, path: str) -> None:
    page = await reader.get(path)
    for link in {unescape(link) for link in re.findall(r'(?:href|src)="([^"#?]+[^"]*)"', page.text)}:
        answer = await reader.get(link)
        # The bundle of an item that waits for its proof is refused in words.
        assert answer.status_code == 200 or (link.endswith("/bundle") and answer.status_code == 409), link


async def test_programs_find_what_they_found_before_at_the_paths_of_items(hub: Hub) -> None:
    async with await hub.client() as client:
        for accept in ("*/*", "application/json", "application/json, */*"):
            headers = {"Accept": accept}
            listed = await client.get("/items/", headers=headers)
            assert listed.headers["content-type"].startswith("application/json")
            assert (await client.get("/items", headers=headers)).content == listed.content
            one = await client.get(f"/items/{uuid_of(3)}", headers=headers)
            assert one.headers["content-type"].startswith("application/json")
            assert uuid_of(3) in one.text
        assert "<h1>Items</h1>" in (await client.get("/items", headers=HTML)).text


async def test_who_may_not_read_is_led_from_the_fleet_to_the_account(hub: Hub) -> None:
    async with await hub.client(Scope.INGEST) as client:
        answer = await client.get("/", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert (await client.get("/items", headers=HTML)).status_code == 403


async def test_the_audit_is_for_administrators(hub: Hub, reader: httpx.AsyncClient) -> None:
    assert "/audit" not in (await reader.get("/")).text
    assert (await reader.get("/audit")).status_code == 403
    await session_of(hub, UserRole.VIEWER)
    async with await hub.client(Scope.ADMIN, Scope.READ) as client:
        shown = text_of(await client.get("/audit?who=&action=key."))
        assert "key.issue" in shown
        assert "user.add" not in shown
        assert "user.add" in text_of(await client.get("/audit"))


async def test_the_fleet_is_searched_and_filtered(hub: Hub, reader: httpx.AsyncClient) -> None:
    directory = Directory(database=hub.database, clock=SystemClock())
    await directory.enrol("rt@localhost", role=Role.RT, public_key=None, unsigned_allowed=True)
    everybody = text_of(await reader.get("/"))
    assert PROBE in everybody
    assert "rt@localhost" in everybody
    for query, shown in {
        "text=PROBE": True,
        "text=localhost&role=rt": False,
        "show=available": True,
        "show=unknown": False,
        "role=&show=&text=": True,
    }.items():
        assert (PROBE in text_of(await reader.get(f"/?{query}"))) is shown, query
    # A misspelt filter never means "all".
    assert (await reader.get("/?rol=probe")).status_code == 422


async def test_an_empty_console_says_what_to_do(empty: httpx.AsyncClient) -> None:
    for path, advice in {
        "/": "vedette enroll",
        "/items": "vedette up",
        "/findings": "expected_value",
        "/dead-letters": "vedette dead-letters",
        "/repairs": "vedette up",
    }.items():
        assert advice in text_of(await empty.get(path)), path


async def test_a_list_is_walked_to_its_end_and_back(hub: Hub, reader: httpx.AsyncClient) -> None:
    directory = Directory(database=hub.database, clock=SystemClock())
    for number in range(60):
        await directory.enrol(f"p{number:02}@localhost", role=Role.RT, public_key=None, unsigned_allowed=True)
    first = await reader.get("/?role=rt")
    (link,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = await reader.get(unescape(link))
    assert "p49@localhost" in first.text
    assert "p50@localhost" in second.text
    assert "p49@localhost" not in second.text
    assert "next" not in re.findall(r'rel="(\w+)"', second.text)
    (back,) = re.findall(r'rel="prev" href="([^"]+)"', second.text)
    assert "p49@localhost" in (await reader.get(unescape(back))).text


async def test_items_are_filtered_by_an_address_that_can_be_shared(reader: httpx.AsyncClient) -> None:
    page = await reader.get("/items?verdict=deviates&type=&agent=")
    assert uuid_of(28) in page.text
    assert uuid_of(3) not in page.text
    assert "Verdict deviates" in text_of(page)
    (link,) = re.findall(r'href="(/v1/items\?[^"]*)"', page.text)
    assert [item["uuid"] for item in (await reader.get(unescape(link))).json()["items"]] == [uuid_of(28)]


async def test_an_item_that_is_not_there_is_said_to_be_so(reader: httpx.AsyncClient) -> None:
    for path in (f"/items/{uuid_of(999)}", "/agents/nobody@localhost", "/dead-letters/outbox:none/" + uuid_of(1)):
        page = await reader.get(path)
        assert page.status_code == 404
        assert "It is not there" in page.text


async def test_an_item_shows_its_proof_and_what_can_be_done_with_it(reader: httpx.AsyncClient) -> None:
    shown = text_of(await reader.get(f"/items/{uuid_of(3)}"))
    # The authority is not configured here: its token is good, and nothing says what it is worth.
    for text in ("Holds: Payload", "Holds: Statement", "Hash tree", "Certificate of local", "not configured here"):
        assert text.split(": ")[-1] in shown
    assert f"vedette verify {uuid_of(3)}.zip" in shown
    assert "payload 3" in shown
    assert "waits for its batch" in text_of(await reader.get(f"/items/{uuid_of(29)}"))


async def test_an_operator_replays_and_discards_dead_letters(hub: Hub, reader: httpx.AsyncClient) -> None:
    assert "you need the role operator" in text_of(await reader.get(LETTER))
    session = await session_of(hub, UserRole.OPERATOR)
    csrf = session.pop("csrf")
    async with await hub.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        assert "you need the role" not in text_of(await client.get(LETTER))
        refused = await client.post(f"{LETTER}/discard", data={"csrf": csrf, "reason": "  "})
        assert refused.status_code == 422
        assert "Say why" in refused.text
        assert (await client.post(f"{LETTER}/discard", data={"csrf": "no", "reason": "x"})).status_code == 403
        done = await client.post(f"{LETTER}/discard", data={"csrf": csrf, "reason": "a duplicate"})
        assert (done.status_code, done.headers["location"]) == (303, "/dead-letters?said=discarded")
        assert "It was discarded." in text_of(await client.get(done.headers["location"]))
        assert "a duplicate" in text_of(await client.get("/dead-letters?discarded=true"))
        assert (await client.post(f"{LETTER}/replay", data={"csrf": csrf})).status_code == 404


async def test_a_key_sees_pages_without_forms(hub: Hub) -> None:
    """A form without a token could only be refused."""
    async with await hub.client(Scope.READ, Scope.OPERATE) as client:
        for path in (LETTER, "/repairs"):
            assert "<form" not in re.sub(r"(?s)<form class=.filter.*?</form>", "", (await client.get(path)).text)
