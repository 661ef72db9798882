"""People and keys over HTTP: what `vedette users` does, with the same entries; no password passes through."""

from __future__ import annotations

import asyncio

from registry.audit import Audit, AuditFilter
from registry.callers import Scope
from registry.roles import UserRole
from tests.web.api.whole import BY, PASSWORD, Whole


async def set_up(whole: Whole, link: str, name: str, password: str = PASSWORD) -> tuple[int, str]:
    """Use a set-up link as a browser does; returns the status and where it leads."""
    form = {"link": link.partition("#")[2], "name": name, "password": password, "repeated": password}
    async with whole.client(headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        answer = await browser.post("/setup", data=form)
        return answer.status_code, answer.headers.get("location", answer.text)


async def test_a_person_is_made_chooses_a_password_and_is_kept_out(whole: Whole) -> None:
    async with whole.client(headers={"X-API-Key": await whole.key(Scope.ADMIN)}) as admin:
        made = await admin.post("/v1/users", json={"name": "anna", "role": "operator"})
        assert (made.status_code, made.json()["role"], made.headers["cache-control"]) == (201, "operator", "no-store")
        assert "password" not in made.text.replace("password_changed_at", "")
        async with whole.client() as browser:
            login = {"name": "anna", "password": PASSWORD}
            assert (await browser.post("/login", data=login)).status_code == 401
        link = (await admin.post("/v1/users/anna/setup-link")).json()["path"]
        # A link is its person's only, and a wrong name does not use it up.
        await whole.add("root", UserRole.ADMIN)
        assert (await set_up(whole, link, "root"))[0] == 422
        assert (await set_up(whole, link, "mallory"))[0] == 422
        assert (await set_up(whole, link, "anna")) == (303, "/")
        assert (await set_up(whole, link, "anna"))[0] == 403
        (anna,) = [one for one in (await admin.get("/v1/users")).json()["items"] if one["name"] == "anna"]
        assert (anna["role"], anna["disabled_at"]) == ("operator", None)
        async with whole.client(headers=await whole.session_of("anna")) as session:
            assert (await session.get("/v1/me")).status_code == 200
            assert (await session.get("/v1/users")).status_code == 403
            assert (await admin.post("/v1/users/anna/disable")).status_code == 200
            assert (await session.get("/v1/me")).status_code == 401
    page = await Audit(database=whole.database, clock=whole.clock).page(wanted=AuditFilter(object="user anna"))
    actions = [(entry.action, entry.who) for entry in page.entries]
    assert ("user.add", "key test") in actions
    assert ("setup-link.make", "key test") in actions
    assert ("user.setup", "set-up link") in actions
    assert actions[0] == ("user.disable", "key test")


async def test_an_old_link_ends_with_whatever_is_decided_since(whole: Whole) -> None:
    async with whole.client(headers={"X-API-Key": await whole.key(Scope.ADMIN)}) as admin:
        for name in ("anna", "berta"):
            await admin.post("/v1/users", json={"name": name})
        old, new, other = [
            (await admin.post(f"/v1/users/{name}/setup-link")).json()["path"] for name in ("anna", "anna", "berta")
        ]
        assert (await set_up(whole, old, "anna"))[0] == 403
        await admin.post("/v1/users/anna/disable")
        assert (await admin.post("/v1/users/anna/setup-link")).status_code == 409
        assert (await set_up(whole, new, "anna"))[0] == 403
        await admin.post("/v1/users/anna/enable")
        assert (await set_up(whole, new, "anna"))[0] == 403
        # A link that makes an administrator, and one person's, leave each other alone.
        token = await whole.links.make(by=BY)
        assert (await set_up(whole, other, "berta"))[0] == 303
        assert (await set_up(whole, f"#{token}", "root"))[0] == 303


async def test_a_link_is_used_once_however_many_try(whole: Whole) -> None:
    async with whole.client(headers={"X-API-Key": await whole.key(Scope.ADMIN)}) as admin:
        await admin.post("/v1/users", json={"name": "anna"})
        token = (await admin.post("/v1/users/anna/setup-link")).json()["path"].partition("#")[2]
    uses = [
        whole.links.use(token, name="anna", password_hash=f"hash{number}", origin="192.0.2.1") for number in range(8)
    ]
    results = await asyncio.gather(*uses, return_exceptions=True)
    assert results.count(None) == 1


async def test_what_cannot_be_is_refused(whole: Whole) -> None:
    await whole.add("root", UserRole.ADMIN)
    async with whole.client(headers={"X-API-Key": await whole.key(Scope.ADMIN)}) as admin:
        for path, body, status in (
            ("/v1/users", {"name": "root"}, 409),
            ("/v1/users", {"name": "Root"}, 422),
            ("/v1/users", {"name": "a\0b"}, 422),
            ("/v1/users", {"name": "x", "role": "god"}, 422),
            ("/v1/users", {"name": "x", "password": "correct horse battery"}, 422),
            ("/v1/users/root/role", {"role": "viewer"}, 409),
            ("/v1/users/root/disable", None, 409),
            ("/v1/users/nobody/enable", None, 404),
            ("/v1/users/nobody/setup-link", None, 404),
            ("/v1/keys", {"name": "x", "scopes": [], "seconds": None}, 422),
            ("/v1/keys", {"name": "x", "scopes": ["read"]}, 422),
            ("/v1/keys", {"name": "x\n", "scopes": ["read"], "seconds": 60}, 422),
            ("/v1/keys", {"name": "x", "scopes": ["read"], "seconds": 2**70}, 422),
        ):
            answer = await admin.post(path, json=body)
            assert answer.status_code == status, (path, body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        assert [one["name"] for one in (await admin.get("/v1/users")).json()["items"]] == ["root"]


async def test_a_session_needs_its_token_to_manage_people(whole: Whole) -> None:
    await whole.add("root", UserRole.ADMIN)
    headers = await whole.session_of("root")
    async with whole.client(headers={"Cookie": headers["Cookie"]}) as forged:
        assert (await forged.post("/v1/users", json={"name": "mallory"})).status_code == 403
    async with whole.client(headers=headers) as own:
        assert (await own.post("/v1/users", json={"name": "anna"})).status_code == 201
        key = (await own.post("/v1/keys", json={"name": "x", "scopes": ["read"], "seconds": 60})).json()
        assert (await own.delete(f"/v1/keys/{key['id']}")).json() == {"id": key["id"], "revoked": True}
        assert (await own.delete(f"/v1/keys/{key['id']}")).status_code == 404
        assert key["key"] not in (await own.get("/v1/keys")).text
    page = await Audit(database=whole.database, clock=whole.clock).page(wanted=AuditFilter(action="key."))
    # A test's own keys are made without anybody.
    assert [entry.action for entry in page.entries if entry.who == "user root"] == ["key.revoke", "key.issue"]
