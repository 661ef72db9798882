"""The pages of sharing: what goes where, what would leave, and what a person decides about it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from registry.callers import Scope
from registry.exports import Exports
from registry.roles import UserRole
from registry.sessions import Sessions
from registry.users import Users
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub, uuid_of
from tests.web.api.v1.graph_content import ZEUS, id_of
from tests.web.api.v1.sharing_content import DONE, PLAN, SHARING, fill_exports
from tests.web.api.whole import BY, CHEAP, PASSWORD, TRUST
from vedette.clock import SystemClock
from vedette.sharing.request import Export, ExportState
from web.api.gate import csrf_token
from web.console.graph_addresses import vertex_address
from web.console.sharing_addresses import look_address
from web.console.sharing_rows import is_same_origin

Person = tuple[httpx.AsyncClient, str]


@pytest.fixture
async def person(hub: Hub) -> AsyncIterator[Person]:
    """An operator's browser, and the token of its forms."""
    users, sessions = (kind(database=hub.database, clock=SystemClock()) for kind in (Users, Sessions))
    assert isinstance(users, Users)
    assert isinstance(sessions, Sessions)
    await users.add(name="olga", role=UserRole.OPERATOR, password_hash=CHEAP.hash(PASSWORD), by=BY)
    found = await users.find("olga")
    assert found is not None
    token = await sessions.start(found[0], verified=found[1], origin="127.0.0.1")
    headers = {"Cookie": f"vedette_session={token}", "Accept": "text/html,*/*;q=0.8"}
    async with httpx.AsyncClient(
        base_url=hub.server.url, headers=headers, verify=TRUST, trust_env=False, timeout=PATIENCE
    ) as client:
        yield client, csrf_token(token)


@pytest.fixture
async def exports(hub: Hub) -> dict[ExportState, Export]:
    """An export in every state."""
    return await fill_exports(hub.database)


def text_of(page: httpx.Response, *, status: int = 200) -> str:
    """What a page says, without its elements."""
    assert page.status_code == status, page.text
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", page.text).split()))


def page_of(export: Export) -> str:
    return f"/sharing/exports/{export.uuid}"


async def test_the_list_says_what_waits_what_fails_and_what_was_left_out(
    person: Person, exports: dict[ExportState, Export]
) -> None:
    client, _ = person
    page = await client.get("/sharing")
    text = text_of(page)
    assert text.index("Wait for a person") < text.index("Destinations") < text.index("Shares")
    for part in ("the key is refused", "4 accounts are not shared", "one for each target", "when somebody asks"):
        assert part in text
    filtered = (await client.get("/sharing?state=failed")).text
    table = filtered[filtered.index('id="exports"') :]
    assert page_of(exports["failed"]) in table
    assert page_of(exports["done"]) not in table
    assert "No export fits" in text_of(await client.get("/sharing?destination=nowhere"))


async def test_the_plan_is_read_before_it_is_approved_and_no_other_is(
    person: Person, exports: dict[ExportState, Export]
) -> None:
    client, csrf = person
    one = page_of(exports["approval"])
    page = await client.get(one)
    text = text_of(page)
    for part in (
        "5 changes",
        "+ Added: attribute ip-dst 192.0.2.7",
        "~ Changed: tag : tlp:amber → tlp:green",
        "- Removed: attribute domain old.example.org",
        "^ Brought back: object ip-port",
        "1 more; the first thousand",
        "2 accounts are not shared",
        "an analyst's comment on 192.0.2.8 is kept",
    ):
        assert part in text, part
    assert f'name="digest" value="{PLAN.digest}"' in page.text
    stale = await client.post(f"{one}/approve", data={"csrf": csrf, "digest": "0" * 64})
    assert "its plan is another by now" in text_of(stale, status=409)
    assert (await client.post(f"{one}/approve", data={"csrf": "wrong", "digest": PLAN.digest})).status_code == 403
    done = await client.post(f"{one}/approve", data={"csrf": csrf, "digest": PLAN.digest})
    assert done.headers["Location"] == f"{one}?said=approved"
    assert "Approved: this plan is carried out" in text_of(await client.get(done.headers["Location"]))
    twice = await client.post(f"{one}/approve", data={"csrf": csrf, "digest": PLAN.digest})
    assert "does not wait to be approved" in text_of(twice, status=409)


