"""A check from its configuration to the item that the outbox takes."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from vedette.clock import Clock, ManualClock, SystemClock
from vedette.configuration.loading import parse
from vedette.configuration.probe import ProbeConfiguration
from vedette.errors import ConfigurationError
from vedette.messages.item import ReceivedItem
from vedette.messages.limits import MAX_PAYLOAD
from vedette.tools.catalogue import Catalogue
from vedette.tools.check import Check, routing_key
from vedette.tools.interface import Limits, NoArguments, Parser, Result, Tool

IDENTITY = "56163b3b-c563-4c03-b30a-3ae2549e98c3"


class Crashing(Tool[NoArguments]):
    name = "crashing"
    summary = "raises"
    Arguments = NoArguments

    async def run(self, *, target: str, arguments: NoArguments, limits: Limits, clock: Clock) -> Result:
        raise RuntimeError("boom")


class Huge(Tool[NoArguments]):
    name = "huge"
    summary = "ignores every limit"
    Arguments = NoArguments

    async def run(self, *, target: str, arguments: NoArguments, limits: Limits, clock: Clock) -> Result:
        return Result(
            format="huge",
            content_type="application/octet-stream",
            payload=b"x" * (MAX_PAYLOAD + 1),
            command=("vedette:huge",),
            exit_code=0,
            stderr="\x01\x00" * 100_000 + "\ud800",
            started_at=5,
            ended_at=1,
        )


class Numbers(BaseModel):
    numbers: list[int]


class NumbersParser(Parser):
    name = "numbers"
    version = 3
    Form = Numbers
    made: ClassVar[Callable[[bytes], Any]]

    def parse(self, raw: bytes) -> BaseModel:
        result: BaseModel = type(self).made(raw)
        return result


def catalogue() -> Catalogue:
    tools = [EntryPoint(name.lower(), f"{__name__}:{name}", "vedette.tools") for name in ("Crashing", "Huge")]
    parsers = [
        EntryPoint("numbers", f"{__name__}:NumbersParser", "vedette.parsers"),
        EntryPoint("lines", "vedette.tools.parsers.text:LinesParser", "vedette.parsers"),
        EntryPoint("json", "vedette.tools.parsers.text:JsonParser", "vedette.parsers"),
        EntryPoint("none", "vedette.tools.parsers.text:NoParser", "vedette.parsers"),
    ]
    return Catalogue(tools=tools, parsers=parsers)


def check(*, clock: Clock | None = None, parts: Catalogue | None = None, **changes: Any) -> Check:
    values = {
        "uuid": IDENTITY,
        "command": "true",
        "jid": "probe1@localhost/here",
        "passwd": "securePassword",
        "up_agent": "aggregation",
    } | changes
    configuration = parse(json.dumps(values), "probe.json", ProbeConfiguration)
    return Check.from_configuration(configuration, clock=clock or SystemClock(), catalogue=parts, place="probe.json")


async def item_of(**changes: Any) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Run once; every item must pass the engine's validation."""
    item = await check(**changes).run()
    received = ReceivedItem(json.loads(json.dumps(item)))
    assert received.payload is not None
    return item, item["meta"], received.payload


async def test_a_command_becomes_an_item_in_standard_form() -> None:
    item, meta, payload = await item_of(command="echo", args=["{target}"], target="a b", format="greeting")
    assert (item["version"], item["format"], payload) == ("1", "greeting", b"a b\n")
    assert UUID(meta.pop("uuid")).version == 4
    assert meta.pop("collected_at") // 1_000_000 == meta.pop("ts")
    assert meta.pop("duration") > 0
    assert len(meta.pop("sha256")) == 64
    assert meta == {
        "type": "scan",
        "source": "vedette.in.structured.greeting.probe1",
        "agent": "probe1@localhost",
        "target": "a b",
        "command": ["echo", "a b"],
        "exit_code": 0,
        "content_type": "text/plain; charset=utf-8",
        "priority": 0,
        "check": IDENTITY,
    }


async def test_each_run_is_another_item_of_the_same_check() -> None:
    one = check()
    items = [await one.run(), await one.run()]
    assert items[0]["meta"]["uuid"] != items[1]["meta"]["uuid"]
    assert items[0]["meta"]["check"] == items[1]["meta"]["check"]


