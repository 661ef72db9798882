"""The client against the hub's whole API, on a real server."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path
from uuid import uuid4

import pytest

from registry.callers import Scope
from tests.vedette.client.conftest import Connect
from tests.web.api.v1.conftest import FORMULA, PROBE, Hub, uuid_of
from vedette.client import ApiError, BlockingClient, VedetteClient
from vedette.client import listing as listing_module
from vedette.errors import ConfigurationError


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_items_are_listed_filtered_and_read(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_module, "LARGEST", 7)
    async with connect() as client:
        everything = [item async for item in client.items.list()]
        assert [item.log_index for item in everything] == list(range(29, -1, -1))
        assert [item.uuid async for item in client.items.list(limit=9)] == [item.uuid for item in everything[:9]]
        assert [item.uuid async for item in client.items.list(target=FORMULA, verdict="deviates")] == [uuid_of(28)]
        assert [item async for item in client.items.list(limit=0)] == []
        detail, proof = await client.items.get(uuid_of(3)), await client.items.proof(uuid_of(3))
        assert detail.meta["agent"] == PROBE
        assert (proof.state, proof.statement, proof.tokens) == (detail.state, detail.statement, detail.tokens)
        for number, content in ((3, b"payload 3"), (29, b"a large payload")):
            assert await client.items.payload(uuid_of(number), tmp_path / str(number)) == len(content)
            assert (tmp_path / str(number)).read_bytes() == content
        assert await client.items.bundle(uuid_of(3), tmp_path / "proof.zip") > 1000
        assert (tmp_path / "proof.zip").read_bytes().startswith(b"PK")


async def test_a_payload_is_deleted_and_its_proof_stays(connect: Connect, tmp_path: Path) -> None:
    async with connect() as client:
        deletion = await client.items.delete(uuid_of(2), reason="asked for by Jane")
        assert (deletion.deleted_by, deletion.reason) == ("key test", "asked for by Jane")
        assert (await client.items.get(uuid_of(2))).deleted == deletion
        with pytest.raises(ApiError, match="410.*Jane"):
            await client.items.payload(uuid_of(2), tmp_path / "gone")
        assert (await client.items.proof(uuid_of(2))).tokens
        with pytest.raises(ApiError, match="409"):
            await client.items.delete(uuid_of(2), reason="again")
        with pytest.raises(ApiError, match="409"):
            await client.items.delete(uuid_of(27), reason="not proved yet")
        await client.items.delete(uuid_of(27), reason="even so", unproved=True)
        with pytest.raises(ApiError, match="404"):
            await client.items.delete(str(uuid4()), reason="nothing there")
        with pytest.raises(ApiError, match="422"):
            await client.items.delete(uuid_of(1), reason=" ")


async def test_what_is_wrong_says_what_and_what_to_do(connect: Connect, hub: Hub, tmp_path: Path) -> None:
    async with connect() as client:
        with pytest.raises(ApiError, match="404: there is no item") as refused:
            await client.items.get(str(uuid4()))
        assert refused.value.status == 404
        with pytest.raises(ApiError, match="409"):
            await client.items.bundle(uuid_of(27), tmp_path / "no.zip")
        with pytest.raises(ApiError, match="422.*cursor|422.*state"):
            _ = [item async for item in client.items.list(state="x")]
        with pytest.raises(ConfigurationError, match="names nothing"):
            await client.items.get("..")
        # A name that is meant to leave its place in the path stays there.
        with pytest.raises(ApiError, match="404"):
            await client.agents.get("../../v1/keys?x=#")
        (tmp_path / "here").mkdir()
        (tmp_path / "here" / "taken").write_bytes(b"mine")
        with pytest.raises(ConfigurationError, match="exists already"):
            await client.items.payload(uuid_of(3), tmp_path / "here" / "taken")
    assert (tmp_path / "here" / "taken").read_bytes() == b"mine"
    assert names_in(tmp_path / "here") == ["taken"]
    async with VedetteClient(url=hub.server.url, api_key="vdt_wrong") as stranger:
        with pytest.raises(ApiError, match="401.*check the API key"):
            await stranger.items.get(uuid_of(3))
    async with VedetteClient(url=hub.server.url, api_key=await hub.key(Scope.READ)) as reader:
        with pytest.raises(ApiError, match="403.*scopes"):
            _ = [key async for key in reader.keys.list()]


async def test_items_and_documents_are_handed_in(connect: Connect, tmp_path: Path) -> None:
    body = random.Random(1).randbytes(600_000)
    (tmp_path / "report.pdf").write_bytes(body)
    uuid = str(uuid4())
    item = {
        "version": "1",
        "format": "text",
        "meta": {"uuid": uuid, "ts": 1_795_305_600, "type": "scan"},
        "payload": {"raw": "aGk="},
    }
    async with connect() as client:
        assert [await client.items.post(item) for _ in range(2)] == [uuid, uuid]
        stored = await client.documents.put(tmp_path / "report.pdf", description={"title": "Müller & söhne?"})
        sha256 = hashlib.sha256(body).hexdigest()
        assert (stored.key, stored.size) == (sha256, len(body))
        assert (await client.documents.put(tmp_path / "report.pdf", name="report:1")).key == "report:1"
        known = await client.documents.metadata(sha256)
        assert (known.content_type, known.description) == ("application/pdf", {"title": "Müller & söhne?"})
        assert (await client.documents.metadata("report:1")).sha256 == sha256
        assert [one.size async for one in client.documents.list(by=known.created_by)] == [len(body)]
        assert len([one async for one in client.documents.list()]) == 2
        assert await client.documents.get("report:1", tmp_path / "back") == len(body)
        assert (tmp_path / "back").read_bytes() == body
        await client.documents.delete(sha256, reason="no longer needed & gone")
        with pytest.raises(ApiError, match="410.*no longer needed & gone"):
            await client.documents.get(sha256, tmp_path / "gone")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            await client.documents.put(tmp_path / "missing")


async def test_what_an_operator_watches(connect: Connect) -> None:
    async with connect() as client:
        (agent,) = [agent async for agent in client.agents.list(role="probe")]
        assert (agent.jid, agent.show) == (PROBE, "available")
        assert (await client.agents.get(PROBE)).public_key == agent.public_key
        changes = [change.show async for change in client.agents.presence(PROBE)]
        assert changes[:3] == ["available", "gone", "available"]
        (queue,) = [queue async for queue in client.queues.list()]
        assert (queue.name, queue.dead_letters) == ("rt", 1)
        (letter,) = [letter async for letter in client.dead_letters.list(place="queue:rt")]
        await client.dead_letters.replay(letter)
        assert await client.dead_letters.find(letter.uuid) == []
        with pytest.raises(ApiError, match="404"):
            await client.dead_letters.discard(letter, reason="late")
        assert [refusal.reason async for refusal in client.refusals.list(sender=PROBE)] == ["wrong"]
        (alarm,) = [alarm async for alarm in client.alarms.list(acknowledged=False)]
        await client.alarms.acknowledge(alarm.id)
        assert [alarm async for alarm in client.alarms.list(acknowledged=False)] == []
        assert {finding.subject async for finding in client.findings.list()} <= {
            check.subject async for check in client.checks.list()
        }
        done = [entry async for entry in client.audit.list(action="alarm.")]
        assert [entry.who for entry in done] == ["key test"]


async def test_keys_and_people_are_managed(connect: Connect, hub: Hub) -> None:
    async with connect() as client:
        issued = await client.keys.issue(name="feeds", scopes={"ingest", "read"}, seconds=3600)
        assert issued.scopes == "ingest read"
        assert issued.key not in f"{issued!r} {issued} {[issued]}"
        async with VedetteClient(url=hub.server.url, api_key=issued.key) as other:
            assert [item async for item in other.items.list(limit=1)]
        await client.keys.revoke(issued.id)
        with pytest.raises(ApiError, match="404"):
            await client.keys.revoke(issued.id)
        with pytest.raises(ApiError, match="422"):
            await client.keys.issue(name="x", scopes={"everything"}, seconds=None)
        assert {key.id: key.revoked_at is not None async for key in client.keys.list()}[issued.id]
        assert (await client.users.add("anna", role="operator")).role == "operator"
        with pytest.raises(ApiError, match="409"):
            await client.users.add("anna", role="admin")
        assert (await client.users.set_role("anna", "viewer")).role == "viewer"
        assert (await client.users.disable("anna")).disabled_at is not None
        with pytest.raises(ApiError, match="409.*enable anna"):
            await client.users.setup_link("anna")
        assert (await client.users.enable("anna")).disabled_at is None
        link = await client.users.setup_link("anna")
        assert link.startswith(f"{hub.server.url}/setup#")
        assert [person.name async for person in client.users.list()] == ["anna"]
        actions = [entry.action async for entry in client.audit.list(object="user anna")]
        assert actions == ["setup-link.make", "user.enable", "user.disable", "user.role", "user.add"]


async def test_a_script_without_async(hub: Hub) -> None:
    key = await hub.key(Scope.READ)

    def script() -> list[str]:
        with BlockingClient(url=hub.server.url, api_key=key) as client:
            forgotten = client.rows(lambda client: client.items.list())
            next(forgotten)
        client.close()
        del forgotten
        with BlockingClient(url=hub.server.url, api_key=key) as client:
            first = next(client.rows(lambda client: client.items.list()))
            assert client.run(lambda client: client.items.get(first.uuid)).uuid == first.uuid
            return [item.uuid for item in client.rows(lambda client: client.items.list(limit=3))]

    assert await asyncio.to_thread(script) == [uuid_of(29), uuid_of(28), uuid_of(27)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub",
        "ftp://hub",
        "http://192.0.2.1",
        "http://hub.example",
        "https://u:p@hub",
        "https://hub/x",
        "https://h:0",
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="url"):
        VedetteClient(url=url, api_key="vdt_x")


@pytest.mark.parametrize("key", ["", "secret key", "secret\r\nX: 1", "secré", "s" * 300])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        VedetteClient(url="https://hub", api_key=key)
    assert not key or key not in str(refused.value)