async def test_rejecting_needs_a_reason_and_can_be_taken_back(
    person: Person, exports: dict[ExportState, Export]
) -> None:
    client, csrf = person
    one = page_of(exports["approval"])
    assert "Say why" in text_of(await client.post(f"{one}/reject", data={"csrf": csrf, "why": " "}), status=422)
    await client.post(f"{one}/reject", data={"csrf": csrf, "why": "it is a customer's"})
    text = text_of(await client.get(one))
    assert "it is a customer's" in text
    assert "Decided by user olga" in text
    await client.post(f"{one}/retry", data={"csrf": csrf})
    assert "waiting to partners" in text_of(await client.get(one))
    running = await client.post(f"{page_of(exports['running'])}/retry", data={"csrf": csrf})
    assert "it has not ended" in text_of(running, status=409)
    for path in ("approve", "reject", "retry"):
        gone = await client.post(f"/sharing/exports/{uuid_of(9)}/{path}", data={"csrf": csrf, "why": "x"})
        assert "There is no export" in text_of(gone, status=404)


async def test_an_address_is_a_link_only_where_the_configuration_leads(
    person: Person, exports: dict[ExportState, Export]
) -> None:
    client, _ = person
    assert f'href="{DONE.address}"' in (await client.get(page_of(exports["done"]))).text
    for address in ("javascript:alert(1)", "https://misp.example.org.evil.example/", "//x", "https://[", ""):
        assert not is_same_origin(address, "https://misp.example.org")


async def test_what_would_leave_is_seen_and_then_asked_for(person: Person, hub: Hub) -> None:
    client, csrf = person
    select = f"vertex={id_of(ZEUS)}"
    page = await client.get(look_address(select, "partners"))
    text = text_of(page)
    for part in ("TLP:GREEN", "Facts that would leave", "Left out, and why", "only show what would be sent"):
        assert part in text, part
    downloads = [unescape(one) for one in re.findall(r'class="button" href="([^"]*)" download', page.text)]
    assert [parse_qs(urlsplit(one).query)["format"][0] for one in downloads] == ["misp", "stix", "csv", "ndjson"]
    for one in downloads:
        assert (await client.get(one)).status_code == 200, one
    asked = {"csrf": csrf, "select": select, "destination": "archive", "how": "dry"}
    made = await client.post("/sharing/new", data=asked)
    assert "dry run: nothing is sent" in text_of(await client.get(made.headers["Location"]))
    for wrong, named in (({"destination": ""}, "choose a destination"), ({"select": "x"}, "KEY=VALUE")):
        answer = await client.post("/sharing/new", data=asked | wrong)
        assert named in text_of(answer, status=422)


async def test_what_cannot_be_looked_at_says_why_and_is_text(person: Person) -> None:
    client, _ = person
    page = await client.get(look_address("<script>window.ran=1</script>"))
    assert "words are KEY=VALUE" in text_of(page, status=422)
    assert "<script>window" not in page.text
    assert "there is no 'nowhere'" in text_of(await client.get(look_address("type=x", "nowhere")), status=422)


async def test_a_share_is_asked_for_by_hand(person: Person, hub: Hub) -> None:
    client, csrf = person
    made = await client.post("/sharing/shares/all-of-it", data={"csrf": csrf})
    assert made.headers["Location"] == "/sharing?said=asked"
    await client.post("/sharing/shares/hosts", data={"csrf": csrf, "part": "192.0.2.7"})
    found = Exports(database=hub.database, clock=SystemClock(), sharing=SHARING)
    rows = (await found.page()).rows
    assert [(one.destination, one.share) for one in rows] == [
        ("partners", "hosts"),
        ("archive", "all-of-it"),
        ("partners", "all-of-it"),
    ]
    assert rows[0].key == "search:hosts/target:192.0.2.7"
    assert "there are: hosts" in text_of(await client.post("/sharing/shares/none", data={"csrf": csrf}), status=422)
    refused = await client.post("/sharing/shares/hosts", data={"csrf": csrf, "part": ""})
    assert "It was not done" in text_of(refused, status=422)


async def test_a_reader_sees_all_of_it_and_decides_nothing(hub: Hub, exports: dict[ExportState, Export]) -> None:
    async with await hub.client(Scope.READ) as client:
        client.headers["Accept"] = "text/html"
        for path in ("/sharing", page_of(exports["approval"]), look_address("type=scan")):
            page = await client.get(path)
            assert "<form" not in page.text.replace('<form class="filter" method="get"', ""), path
        assert (await client.post(f"{page_of(exports['approval'])}/approve", data={})).status_code == 403


async def test_everything_that_can_be_shared_leads_there(person: Person) -> None:
    client, _ = person
    vertex = id_of(ZEUS)
    for path, select in (
        (f"/items/{uuid_of(28)}", f"item={uuid_of(28)}"),
        (vertex_address(vertex), f"vertex={vertex}"),
        ("/items?type=scan", "type=scan"),
    ):
        page = await client.get(path)
        assert look_address(select) in unescape(page.text), path
        assert (await client.get(look_address(select))).status_code == 200