def test_a_check_without_uuid_has_a_stable_identity() -> None:
    identities = [check(uuid="").identity, check(uuid="").identity, check(uuid="", command="false").identity]
    assert identities[0] == identities[1] != identities[2]
    assert UUID(identities[0]).version == 5


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"command": "echo hello", "expected_value": "hello"}, "as expected"),
        ({"command": "echo hello", "expected_value": "bye"}, "deviates"),
        ({"command": "false", "expected_value": 0}, "deviates"),
        ({"command": ["echo", '{"a": {"b": 1}}'], "expected_value": {"a.b": 1}}, "as expected"),
        ({"command": "echo hello", "expected_value": {"lines.0": "hello"}, "result_parser": "lines"}, "as expected"),
        ({"command": "echo hello", "expected_value": "hello", "result_parser": "lines"}, "as expected"),
    ],
)
async def test_the_verdict_travels(changes: dict[str, Any], verdict: str) -> None:
    assert (await item_of(**changes))[1]["verdict"] == verdict


async def test_a_failing_command_is_an_item() -> None:
    _, meta, payload = await item_of(command=["sh", "-c", "echo out; echo why >&2; exit 3"])
    assert (meta["exit_code"], meta["stderr"], payload) == (3, "why", b"out\n")
    _, meta, payload = await item_of(command="no-such-command-here")
    assert (meta["exit_code"], meta["stderr"]) == (127, "no-such-command-here: command not found")


async def test_a_command_out_of_time_and_over_its_output_is_an_item() -> None:
    command = ["sh", "-c", "echo 0123456789; exec sleep 100"]
    for limit in (0.5, 4.0, 30.0):  # a slow machine may not even start it in the first
        _, meta, payload = await item_of(command=command, time_limit=limit, output_limit=4)
        if payload:
            break
    assert (meta["timed_out"], meta["truncated"], meta["exit_code"], payload) == (True, True, -15, b"0123")


async def test_secrets_are_not_in_the_item() -> None:
    code = "import sys; print(sys.argv[2], file=sys.stderr)"
    item, meta, _ = await item_of(command=[sys.executable, "-c", code, "--password", "securePassword"])
    assert meta["command"][-2:] == ["--password", "***"]
    assert meta["stderr"] == "***"
    assert "securePassword" not in json.dumps(item)


async def test_a_built_in_tool_is_run_by_name(serve: Any) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serve(silence) as port:
        for command in ("vedette:tcp-connect", "tcp-connect"):
            item, meta, payload = await item_of(
                command=command,
                args=[f"ports={port}"],
                target="127.0.0.1",
                expected_value={"ports.0.state": "open"},
            )
            assert item["format"] == "tcp-connect/1"
            assert json.loads(payload)["ports"][0]["state"] == "open"
            assert meta["source"] == "vedette.in.structured.tcp-connect.probe1"
            assert meta["command"] == ["vedette:tcp-connect", "--ports", str(port), "127.0.0.1"]
            assert (meta["verdict"], meta["content_type"]) == ("as expected", "application/json")


async def test_arguments_may_stand_in_the_command(closed_port: int) -> None:
    _, meta, _ = await item_of(command=f"vedette:tcp-connect --port {closed_port}", target="127.0.0.1")
    assert (meta["exit_code"], meta["stderr"]) == (1, f"port {closed_port}: connection refused")


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"command": "vedette:tls-certificat"}, "command", "unknown tool 'tls-certificat'; did you mean 'tls-c"),
        ({"command": "vedette:dns"}, "target", "is empty"),
        ({"command": "vedette:dns", "target": "a", "args": ["--typ", "A"]}, "args", "did you mean 'type'?"),
        ({"command": "vedette:tcp-connect", "target": "http://a"}, "target", "without scheme"),
        ({"result_parser": "line"}, "result_parser", "unknown parser 'line'; did you mean 'lines'?"),
    ],
)
def test_everything_unknown_is_named_before_anything_starts(changes: dict[str, Any], key: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(**changes)
    assert (caught.value.place, caught.value.key) == ("probe.json", key)
    assert reason in caught.value.reason


def test_an_installed_command_comes_before_a_tool_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dns").write_text("#!/bin/sh\n")
    (tmp_path / "dns").chmod(0o755)
    assert check(command="dns", target="a.example").command == ("dns",)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check(command="dns", args=["not an argument of ours"]).tool_name == "dns"


async def test_scandales_nmap_without_nmap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    for changes in ({"command": "nmap -p 443 127.0.0.1"}, {"command": "vedette:nmap", "target": "127.0.0.1"}):
        _, meta, _ = await item_of(**changes)
        assert (meta["exit_code"], meta["stderr"]) == (127, "nmap: command not found")


async def test_a_parsed_output_carries_form_and_output() -> None:
    item, meta, payload = await item_of(command=["printf", "a\\nb\\n"], result_parser="lines")
    document = json.loads(payload)
    assert document == {
        "parser": "lines/1",
        "result": {"lines": ["a", "b"]},
        "output": base64.b64encode(b"a\nb\n").decode(),
    }
    assert (item["format"], meta["content_type"]) == ("raw", "application/json")
    assert "parse_error" not in meta


async def test_the_parser_none_leaves_the_output_as_it_is() -> None:
    _, meta, payload = await item_of(command="echo a", result_parser="none")
    assert (payload, meta["content_type"]) == (b"a\n", "text/plain; charset=utf-8")


async def test_what_cannot_be_parsed_travels_with_the_reason() -> None:
    item, meta, payload = await item_of(command="echo no json", result_parser="json", format="x")
    assert (item["format"], payload) == ("x", b"no json\n")
    assert meta["parse_error"].startswith("json/1: not JSON")


def _raise(raw: bytes) -> Any:
    raise KeyError("boom")


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda raw: Numbers(numbers=[1]), None),
        (_raise, "KeyError: 'boom'"),
        (
            lambda raw: Numbers.model_construct(numbers=["x"]),  # type: ignore[list-item]
            "ValidationError",
        ),
        (lambda raw: "text", "the parser returned str, not Numbers"),
        (lambda raw: Numbers(numbers=[2**60]), "canonical JSON"),
        (lambda raw: Numbers(numbers=[1] * 200_000), "larger than an item may be"),
    ],
)
async def test_other_peoples_parsers_cannot_break_the_probe(made: Any, error: str | None) -> None:
    NumbersParser.made = staticmethod(made)
    _, meta, payload = await item_of(command="echo a", result_parser="numbers", parts=catalogue())
    if error is None:
        assert json.loads(payload)["parser"] == "numbers/3"
    else:
        assert meta["parse_error"].startswith("numbers/3: ")
        assert error in meta["parse_error"]
        assert payload == b"a\n"


