"""Items: what is accepted, what is refused and how the refusal reads."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest

from vedette.errors import RefusedError, UnsupportedVersionError
from vedette.messages.item import ReceivedItem, item_digest
from vedette.messages.limits import MAX_PAYLOAD
from vedette.messages.scandale import standardized


def item(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "version": "1",
        "format": "test",
        "meta": {"uuid": str(uuid4()), "ts": 1_795_305_600, "type": "scan"},
        "payload": {"raw": base64.b64encode(b"seen").decode()},
    }
    for path, change in changes.items():
        *parents, last = path.split("__")
        place = value
        for parent in parents:
            place = place[parent]
        if change is None:
            del place[last]
        else:
            place[last] = change
    return value


def test_a_good_item_has_its_bytes_and_digests() -> None:
    data = item(meta__anything={"kept": [1, 2.5]})
    received = ReceivedItem(data)
    assert received.payload == b"seen"
    assert received.payload_sha256 == hashlib.sha256(b"seen").hexdigest()
    assert json.loads(received.meta_json) == data["meta"]
    assert received.digest == item_digest(received.meta_json, received.payload_sha256)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"version": None}, "version", "required"),
        ({"format": ""}, "format", "at least 1"),
        ({"meta__uuid": "no"}, "meta", "not a UUID"),
        ({"meta__uuid": "56163B3B-C563-4C03-B30A-3AE2549E98C3"}, "meta", "must be written as"),
        ({"meta__ts": "today"}, "meta.ts", "integer"),
        ({"meta__ts": 1.5}, "meta.ts", "integer"),
        ({"meta__ts": True}, "meta.ts", "integer"),
        ({"meta__type": None}, "meta.type", "required"),
        ({"meta__command": "ls -l"}, "meta.command", "list"),
        ({"payload": None}, "payload", "required"),
        ({"payload__raw": None}, "payload", "exactly one"),
        ({"payload__document": "0" * 64}, "payload", "exactly one"),
        ({"payload__raw": "a"}, "payload.raw", "wrong base64"),
        ({"payload__raw": "YQ==\n"}, "payload.raw", "wrong base64"),
        ({"payload__raw": base64.b64encode(bytes(MAX_PAYLOAD + 1)).decode()}, "payload.raw", "limited to"),
        ({"meta__sha256": "0" * 64}, "meta.sha256", "but the payload's is"),
        ({"meta__extra": "x" * 70_000}, "meta", "the limit is"),
    ],
)
def test_a_wrong_item_is_refused_with_field_and_reason(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(RefusedError) as caught:
        ReceivedItem(item(**changes))
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_an_unknown_major_version_is_not_understood() -> None:
    with pytest.raises(UnsupportedVersionError, match=r"'2\.0' is not supported"):
        ReceivedItem(item(version="2.0"))


def test_a_refusal_does_not_repeat_the_input() -> None:
    with pytest.raises(RefusedError) as caught:
        ReceivedItem(item(meta__ts="secret password"))
    assert "secret" not in str(caught.value)


def test_an_older_bare_message_with_row_is_understood() -> None:
    data = item()
    data["payload"] = {"row": data["payload"]["raw"]}
    received = ReceivedItem(standardized(data, agent="old@localhost"))
    assert received.payload == b"seen"
    assert received.item.meta.agent == "old@localhost"


@pytest.mark.parametrize("data", [None, [], "x", {}, {"meta": 1}, {"meta": {}, "payload": []}])
def test_a_bare_message_that_is_no_item_is_refused(data: Any) -> None:
    with pytest.raises(RefusedError):
        standardized(data, agent="old@localhost")
