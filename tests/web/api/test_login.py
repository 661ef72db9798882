"""Logging in with a browser: set-up, sessions, passwords, and what a guesser meets."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.audit import Audit
from registry.callers import Scope
from registry.roles import UserRole
from tests.web.api.whole import BY, CHEAP, PASSWORD, Whole
from vedette.access.password_hash import Passwords
from vedette.access.throttle import FREE
from vedette.clock import ManualClock
from web.api.logins import LISTED_FAILURES

NEW = "another horse battery"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


async def log_in(
    client: httpx.AsyncClient, *, name: str = "anna", password: str = PASSWORD, **more: Any
) -> httpx.Response:
    headers = more.pop("headers", {})
    return await client.post("/login", data={"name": name, "password": password, **more}, headers=headers)


@pytest.fixture
async def proxied(migrated: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    """An application behind a proxy, whose clock stands still: clients come from many addresses."""
    shutil.copyfile(migrated, tmp_path / "proxied.db")
    store, clock = tmp_path / "proxied.db", ManualClock()
    async with Whole(store=store, folder=tmp_path, clock=clock, trusted_proxies=["127.0.0.1"]) as served:
        yield served


def come_from(address: str) -> dict[str, str]:
    """Return the headers that the proxy adds."""
    return {"X-Forwarded-For": address}


async def actions(whole: Whole) -> list[str]:
    entries = (await Audit(database=whole.database, clock=whole.clock).page()).entries
    return [entry.action for entry in entries]


async def test_the_first_administrator_comes_in_by_the_link(whole: Whole) -> None:
    token = await whole.links.make(by=BY, only_first=True)
    async with whole.client(headers=SAME_ORIGIN) as client:
        page = await client.get("/setup")
        assert page.status_code == 200
        assert "form-action 'self'" in page.headers["content-security-policy"]
        form = {"link": token, "name": "Anna", "password": PASSWORD, "repeated": PASSWORD}
        done = await client.post("/setup", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/")
        account = await client.get("/account")
        assert "anna" in account.text
        me = (await client.get("/v1/me")).json()
        assert (me["holder"], set(me["scopes"])) == ("user anna", set(Scope))
    async with whole.client() as stranger:
        again = await stranger.post("/setup", data=form)
        assert again.status_code == 403
        assert "vedette users setup-link" in again.text
    assert [user.name for user in await whole.users.all()] == ["anna"]


async def test_what_is_wrong_at_the_set_up_is_said_and_the_link_stays_good(whole: Whole) -> None:
    token = await whole.links.make(by=BY)
    form = {"link": token, "name": "anna", "password": PASSWORD, "repeated": PASSWORD}
    wrong: list[tuple[dict[str, str], int, str]] = [
        ({"repeated": "something else"}, 422, "differ"),
        ({"password": "short", "repeated": "short"}, 422, "12"),
        ({"name": "not a name"}, 422, "name"),
        ({"link": "x"}, 403, "not good"),
        ({"link": ""}, 403, "not good"),
    ]
    async with whole.client() as client:
        for change, status, word in wrong:
            refused = await client.post("/setup", data=form | change)
            assert (refused.status_code, word in refused.text) == (status, True), change
            assert PASSWORD not in refused.text
            assert "set-cookie" not in refused.headers
        assert (await client.post("/setup", data=form)).status_code == 303


async def test_strangers_at_the_set_up_cost_no_hash(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_self: Passwords, _password: str) -> str:
        raise AssertionError("a hash was computed for a stranger")

    monkeypatch.setattr(Passwords, "hash", never)
    async with whole.client() as client:
        form = {"link": "x" * 43, "name": "anna", "password": PASSWORD, "repeated": PASSWORD}
        assert (await client.post("/setup", data=form)).status_code == 403


async def test_a_login_leads_where_one_wanted_to_go_and_nowhere_else(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client(headers=SAME_ORIGIN) as client:
        sent = await client.get("/v1/items?type=scan&limit=2")
        assert sent.status_code == 303
        page = await client.get(sent.headers["location"])
        wanted = re.search(r'name="next" value="([^"]*)"', page.text)
        assert wanted is not None
        assert wanted[1].replace("&amp;", "&") == "/v1/items?type=scan&limit=2"
        done = await log_in(client, next="/v1/items?type=scan&limit=2")
        assert (done.status_code, done.headers["location"]) == (303, "/v1/items?type=scan&limit=2")
        assert (await client.get(done.headers["location"])).status_code == 200
        for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""):
            assert (await log_in(client, next=evil)).headers["location"] == "/"
            assert "evil" not in (await client.get("/login", params={"next": evil})).text


async def test_the_cookie_is_only_for_us_and_no_script(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client() as client:
        cookies = (await log_in(client)).headers.get_list("set-cookie")
    session, device = cookies
    assert re.fullmatch(r"vedette_session=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", session)
    assert re.fullmatch(r"vedette_device=[\w-]{43}; HttpOnly; Max-Age=\d+; Path=/; SameSite=strict", device)


async def test_the_session_is_a_new_one_after_each_login_and_none_after_the_logout(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client() as client:
        planted = {"Cookie": "vedette_session=" + "A" * 43}
        done = await log_in(client, headers=planted)
        first = client.cookies["vedette_session"]
        assert first != "A" * 43
        assert done.status_code == 303
        await log_in(client)
        assert client.cookies["vedette_session"] != first
        async with whole.client(cookies={"vedette_session": first}) as old:
            assert (await old.get("/v1/me")).status_code == 401
        kept = client.cookies["vedette_session"]
        csrf = (await client.get("/v1/me")).json()["csrf"]
        assert (await client.post("/logout", data={"csrf": "x"})).status_code == 403
        out = await client.post("/logout", data={"csrf": csrf})
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        assert "vedette_session" not in client.cookies
        async with whole.client(cookies={"vedette_session": kept}) as old:
            assert (await old.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("way", ["form", "json"])
async def test_a_new_password_ends_every_other_session(whole: Whole, way: str) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client() as here, whole.client() as there:
        await log_in(here)
        await log_in(there)
        csrf = (await here.get("/v1/me")).json()["csrf"]
        if way == "form":
            form = {"current": PASSWORD, "password": NEW, "repeated": NEW, "csrf": csrf}
            done = await here.post("/account/password", data=form)
            assert (done.status_code, done.headers["location"]) == (303, "/account?changed=true")
            assert "Every other session has ended" in (await here.get(done.headers["location"])).text
        else:
            body = {"current": PASSWORD, "new": NEW}
            done = await here.post("/v1/password", json=body, headers={"X-CSRF-Token": csrf})
            assert done.status_code == 204
        assert (await here.get("/v1/me")).status_code == 200
        assert (await there.get("/v1/me")).status_code == 401
        assert (await log_in(there)).status_code == 401
        assert (await log_in(there, password=NEW)).status_code == 303
    assert "user.password" in await actions(whole)


async def test_a_password_is_changed_by_who_knows_it_to_a_good_one(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client() as client:
        await log_in(client)
        csrf = (await client.get("/v1/me")).json()["csrf"]
        for current, new, status in ((NEW, NEW, 403), (PASSWORD, "short", 422), (PASSWORD, "anna" * 3, 422)):
            answer = await client.post(
                "/v1/password", json={"current": current, "new": new}, headers={"X-CSRF-Token": csrf}
            )
            assert answer.status_code == status
            form = {"current": current, "password": new, "repeated": new, "csrf": csrf}
            page = await client.post("/account/password", data=form)
            assert (page.status_code, 'role="alert"' in page.text) == (status, True)
        form = {"current": PASSWORD, "password": NEW, "repeated": NEW + "!", "csrf": csrf}
        assert (await client.post("/account/password", data=form)).status_code == 422
        assert (await log_in(client)).status_code == 303


async def test_a_wrong_login_says_the_same_to_everybody(proxied: Whole) -> None:
    await proxied.add("boss", UserRole.ADMIN)
    await proxied.add("anna", UserRole.VIEWER)
    await proxied.add("disabled", UserRole.VIEWER)
    await proxied.users.disable("disabled", by=BY)
    async with proxied.client() as client:
        for number, name in enumerate(("anna", "nobody", "disabled", "", "x" * 5000, "\0", "anna' --")):
            for password in ("wrong", "", "x" * 2000, PASSWORD if name != "anna" else "other"):
                headers = come_from(f"192.0.2.{number}")
                answer = await log_in(client, name=name, password=password, headers=headers)
                assert answer.status_code == 401
                assert "the name or the password is wrong" in answer.text
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert "set-cookie" not in answer.headers


async def test_a_key_has_no_password(whole: Whole) -> None:
    await whole.add("anna", UserRole.ADMIN)
    headers = {"X-API-Key": await whole.key(*Scope, name="anna")}
    async with whole.client(headers=headers) as client:
        answer = await client.post("/v1/password", json={"current": PASSWORD, "new": NEW})
        assert (answer.status_code, "only people" in answer.text) == (403, True)
        form = {"current": PASSWORD, "password": NEW, "repeated": NEW}
        assert (await client.post("/account/password", data=form)).status_code == 403
        assert (await client.get("/account")).status_code == 200
        client.headers.clear()
        assert (await log_in(client)).status_code == 303


async def test_a_guesser_waits_and_its_victim_at_home_does_not(proxied: Whole) -> None:
    await proxied.add("anna", UserRole.VIEWER)
    async with proxied.client() as home, proxied.client() as elsewhere:
        assert (await log_in(home, headers=come_from("192.0.2.1"))).status_code == 303
        for number in range(100):
            await log_in(elsewhere, password=f"guess {number}", headers=come_from(f"198.51.100.{number}"))
        blocked = await log_in(elsewhere, headers=come_from("203.0.113.9"))
        assert blocked.status_code == 429
        assert 1 <= int(blocked.headers["retry-after"]) <= 60
        assert f"wait {blocked.headers['retry-after']} s" in blocked.text
        assert (await log_in(home, headers=come_from("192.0.2.1"))).status_code == 303
        assert isinstance(proxied.clock, ManualClock)
        proxied.clock.advance(int(blocked.headers["retry-after"]))
        assert (await log_in(elsewhere, headers=come_from("203.0.113.9"))).status_code == 303


async def test_an_address_that_guesses_at_many_names_waits(whole: Whole) -> None:
    async with whole.client() as client:
        answers = [(await log_in(client, name=f"user{number}")).status_code for number in range(FREE + 5)]
    assert answers == [401] * FREE + [429] * 5


async def test_who_claims_an_address_without_a_trusted_proxy_is_not_believed(whole: Whole) -> None:
    async with whole.client() as client:
        for number in range(FREE + 1):
            answer = await log_in(client, name=f"user{number}", headers={"X-Forwarded-For": f"192.0.2.{number}"})
    assert answer.status_code == 429


async def test_guesses_at_the_same_moment_gain_nothing(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    async with whole.client() as client:
        answers = await asyncio.gather(*(log_in(client, password=f"guess {number}") for number in range(30)))
    assert sum(answer.status_code == 401 for answer in answers) <= FREE


async def test_failures_are_in_the_audit_log_but_do_not_fill_it(proxied: Whole) -> None:
    await proxied.add("anna", UserRole.VIEWER)
    async with proxied.client() as client:
        for number in range(LISTED_FAILURES + 20):
            await log_in(client, name=f"my secret {number}", headers=come_from(f"192.0.2.{number}"))
        assert isinstance(proxied.clock, ManualClock)
        proxied.clock.advance(61)
        await log_in(client, password="my secret", headers=come_from("192.0.2.200"))
    entries = (await Audit(database=proxied.database, clock=proxied.clock).page()).entries
    failed = [entry for entry in entries if entry.action == "login.failed"]
    assert len(failed) == LISTED_FAILURES + 1
    assert (failed[0].object, failed[0].origin) == ("user anna", "192.0.2.200")
    assert "20 further" in failed[0].detail
    assert failed[1].object == "an unknown name"
    assert "secret" not in repr(entries)


async def test_a_login_raises_a_hash_of_older_parameters(whole: Whole) -> None:
    older = Passwords(passes=1, memory_kib=512, lanes=1)
    await whole.users.add(name="anna", role=UserRole.VIEWER, password_hash=older.hash(PASSWORD), by=BY)
    async with whole.client() as client:
        assert (await log_in(client)).status_code == 303
        assert (await log_in(client)).status_code == 303
        assert (await client.get("/v1/me")).status_code == 200
    found = await whole.users.find("anna")
    assert found is not None
    assert not CHEAP.is_outdated(found[1])


@pytest.mark.parametrize("change", ["disable", "role", "password"])
async def test_a_change_on_the_command_line_ends_the_session_at_once(whole: Whole, change: str) -> None:
    await whole.add("anna", UserRole.OPERATOR)
    async with whole.client() as client:
        await log_in(client)
        assert (await client.get("/v1/me")).status_code == 200
        if change == "disable":
            await whole.users.disable("anna", by=BY)
        elif change == "role":
            await whole.users.set_role("anna", UserRole.VIEWER, by=BY)
        else:
            await whole.users.set_password("anna", CHEAP.hash(NEW), by=BY)
        assert (await client.get("/v1/me")).status_code == 401


async def test_a_form_of_another_site_is_refused(whole: Whole) -> None:
    await whole.add("anna", UserRole.VIEWER)
    foreign = ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "https://x.example"})
    async with whole.client() as client:
        for path in ("/login", "/setup"):
            for headers in foreign:
                answer = await client.post(path, data={"name": "anna", "password": PASSWORD}, headers=headers)
                assert answer.status_code == 403
                assert "set-cookie" not in answer.headers


async def test_a_broken_form_is_refused(whole: Whole) -> None:
    form = "application/x-www-form-urlencoded"
    broken = [
        (b"{}", "application/json", 415),
        (b"name=anna", "multipart/form-data", 415),
        (b"x" * 9000, form, 413),
        (b"&".join(b"a%d=1" % number for number in range(50)), form, 422),
        (b"name=a&name=b", form, 422),
        (b"name=%FF%FE", form, 422),
        (b"name=\xff", form, 422),
        (b"", form, 401),
    ]
    async with whole.client() as client:
        for content, kind, status in broken:
            answer = await client.post("/login", content=content, headers={"Content-Type": kind})
            assert answer.status_code == status, (content, kind)


async def test_a_hostile_name_is_shown_as_text(whole: Whole) -> None:
    async with whole.client() as client:
        answer = await log_in(client, name='"><script>alert(1)</script>\u202egpj')
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