async def test_an_output_that_does_not_fit_beside_its_form_is_cut() -> None:
    code = "print('x' * 99_999 + '\\n' + 'y' * 99_999)"
    _, meta, payload = await item_of(command=[sys.executable, "-c", code], result_parser="lines")
    document = json.loads(payload)
    assert meta["truncated"]
    assert len(payload) <= MAX_PAYLOAD
    assert len(document["result"]["lines"]) == 2
    assert document["output_size"] == 200_000
    assert base64.b64decode(document["output"]).startswith(b"xxx")


async def test_other_peoples_tools_cannot_break_the_probe() -> None:
    _, meta, payload = await item_of(command="vedette:crashing", target="a", parts=catalogue())
    assert (meta["exit_code"], payload) == (1, b"")
    assert meta["stderr"] == "the tool crashing failed: RuntimeError: boom"
    _, meta, payload = await item_of(command="vedette:huge", target="a", parts=catalogue())
    assert (meta["truncated"], len(payload), meta["duration"]) == (True, MAX_PAYLOAD, 0)
    assert len(meta["stderr"].encode()) <= 8192


async def test_the_largest_item_of_all_still_passes() -> None:
    code = "import os, sys; sys.stdout.buffer.write(os.urandom(300_000)); sys.stderr.write('\\x01\"' * 50_000)"
    words = ['"\\' * 1000] * 4
    _, meta, payload = await item_of(command=[sys.executable, "-c", code, *words], target="\U0001f600" * 1024)
    assert meta["truncated"]
    assert meta["content_type"] == "application/octet-stream"
    assert len(payload) < MAX_PAYLOAD


async def test_a_clock_in_1970_is_kept() -> None:
    _, meta, _ = await item_of(clock=ManualClock(now=0))
    assert (meta["ts"], meta["collected_at"], meta["duration"]) == (0, 0, 0)


async def test_cancelling_a_run_is_no_item() -> None:
    task = asyncio.create_task(check(command="sleep 100").run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_notes_say_what_is_odd() -> None:
    assert check().notes() == []
    notes = check(command="no-such-command-here", target="a.example", jitter=1).notes()
    assert [note.partition(":")[0] for note in notes] == ["command", "target", "jitter"]


def test_credentials_need_the_agents_name() -> None:
    configuration = parse('{"command": "true", "credentials": "x"}', "f", ProbeConfiguration)
    with pytest.raises(ConfigurationError, match="jid: is required"):
        Check.from_configuration(configuration, clock=SystemClock())
    made = Check.from_configuration(configuration, clock=SystemClock(), agent="probe2@localhost")
    assert made.agent == "probe2@localhost"


@settings(deadline=None)
@given(st.text(max_size=50), st.text(max_size=50))
def test_routing_keys_have_five_words(format: str, agent: str) -> None:
    words = routing_key(format, agent).split(".")
    assert len(words) == 5
    assert all(words)
