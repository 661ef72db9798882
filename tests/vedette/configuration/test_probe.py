"""SCANDALE's probe file and our additions: each key is checked, with a reason that helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vedette.configuration.loading import parse
from vedette.configuration.probe import ProbeConfiguration, load_probe
from vedette.errors import ConfigurationError
from vedette.messages.card import Role

SCANDALE: dict[str, Any] = {
    "uuid": "56163b3b-c563-4c03-b30a-3ae2549e98c3",
    "version": "1.0",
    "type": "scan",
    "period": 3600,
    "target": "",
    "command": "nmap -p 443 127.0.0.1",
    "format": "nmap",
    "args": [],
    "jid": "probe1@localhost",
    "passwd": "securePasswordforProbe1",
    "up_agent": "correlation-engine@localhost",
}


def made(**changes: Any) -> ProbeConfiguration:
    values = {key: value for key, value in (SCANDALE | changes).items() if value is not ...}
    return parse(json.dumps(values), "probe.json", ProbeConfiguration)


def reason(**changes: Any) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        made(**changes)
    assert "securePassword" not in str(caught.value)
    return caught.value.key, caught.value.reason


def test_a_scandale_file_works_as_it_is() -> None:
    configuration = made()
    assert configuration.argv == ("nmap", "-p", "443", "127.0.0.1")
    assert configuration.period == 3600
    assert configuration.up_role is None
    assert configuration.passwd is not None
    assert configuration.passwd.get_secret_value() == "securePasswordforProbe1"
    assert "securePassword" not in repr(configuration)
    assert configuration.expectation is None


def test_empty_and_absent_keys_are_the_same() -> None:
    bare = made(uuid=..., args=..., period=..., target=..., format=..., type=..., version=..., up_agent=...)
    empty = made(uuid="", args=[], period=0, target="", format="", type=..., version=..., up_agent=...)
    assert bare == empty
    assert bare.uuid is None
    assert bare.period is None
    assert bare.up_role is Role.AGGREGATION
    assert made(period=None, target=None, result_parser="", expected_value="", ca="", server="") == made(period=0)


@pytest.mark.parametrize(
    ("command", "args", "target", "argv"),
    [
        ("echo 'a b' \"c\"", [], "", ("echo", "a b", "c")),
        (["echo", "a b", 5], ["x"], "", ("echo", "a b", "5", "x")),
        ("nmap -oX -", ["{target}"], "a b; rm -rf /", ("nmap", "-oX", "-", "a b; rm -rf /")),
        ("curl https://{target}/x", "-m 5", "h", ("curl", "https://h/x", "-m", "5")),
        ("echo {target} $HOME `id` {other}", [], "{target}", ("echo", "{target}", "$HOME", "`id`", "{other}")),
        (["sh", "-c", "a | b"], [], "", ("sh", "-c", "a | b")),
    ],
)
def test_the_target_is_one_argument_and_never_split(
    command: Any, args: Any, target: str, argv: tuple[str, ...]
) -> None:
    assert made(command=command, args=args, target=target).argv == argv


@pytest.mark.parametrize(
    ("changes", "key", "part"),
    [
        ({"uuid": "x"}, "uuid", "is not a UUID"),
        ({"version": "2.0"}, "version", "this release reads version 1.x"),
        ({"type": "a b"}, "type", "one word"),
        ({"format": "a\nb"}, "format", "one word"),
        ({"period": -1}, "period", "greater than or equal to 0"),
        ({"period": 0.01}, "period", "at least 0.1 seconds"),
        ({"period": "3600"}, "period", "must be a valid number, not '3600'"),
        ({"period": True}, "period", "must be a valid number"),
        ({"target": "-oN/etc/passwd"}, "target", "begins with '-'"),
        ({"target": "a\nb"}, "target", "control characters"),
        ({"command": ...}, "command", "is required"),
        ({"command": ""}, "command", "is empty"),
        ({"command": "echo 'a"}, "command", "No closing quotation"),
        ({"command": "nmap localhost | grep open"}, "command", "'|' is for a shell"),
        ({"command": ["{target}"], "target": "sh"}, "command", "must not choose what is run"),
        ({"command": "echo {target}"}, "target", "is empty, but the command asks for {target}"),
        ({"command": ["echo", "a\0b"]}, "command", "NUL"),
        ({"command": ["echo", "x" * 30_000]}, "command", "longer than"),
        ({"command": ["echo", "{target}" * 1000], "target": "x" * 1000}, "command", "longer than"),
        ({"command": ["echo", 1.5]}, "command.1", "valid string"),
        ({"args": {"a": 1}}, "args", "valid tuple"),
        ({"expected_value": True}, "expected_value", "must be a string, a number or an object"),
        ({"expected_value": [1]}, "expected_value", "must be a string, a number or an object"),
        ({"expected_value": "re:("}, "expected_value", "the pattern is wrong"),
        ({"expected_value": "re:(a+)+$"}, "expected_value", "can take forever"),
        ({"up_agent": "engine"}, "up_agent", "a JID (name@domain) or a role: registry, aggregation"),
        ({"jid": "probe1"}, "jid", "must be a JID"),
        ({"jid": ...}, "jid", "is required"),
        ({"passwd": ""}, "passwd", "is required (or credentials instead)"),
        ({"passwd": 5}, "passwd", "must be a valid string"),
        ({"credentials": "probe1.json"}, "passwd", "beside credentials"),
        ({"time_limit": 0}, "time_limit", "greater than 0"),
        ({"output_limit": 10**9}, "output_limit", "less than or equal to"),
        ({"jitter": 4000}, "jitter", "longer than period"),
        ({"server": "localhost"}, "server", "host:port"),
        ({"server": "localhost:70000"}, "server", "host:port"),
        ({"view_port": 70000}, "view_port", "less than or equal to 65535"),
        ({"perod": 5}, "perod", "did you mean 'period'?"),
        ({"password": "secret"}, "password", "did you mean 'passwd'?"),
    ],
)
def test_each_wrong_key_is_named_with_a_reason(changes: dict[str, Any], key: str, part: str) -> None:
    assert reason(**changes)[0] == key
    assert part in reason(**changes)[1]


def test_server_and_role_are_understood() -> None:
    assert made(server="[::1]:5222").server_address == ("::1", 5222)
    assert made(server="localhost:15222").server_address == ("localhost", 15222)
    assert made().server_address is None
    assert made(up_agent="aggregation").up_role is Role.AGGREGATION


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "probe.json"
    file.write_text(json.dumps({"command": "true", "credentials": "keys/probe1.json", "ca": "/etc/ca.pem"}))
    configuration = load_probe(file)
    assert configuration.credentials == tmp_path / "keys/probe1.json"
    assert configuration.ca == Path("/etc/ca.pem")
