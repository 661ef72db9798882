"""The directory knows who may speak, believes signed cards only, and keeps real changes of presence."""

from __future__ import annotations

from typing import Any

import pytest

from registry.database import Database
from registry.directory import Directory, ReplayedCardError, StrangerError
from vedette.clock import ManualClock
from vedette.errors import RefusedError, SignatureError
from vedette.messages.batch import Signed
from vedette.messages.card import Card, Role
from vedette.signing import SigningKey

PROBE = "probe@localhost"


@pytest.fixture
def directory(database: Database, clock: ManualClock) -> Directory:
    return Directory(database=database, clock=clock)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


def card(key: SigningKey, *, signed_at: int = 100, **changes: Any) -> Signed:
    values = {"jid": PROBE, "role": Role.PROBE, "version": "0", "public_key": key.verifying.text, "started_at": 1}
    return Signed.seal(Card(**values | changes, signed_at=signed_at), key)


async def enrol(directory: Directory, key: SigningKey, jid: str = PROBE, role: Role = Role.PROBE) -> None:
    await directory.enrol(jid, role=role, public_key=key.verifying.text)


async def test_an_enrolled_agent_is_known_until_it_is_revoked(directory: Directory, key: SigningKey) -> None:
    assert await directory.find(PROBE) is None
    await enrol(directory, key)

    agent = await directory.require(PROBE)
    assert (agent.role, agent.public_key) == (Role.PROBE, key.verifying.text)
    await directory.revoke(PROBE)
    with pytest.raises(StrangerError, match="not enrolled"):
        await directory.require(PROBE)
    with pytest.raises(StrangerError):
        await directory.revoke(PROBE)
    assert await directory.agents() == []
    assert [entry.jid for entry in await directory.agents(revoked=True)] == [PROBE]


async def test_what_another_process_changes_is_noticed_within_a_second(
    directory: Directory, store_url: str, clock: ManualClock, key: SigningKey
) -> None:
    await enrol(directory, key)
    assert await directory.find(PROBE) is not None
    with Database(store_url) as other:
        await Directory(database=other, clock=clock).revoke(PROBE)

    assert await directory.find(PROBE) is not None
    clock.advance(1)
    assert await directory.find(PROBE) is None


@pytest.mark.parametrize("jid", ["", "probe", "@x", "probe@", "probe@x/resource", "a@b@c", "a b@x"])
async def test_only_bare_jids_are_enrolled(directory: Directory, key: SigningKey, jid: str) -> None:
    with pytest.raises(RefusedError, match="bare JID"):
        await enrol(directory, key, jid=jid)


async def test_only_accounts_for_unsigned_items_have_no_key(directory: Directory, key: SigningKey) -> None:
    with pytest.raises(RefusedError, match="public_key"):
        await directory.enrol(PROBE, role=Role.PROBE, public_key=None)
    with pytest.raises(RefusedError, match="public_key"):
        await directory.enrol(PROBE, role=Role.PROBE, public_key="not a key")

    await directory.enrol(PROBE, role=Role.PROBE, public_key=None, unsigned_allowed=True)
    assert (await directory.require(PROBE)).unsigned_allowed
    with pytest.raises(RefusedError, match="without a key"):
        await directory.register(PROBE, card(key))


async def test_a_card_is_stored_with_its_signature(directory: Directory, key: SigningKey, clock: ManualClock) -> None:
    await enrol(directory, key)
    signed = card(key, place="rack 3")

    assert (await directory.register(PROBE, signed)).place == "rack 3"

    (entry,) = await directory.agents()
    assert (entry.card, entry.registered_at, entry.show) == (signed.text, clock.now(), "unknown")


async def test_an_older_card_is_a_replay_and_the_same_one_changes_nothing(
    directory: Directory, key: SigningKey, clock: ManualClock
) -> None:
    await enrol(directory, key)
    newest = card(key, signed_at=200)
    await directory.register(PROBE, newest)
    registered = clock.now()
    clock.advance(5)

    with pytest.raises(ReplayedCardError, match="200") as replay:
        await directory.register(PROBE, card(key, signed_at=199))
    assert replay.value.newest == 200
    with pytest.raises(ReplayedCardError):
        await directory.register(PROBE, card(key, signed_at=200, place="elsewhere"))
    await directory.register(PROBE, newest)
    assert (await directory.agents())[0].registered_at == registered
    await directory.register(PROBE, card(key, signed_at=201))
    assert (await directory.agents())[0].registered_at == clock.now()


