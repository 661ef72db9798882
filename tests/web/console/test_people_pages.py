"""The pages of users and keys: an administrator makes, changes and ends them; secrets are shown once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape

import httpx
import pytest

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from registry.roles import UserRole
from registry.sessions import SessionRefusedError, Sessions
from registry.users import Users
from tests.web.api.v1.conftest import Hub
from tests.web.api.whole import BY, CHEAP, PASSWORD
from tests.web.console.test_pages import session_of, text_of
from vedette.clock import SystemClock

HOSTILE = 'k"><script>alert(1)</script>'


class Admin:
    """A browser of an administrator."""

    def __init__(self, client: httpx.AsyncClient, csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **more: str) -> httpx.Response:
        """Send a form of ours."""
        return await self.client.post(path, data={"csrf": self.csrf, **(fields or {}), **more})


@pytest.fixture
async def admin(hub: Hub) -> AsyncIterator[Admin]:
    session = await session_of(hub, UserRole.ADMIN)
    csrf = session.pop("csrf")
    async with await hub.client() as client:
        client.headers.update(session)
        del client.headers["X-API-Key"]
        yield Admin(client, csrf)


@pytest.fixture
def users(hub: Hub) -> Users:
    return Users(database=hub.database, clock=SystemClock())


async def actions(hub: Hub) -> list[str]:
    """What is in the audit log of what anna did."""
    audit = Audit(database=hub.database, clock=SystemClock())
    return [entry.action for entry in (await audit.page(wanted=AuditFilter(who="user anna"))).entries]


async def test_only_administrators_see_them(hub: Hub, reader: httpx.AsyncClient, admin: Admin) -> None:
    for path in ("/users", "/keys"):
        assert (await reader.get(path)).status_code == 403
        assert f'href="{path}"' not in (await reader.get("/items")).text
        page = await admin.client.get(path)
        assert page.status_code == 200
        assert "no-store" in page.headers["cache-control"]


async def test_an_account_is_made_with_a_link_that_is_shown_once(admin: Admin, users: Users, hub: Hub) -> None:
    made = await admin.post("/users", name="bob", role="operator")
    (link,) = set(re.findall(r'href="(/setup#[\w-]+)"', made.text))
    assert link not in (await admin.client.get("/users")).text
    found = await users.find("bob")
    assert found is not None
    assert found[0].role == "operator"
    async with hub_client(hub) as browser:
        form = {"link": link.partition("#")[2], "name": "bob", "password": PASSWORD, "repeated": PASSWORD}
        assert (await browser.post("/setup", data=form)).status_code == 303
        # Once.
        assert (await browser.post("/setup", data=form)).status_code == 403
    assert await actions(hub) == ["setup-link.make", "user.add", "login"]


def hub_client(hub: Hub) -> httpx.AsyncClient:
    """A browser in which nobody is logged in."""
    return httpx.AsyncClient(base_url=hub.server.url, trust_env=False, timeout=20)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": HOSTILE, "role": "viewer"}, "name"),
        ({"name": "anna", "role": "viewer"}, "taken"),
        ({"name": "bob", "role": "god"}, "role"),
        ({"name": "bob"}, "role"),
    ],
    ids=["no name", "hostile", "taken", "no such role", "no role"],
)
async def test_what_cannot_be_is_refused_in_words(
    admin: Admin, users: Users, fields: dict[str, str], said: str
) -> None:
    refused = await admin.post("/users", fields)
    assert refused.status_code == 422
    assert said in re.sub(r"<[^>]*>", " ", refused.text)
    assert "<script>alert" not in refused.text
    assert [user.name for user in await users.all()] == ["anna"]


async def test_role_and_access_are_changed_and_sessions_end(admin: Admin, users: Users, hub: Hub) -> None:
    bob = await users.add(name="bob", role=UserRole.VIEWER, password_hash=CHEAP.hash(PASSWORD), by=BY)
    sessions = Sessions(database=hub.database, clock=SystemClock())

    async def log_in() -> str:
        found = await users.find("bob")
        assert found is not None
        return await sessions.start(bob, verified=found[1], origin="127.0.0.1")

    for path, fields, said in (
        ("role", {"role": "operator"}, "role is changed"),
        ("end-sessions", {}, "session of the person has ended"),
    ):
        token = await log_in()
        done = await admin.post(f"/users/bob/{path}", fields)
        assert done.status_code == 303
        assert said in text_of(await admin.client.get(done.headers["location"]))
        with pytest.raises(SessionRefusedError):
            await sessions.check(token)
    assert (await admin.post("/users/bob/disable")).status_code == 303
    assert (await users.all())[1].disabled_at is not None
    # A link lets nobody in who is kept out.
    assert (await admin.post("/users/bob/setup-link")).status_code == 409
    assert (await admin.post("/users/bob/enable")).status_code == 303
    assert 'href="/setup#' in (await admin.post("/users/bob/setup-link")).text
    assert (await admin.post("/users/nobody/disable")).status_code == 409
    assert await actions(hub) == [
        "setup-link.make",
        "user.enable",
        "user.disable",
        "user.end-sessions",
        "user.role",
        "login",
    ]


async def test_the_last_administrator_stays(admin: Admin, users: Users) -> None:
    for path, fields in (("disable", {}), ("role", {"role": "viewer"})):
        refused = await admin.post(f"/users/anna/{path}", fields)
        assert refused.status_code == 409
        assert "only administrator" in refused.text
    found = await users.find("anna")
    assert found is not None
    assert (found[0].role, found[0].disabled_at) == ("admin", None)


async def test_a_key_is_made_shown_once_used_and_revoked(admin: Admin, hub: Hub) -> None:
    made = await admin.post("/keys", {"scope-read": "on", "scope-ingest": "on"}, name=HOSTILE, lifetime="30 days")
    assert "<script>alert" not in made.text
    (key,) = set(re.findall(r"vdt_[\w-]+", made.text))
    page = await admin.client.get("/keys")
    assert key not in page.text
    assert HOSTILE in unescape(page.text)
    async with hub_client(hub) as program:
        me = await program.get("/v1/me", headers={"X-API-Key": key})
        assert me.json()["scopes"] == ["ingest", "read"]
        known = next(one for one in await hub.keys.all() if one.name == HOSTILE)
        assert known.expires_at is not None
        done = await admin.post(f"/keys/{known.id}/revoke")
        assert (done.status_code, done.headers["location"]) == (303, "/keys?said=revoked")
    assert HOSTILE not in unescape((await admin.client.get("/keys")).text)
    assert HOSTILE in unescape((await admin.client.get("/keys?gone=true")).text)
    assert (await admin.post(f"/keys/{known.id}/revoke")).status_code == 404
    assert await actions(hub) == ["key.revoke", "key.issue", "login"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x", "lifetime": "30 days"},
        {"name": "", "scope-read": "on", "lifetime": "30 days"},
        {"name": "x", "scope-read": "on", "lifetime": "100 years"},
        {"name": "x\ny", "scope-read": "on", "lifetime": "never"},
        {"name": "x", "scope-everything": "on", "lifetime": "never"},
    ],
    ids=["no scope", "no name", "no such lifetime", "not to be read", "no such scope"],
)
async def test_a_key_that_cannot_be_is_refused(admin: Admin, hub: Hub, fields: dict[str, str]) -> None:
    before = len(await hub.keys.all())
    refused = await admin.post("/keys", fields)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert len(await hub.keys.all()) == before


async def test_forms_need_their_token_and_the_role(hub: Hub, admin: Admin, reader: httpx.AsyncClient) -> None:
    for path in ("/users", "/users/anna/disable", "/keys", "/keys/0123456789abcdef/revoke"):
        assert (await admin.client.post(path, data={"csrf": "wrong"})).status_code == 403
        assert (await reader.post(path, data={})).status_code == 403


async def test_each_person_leads_to_what_they_did(admin: Admin) -> None:
    (link,) = re.findall(r'href="(/audit\?who=user[^"]*)"', (await admin.client.get("/users")).text)
    assert "login" in text_of(await admin.client.get(unescape(link)))


async def test_an_administrators_key_logs_somebody_out_over_the_api(hub: Hub, users: Users, admin: Admin) -> None:
    async with await hub.client(Scope.ADMIN) as program:
        assert (await program.post("/v1/users/anna/end-sessions")).json()["name"] == "anna"
        assert (await program.post("/v1/users/nobody/end-sessions")).status_code == 404
    assert (await admin.client.get("/users")).status_code in (303, 401)


async def test_many_come_a_page_at_a_time_and_a_refused_form_keeps_its_list(
    admin: Admin, users: Users, hub: Hub
) -> None:
    for number in range(60):
        await users.add(name=f"one{number:02}", role=UserRole.VIEWER, password_hash="", by=BY)
        await hub.keys.issue(name=f"one{number:02}", scopes=[Scope.READ])
    refused = await admin.post("/users/anna/disable")
    for path, first_page in (("/users", refused), ("/keys", await admin.client.get("/keys"))):
        seen: list[str] = []
        page = first_page
        while True:
            seen += re.findall(r'scope="row"><bdi>(?:key )?(one\d\d)<', page.text)
            following = re.findall(r'rel="next" href="([^"]*)"', page.text)
            if not following:
                break
            assert following[0].startswith(f"{path}?cursor=")
            page = await admin.client.get(unescape(following[0]))
        assert sorted(seen) == [f"one{number:02}" for number in range(60)], path
        assert (await admin.client.get(f"{path}?cursor=x")).status_code == 422
    await hub.keys.revoke((await hub.keys.all())[-1].id)
    async with await hub.client(Scope.ADMIN) as program:
        rows = {
            query: len((await program.get(f"/v1/keys?limit=1000{query}")).json()["items"])
            for query in ("", "&good=true")
        }
    assert rows["&good=true"] == rows[""] - 1
