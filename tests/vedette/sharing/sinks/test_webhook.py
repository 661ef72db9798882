"""The exporter `webhook`, against a real server that checks what it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.sharing_cases import CASES, empty, everything, hostile, large, scanned
from tests.sharing_memory import KeptMemory, connect
from tests.sharing_parts import fact
from tests.vedette.fetching.origin import Answer, Origin, redirect, reply
from vedette.clock import ManualClock
from vedette.errors import ConfigurationError, ConnectionFailedError, StoreError
from vedette.sharing.exporter import ComeAgainError, Destination, ExportError
from vedette.sharing.sinks.webhook import Webhook, signature

KEY = "correct-horse-battery-staple"


@dataclass
class Hook:
    """A server, and the destination that it is."""

    origin: Origin
    folder: Path
    memory: KeptMemory = field(default_factory=KeptMemory)
    clock: ManualClock = field(default_factory=ManualClock)
    made: list[Destination] = field(default_factory=list)

    def destination(self, path: str = "/hook", *, key: str = KEY, **settings: Any) -> Destination:
        (self.folder / "hook.key").write_text(f"{key}\n")
        settings = {"url": self.origin.url(path), "key_file": "hook.key"} | settings
        self.made.append(connect(Webhook(), self.folder, memory=self.memory, clock=self.clock, **settings))
        return self.made[-1]

    def answers(self, answer: Answer) -> None:
        self.origin.answers["/hook"] = answer


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    made = Hook(Origin({"/hook": reply()}), tmp_path)
    await made.origin.start()
    yield made
    for one in made.made:
        await one.aclose()
    await made.origin.stop()


async def test_an_investigation_is_posted_signed_and_only_once(hook: Hook) -> None:
    destination, investigation = hook.destination(), everything()
    plan = await destination.plan(investigation)
    assert hook.origin.requests == []
    assert [change.action for change in plan.changes] == ["add"]
    done = await destination.send(investigation, only=plan.digest)
    assert (done.sent, done.requests) == (1, 1)
    (asked,) = hook.origin.requests
    document = json.loads(asked.body)
    assert document["investigation"]["key"] == investigation.key
    assert document["investigation"]["tlp"] == investigation.tlp.value
    assert [len(document[kind]) for kind in ("facts", "edges", "scans", "proofs")] == [
        len(investigation.facts),
        len(investigation.edges),
        len(investigation.scans),
        len(investigation.proofs),
    ]
    assert base64.b64decode(document["scans"][0]["raw"]) == investigation.scans[0].raw
    assert document["proofs"][0]["statement"].encode() == investigation.proofs[0].statement
    # What was withheld is told to nobody.
    assert investigation.withheld[0].what not in asked.body.decode()
    assert list(done.withheld) == list(investigation.withheld)
    again = await destination.send(investigation)
    assert (again.sent, again.unchanged, again.requests) == (0, 1, 0)
    assert (await destination.plan(investigation)).total == 0
    assert len(hook.origin.requests) == 1


async def test_the_receiver_can_check_the_signature(hook: Hook) -> None:
    await hook.destination().send(scanned())
    (asked,) = hook.origin.requests
    fields = asked.fields
    assert fields["webhook-id"] == fields["idempotency-key"] == hashlib.sha256(asked.body).hexdigest()
    assert int(fields["webhook-timestamp"]) == hook.clock.now() // 1_000_000
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + asked.body
    expected = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert fields["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example that the specification's libraries are tested with."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp="1614265330", body=b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_binary_key_signs_too(hook: Hook) -> None:
    raw = bytes(range(32))
    await hook.destination(key=f"whsec_{base64.b64encode(raw).decode()}").send(scanned())
    (asked,) = hook.origin.requests
    fields = asked.fields
    made = signature(raw, id=fields["webhook-id"], timestamp=fields["webhook-timestamp"], body=asked.body)
    assert fields["webhook-signature"] == made


async def test_what_changed_is_posted_again(hook: Hook) -> None:
    destination, investigation = hook.destination(), scanned()
    await destination.send(investigation)
    fewer = replace(investigation, facts=investigation.facts[1:])
    plan = await destination.plan(fewer)
    (change,) = plan.changes
    assert str(change).startswith(
        "~ investigation target:192.0.2.7: 11 facts, 10 edges, 1 scans, 1 proofs -> "
        "10 facts, 10 edges, 1 scans, 1 proofs, "
    )
    assert (await destination.send(fewer, only=plan.digest)).sent == 1
    first, second = hook.origin.requests
    assert first.fields["webhook-id"] != second.fields["webhook-id"]


async def test_nothing_is_told_only_to_who_knew_something(hook: Hook) -> None:
    destination = hook.destination()
    assert (await destination.plan(empty())).total == 0
    assert (await destination.send(empty())).sent == 0
    await destination.send(scanned())
    gone = replace(scanned(), facts=(), edges=(), scans=(), proofs=())
    assert (await destination.send(gone)).sent == 1
    assert json.loads(hook.origin.requests[-1].body)["facts"] == []


async def test_killed_between_sending_and_remembering_it_has_the_same_id(hook: Hook) -> None:
    destination, investigation = hook.destination(), scanned()
    hook.memory.fails = StoreError("killed")
    with pytest.raises(StoreError):
        await destination.send(investigation)
    hook.memory.fails = None
    hook.clock.advance(600)
    assert (await hook.destination().send(investigation)).sent == 1
    first, second = hook.origin.requests
    assert first.fields["webhook-id"] == second.fields["webhook-id"]
    assert first.body == second.body
    assert (await hook.destination().send(investigation)).sent == 0


async def test_a_connection_that_breaks_before_the_answer_is_tried_again(hook: Hook) -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        raise ConnectionResetError

    hook.answers(broken)
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        await hook.destination().send(scanned())
    # Once: whoever wants it sent again says so, under the same id.
    assert len(hook.origin.requests) == 1
    hook.answers(reply(status="204 No Content"))
    assert (await hook.destination().send(scanned())).sent == 1


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (reply(status="429 Too Many Requests", Retry_After="17"), ComeAgainError, "429"),
        (reply(status="503 Service Unavailable", Retry_After="17"), ComeAgainError, "503"),
        (reply(status="500 Internal Server Error"), ConnectionFailedError, "500"),
        (reply(status="401 Unauthorized"), ConnectionFailedError, "check what key_file holds"),
        (
            reply(b"no \x1b[31mthanks" + b"x" * 9_999, status="422 Unprocessable"),
            ExportError,
            r"422: no .\[31mthanksx",
        ),
        (redirect("http://127.0.0.1:1/", "307 Temporary Redirect"), ExportError, "redirects elsewhere"),
    ],
)
async def test_a_refusal_says_what_it_means(hook: Hook, answer: Answer, error: type[Exception], reason: str) -> None:
    hook.answers(answer)
    with pytest.raises(error, match=reason) as raised:
        await hook.destination().send(scanned())
    assert len(str(raised.value)) < 500
    assert "\x1b" not in str(raised.value)
    if isinstance(raised.value, ComeAgainError):
        assert raised.value.seconds == 17
    # It was not taken, so it is sent again.
    hook.answers(reply())
    assert (await hook.destination().send(scanned())).sent == 1


async def test_one_bad_value_among_a_thousand_is_reported_and_the_rest_arrives(hook: Hook) -> None:
    investigation = large(1_000, edges=False)
    facts = list(investigation.facts)
    facts[500] = replace(fact("Malware", "half"), vertex=replace(facts[500].vertex, name="half \ud800"))
    done = await hook.destination().send(replace(investigation, facts=facts))
    (withheld,) = done.withheld
    assert withheld.vertex == facts[500].vertex.id
    assert "cannot be written as JSON" in withheld.reason
    assert len(json.loads(hook.origin.requests[0].body)["facts"]) == 999


async def test_too_much_is_refused_before_it_is_sent(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.sharing.sinks.webhook.MAX_BODY", 1_000)
    for call in (hook.destination().plan, hook.destination().send):
        with pytest.raises(ExportError, match="are more than 1000 bytes; select less"):
            await call(scanned())
    assert hook.origin.requests == []


async def test_another_plan_than_the_approved_one_is_not_carried_out(hook: Hook) -> None:
    destination = hook.destination()
    plan = await destination.plan(scanned())
    with pytest.raises(ExportError, match="has changed since it was approved"):
        await destination.send(everything(), only=plan.digest)
    assert hook.origin.requests == []


async def test_checking_tells_it_nothing(hook: Hook) -> None:
    assert "HTTP status 200" in await hook.destination().check()
    hook.answers(reply(status="405 Method Not Allowed"))
    assert "HTTP status 405" in await hook.destination().check()
    hook.answers(reply(status="401 Unauthorized"))
    with pytest.raises(ConnectionFailedError):
        await hook.destination().check()
    assert {asked.method for asked in hook.origin.requests} == {"HEAD"}


async def test_the_key_and_the_query_are_in_no_log_and_no_error(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hook.origin.answers["/hook?token=abcdefgh"] = reply(b"no", status="400 Bad Request")
    destination = hook.destination("/hook?token=abcdefgh")
    plan = await destination.plan(scanned())
    with pytest.raises(ExportError) as raised:
        await destination.send(scanned())
    said = f"{caplog.text} {raised.value!r} {raised.value.__cause__!r} {plan!r} {destination!r} {hook.memory.values}"
    assert KEY not in said
    assert "abcdefgh" not in said


@pytest.mark.parametrize("name", sorted(CASES))
async def test_the_same_investigation_is_the_same_bytes(hook: Hook, name: str) -> None:
    for _ in range(2):
        hook.memory.values.clear()
        await hook.destination().send(CASES[name]())
    bodies = {asked.body for asked in hook.origin.requests}
    assert len(bodies) == (0 if name == "empty" else 1)


async def test_hostile_names_arrive_as_they_are(hook: Hook) -> None:
    await hook.destination().send(hostile())
    document = json.loads(hook.origin.requests[0].body)
    assert [one["properties"]["name"] for one in document["facts"]] == [one.vertex.name for one in hostile().facts]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"url": "http://hook.example/"}, "url"),
        ({"url": "ftp://hook.example/"}, "url"),
        ({"url": "https://me:secret@hook.example/"}, "url"),
        ({"key_file": "missing.key"}, "key_file"),
        ({"key_file": "short.key"}, "key_file"),
        ({"key_file": "binary.key"}, "key_file"),
        ({"key_file": "wrong.key"}, "key_file"),
        ({"key_file": "large.key"}, "key_file"),
        ({"time_limit": 0}, "time_limit"),
        ({"verify": False}, "verify"),
        ({"url": "https://hook.example/", "ca": "missing.pem"}, ""),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, settings: dict[str, Any], key: str) -> None:
    (tmp_path / "hook.key").write_text(KEY)
    (tmp_path / "short.key").write_text("too-secret")
    (tmp_path / "binary.key").write_bytes(b"\xff\x00secret" * 4)
    (tmp_path / "wrong.key").write_text("whsec_not-base64-secret!")
    (tmp_path / "large.key").write_text("secret" * 1_000)
    with pytest.raises(ConfigurationError) as raised:
        connect(Webhook(), tmp_path, **{"url": "https://hook.example/", "key_file": "hook.key"} | settings)
    assert raised.value.key == key
    assert "secret" not in str(raised.value)


def test_plain_http_is_possible_where_it_is_meant(tmp_path: Path) -> None:
    (tmp_path / "hook.key").write_text(KEY)
    connect(Webhook(), tmp_path, url="http://hook.example/", key_file="hook.key", plain=True)