async def test_a_card_must_be_what_was_enrolled(directory: Directory, key: SigningKey) -> None:
    await enrol(directory, key)
    stranger = SigningKey.generate()

    with pytest.raises(SignatureError):
        await directory.register(PROBE, card(stranger))
    with pytest.raises(RefusedError, match="enrolled as probe"):
        await directory.register(PROBE, card(key, role=Role.AGGREGATION))
    with pytest.raises(RefusedError, match="the card is of"):
        await directory.register(PROBE, card(key, jid="other@localhost"))
    with pytest.raises(RefusedError, match="not the enrolled key"):
        await directory.register(PROBE, card(key, public_key=stranger.verifying.text))
    with pytest.raises(StrangerError):
        await directory.register("other@localhost", card(key))


async def test_enrolling_again_with_another_key_forgets_the_card(directory: Directory, key: SigningKey) -> None:
    await enrol(directory, key)
    await directory.register(PROBE, card(key, signed_at=2**52))
    new = SigningKey.generate()
    await enrol(directory, new)

    assert (await directory.agents())[0].card is None
    await directory.register(PROBE, card(new, signed_at=1))


async def test_only_real_changes_of_presence_are_kept(
    directory: Directory, key: SigningKey, clock: ManualClock
) -> None:
    await enrol(directory, key)
    began = clock.now()

    assert await directory.presence(PROBE, show="available", status="", cause="presence")
    clock.advance(1)
    assert not await directory.presence(PROBE, show="available", status="", cause="heartbeat")
    assert (await directory.agents())[0].since == began
    assert await directory.presence(PROBE, show="dnd", status="outbox full\0", cause="heartbeat")
    assert await directory.presence(PROBE, show="gone", status="no sign of life", cause="silence")

    history = await directory.history(PROBE)
    assert [(change.show, change.cause) for change in history] == [
        ("gone", "silence"),
        ("dnd", "heartbeat"),
        ("available", "presence"),
    ]
    assert history[1].status == "outbox full\ufffd"
    (entry,) = await directory.agents()
    assert (entry.show, entry.status, entry.since) == ("gone", "no sign of life", clock.now())
    with pytest.raises(StrangerError):
        await directory.presence("other@localhost", show="available", status="", cause="presence")


async def test_the_history_is_bounded(directory: Directory, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.directory_rows.HISTORY", 5)
    await enrol(directory, key)
    for place in range(12):
        await directory.presence(PROBE, show="available", status=f"{place}", cause="presence")

    assert [change.status for change in await directory.history(PROBE)] == ["11", "10", "9", "8", "7"]


async def test_live_agents_of_a_role(directory: Directory, key: SigningKey) -> None:
    shows = {"a": "dnd", "b": "available", "c": "gone", "d": "away", "e": "unknown"}
    for name, show in shows.items():
        await enrol(directory, key, jid=f"{name}@x", role=Role.AGGREGATION)
        await directory.presence(f"{name}@x", show=show, status="", cause="presence")  # type: ignore[arg-type]
    await enrol(directory, key, jid="new@x", role=Role.AGGREGATION)
    await enrol(directory, key, jid="probe@x")
    await directory.presence("probe@x", show="available", status="", cause="presence")

    assert [entry.jid for entry in await directory.live(Role.AGGREGATION)] == ["b@x", "d@x", "a@x"]
    await directory.revoke("b@x")
    assert [entry.jid for entry in await directory.live(Role.AGGREGATION)] == ["d@x", "a@x"]


async def test_a_restart_makes_every_presence_unknown(directory: Directory, key: SigningKey) -> None:
    await enrol(directory, key)
    await directory.presence(PROBE, show="available", status="", cause="presence")

    await directory.forget_presence(cause="restart")
    await directory.forget_presence(cause="restart")

    assert [change.show for change in await directory.history(PROBE)] == ["unknown", "available"]
    assert await directory.live(Role.PROBE) == []


async def test_the_last_sign_of_life_never_goes_back(directory: Directory, key: SigningKey) -> None:
    await enrol(directory, key)
    await directory.presence(PROBE, show="available", status="", cause="presence")

    await directory.seen({PROBE: 50, "nobody@x": 60})
    await directory.seen({PROBE: 40})

    assert (await directory.agents())[0].last_seen_at == 50
