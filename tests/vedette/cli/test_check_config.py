"""Wrong configuration: file, key, reason and the nearest key in one line, exit 2, before anything starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from vedette.cli.main import run
from vedette.clock import SystemClock
from vedette.configuration.credentials import Credentials, RegistryKey, save_credentials
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role
from vedette.signing import SigningKey

PROBE = {"command": "vedette:packages", "jid": "probe1@localhost", "passwd": "long enough"}


class Said(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Vedette = Callable[..., Said]


@pytest.fixture
def vedette(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Vedette]:
    """Run the command line in this process, in a folder of its own."""

    def call(*arguments: object) -> Said:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["vedette", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            run()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capsys.readouterr())

    yield call
    # Commands configure the log, which would go on writing to what was captured here.
    structlog.reset_defaults()


def write(folder: Path, name: str, content: dict[str, Any] | str) -> Path:
    """Write a configuration file."""
    file = folder / name
    # JSON is YAML, too.
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_a_good_fleet_says_what_it_would_do(vedette: Vedette, tmp_path: Path) -> None:
    write(tmp_path, "probe1.json", {**PROBE, "period": 60, "jitter": 5, "target": "localhost"})
    write(tmp_path, "vedette.yml", {"probes": ["probe1.json"]})
    said = vedette("check-config", "vedette.yml")
    assert (said.code, said.err) == (0, "")
    assert "vedette.yml: good" in said.out
    assert "local, self-asserted" in said.out
    assert "probe1 runs every 60 s, up to 5 s later" in said.out
    summary = json.loads(vedette("check-config", "vedette.yml", "--json").out)
    assert (summary["valid"], summary["file"]) == (True, "vedette.yml")
    assert {file.name for file in tmp_path.iterdir()} == {"probe1.json", "vedette.yml"}


def test_it_says_who_reads_into_the_graph(vedette: Vedette, tmp_path: Path) -> None:
    write(tmp_path, "vedette.yml", {})
    said = vedette("check-config", "vedette.yml").out
    assert "store: store.db, graph: graph.db" in said
    assert "rt (in the hub) reads #.in.structured.#, #.in.unstructured.# into the knowledge graph" in said
    write(tmp_path, "vedette.yml", {"rt": {"agents": 2, "process": "own", "from_start": False}})
    said = vedette("check-config", "vedette.yml").out
    assert "rt, rt2 (in a process of their own) reads" in said
    assert "from the day on when the queue is made, by the queue rt" in said
    write(tmp_path, "vedette.yml", {"rt": {"agents": 0}})
    assert "nobody here reads items" in vedette("check-config", "vedette.yml").out

    write(tmp_path, "rt.yml", {"name": "rt-berlin", "graph": "sqlite:///far/g.db", "patterns": ["#"]})
    said = vedette("check-config", "rt.yml").out
    assert "graph: g.db" in said
    assert "rt-berlin reads # into the knowledge graph" in said
    write(tmp_path, "rt.yml", {"name": "rt-berlin", "graph": "mysql://h/x"})
    _is_one_line(vedette("check-config", "rt.yml"), "rt.yml", "graph", "sqlite:///path")
    write(tmp_path, "rt.yml", {"name": "rt-berlin", "graph": "sqlite:///g.db"})
    _is_one_line(vedette("agent", "rt", "-c", "rt.yml"), "rt-berlin.json", "", "vedette enroll rt-berlin --role rt")


@pytest.mark.parametrize(("seconds", "warned"), [(5, True), (15, False)])
def test_an_authority_that_cannot_keep_pace_is_named_with_figures(
    vedette: Vedette, tmp_path: Path, seconds: int, warned: bool
) -> None:
    LocalAuthority.open(tmp_path / "tsa", clock=SystemClock(), create=True)
    sectigo = {"name": "sectigo", "url": "http://timestamp.sectigo.com", "roots": "tsa/roots.pem"}
    write(tmp_path, "vedette.yml", {"batch": {"seconds": seconds}, "tsa": [{"name": "local"}, sectigo]})
    said = vedette("check-config", "vedette.yml")
    assert (said.code, said.err) == (0, "")
    assert ("4 batches a minute, and up to 12 are made: its tokens fall behind for good" in said.out) is warned
    assert ("set batch.seconds to 15 or more" in said.out) is warned
    assert ("local wants" in said.out) is False


FLEET_MISTAKES: list[tuple[dict[str, Any] | str, str, str]] = [
    ({"probez": []}, "probez", "did you mean 'probes'?"),
    ({"xmpp": {"prot": 1}}, "xmpp.prot", "did you mean 'port'?"),
    ({"batch": {"second": 1}}, "batch.second", "did you mean 'seconds'?"),
    ({"batch": {"items": 0}}, "batch.items", "greater than or equal to 1"),
    ({"batch": {"seconds": -1}}, "batch.seconds", "greater than 0"),
    ({"xmpp": {"port": 70000}}, "xmpp.port", "65535"),
    ({"xmpp": {"port": "5222"}}, "xmpp.port", "integer"),
    ({"xmpp": {"server": "http://h"}}, "xmpp.server", "xmpp://host"),
    ({"xmpp": {"server": "xmpp://"}}, "xmpp.server", "xmpp://host"),
    ({"xmpp": {"server": "xmpp://h:99999"}}, "xmpp.server", "xmpp://host"),
    ({"xmpp": {"server": "xmpp://h", "ca": "none.pem"}}, "xmpp.ca", "none.pem"),
    ({"xmpp": {"server": "xmpp://h"}}, "xmpp.server", "vedette enroll"),
    ({"xmpp": {"domain": "LocalHost"}}, "xmpp.domain", "lower-case"),
    ({"store": "mysql://h/x"}, "store", "sqlite:///path"),
    ({"graph": "mysql://h/x"}, "graph", "sqlite:///path"),
    ({"rt": {"agent": 1}}, "rt.agent", "did you mean 'agents'?"),
    ({"registry": {"name": "rt"}}, "rt.agents", "registry.name"),
    ({"store": "nonsense"}, "store", "sqlite:///path"),
    ({"store": "sqlite://"}, "store", "names no file"),
    ({"tsa": []}, "tsa", "at least 1"),
    ({"tsa": [{"name": "x", "url": "ftp://h"}]}, "tsa.0.url", "http"),
    ({"tsa": [{"name": "x", "url": "https://h"}]}, "tsa", "roots are required"),
    ({"tsa": [{"name": "x", "url": "https://h", "roots": "none.pem"}]}, "tsa.0.roots", "none.pem"),
    ({"tsa": [{"name": "X Y"}]}, "tsa.0.name", "pattern"),
    ({"tsa": [{"name": "x"}, {"name": "x"}]}, "tsa", "same name"),
    ({"registry": {"name": "a"}, "aggregation": {"name": "a"}}, "aggregation.name", "registry.name"),
    ({"log_json": "yes"}, "log_json", "boolean"),
    ("a: [", "", "is not YAML"),
    ("- a", "", "must be an object"),
    ("data: a\ndata: b", "data", "twice"),
    ("data: &a [*a]", "", "is not YAML"),
]


@pytest.mark.parametrize(("content", "key", "reason"), FLEET_MISTAKES, ids=lambda value: str(value)[:40])
def test_a_wrong_fleet_is_one_line_with_key_and_reason(
    vedette: Vedette, tmp_path: Path, content: dict[str, Any] | str, key: str, reason: str
) -> None:
    write(tmp_path, "vedette.yml", content)
    said = vedette("check-config", "vedette.yml")
    _is_one_line(said, "vedette.yml", key, reason)
    # What checks refuse does not start either.
    _is_one_line(vedette("up"), "vedette.yml", key, reason)
    assert not (tmp_path / "var" / "store.db").exists()


PROBE_MISTAKES: list[tuple[dict[str, Any] | str, str, str]] = [
    ({"comand": "x"}, "comand", "did you mean 'command'?"),
    ({"expected_valu": 1}, "expected_valu", "did you mean 'expected_value'?"),
    ({"command": ""}, "command", "is empty"),
    ({"command": "ls | wc"}, "command", "for a shell"),
    ({"command": "'"}, "command", "split"),
    ({"command": "vedette:tcp-conect"}, "command", "did you mean"),
    (
        {"command": "vedette:tcp-connect", "target": "localhost", "args": ["--prot", "1"]},
        "args",
        "did you mean 'port'?",
    ),
    ({"command": ["echo", "{target}"]}, "target", "is empty"),
    ({"result_parser": "jsn"}, "result_parser", "did you mean 'json'?"),
    ({"period": -1}, "period", "greater than or equal to 0"),
    ({"period": 0.01}, "period", "at least 0.1"),
    ({"period": "10"}, "period", "number"),
    ({"period": 1, "jitter": 2}, "jitter", "longer than period"),
    ({"time_limit": 0}, "time_limit", "greater than 0"),
    ({"up_agent": "agregation"}, "up_agent", "role"),
    ({"uuid": "123"}, "uuid", "UUID"),
    ({"version": "2.0"}, "version", "1.x"),
    ({"jid": "probe1"}, "jid", "must be a JID"),
    ({"jid": ""}, "jid", "is required"),
    ({"passwd": ""}, "passwd", "is required"),
    ({"credentials": "x.json"}, "passwd", "keep one"),
    ({"view_port": -1}, "view_port", "0"),
    ({"target": "-oX"}, "target", "begins with '-'"),
    ("{", "", "line 1"),
]


@pytest.mark.parametrize(("changes", "key", "reason"), PROBE_MISTAKES, ids=lambda value: str(value)[:40])
def test_a_wrong_probe_is_one_line_with_key_and_reason(
    vedette: Vedette, tmp_path: Path, changes: dict[str, Any] | str, key: str, reason: str
) -> None:
    write(tmp_path, "probe1.json", changes if isinstance(changes, str) else {**PROBE, **changes})
    for command in (("check-config", "probe1.json"), ("agent", "probe", "-c", "probe1.json", "--once")):
        said = vedette(*command)
        _is_one_line(said, "probe1.json", key, reason)
        assert "long enough" not in said.err
    write(tmp_path, "vedette.yml", {"probes": ["probe1.json"]})
    _is_one_line(vedette("check-config", "vedette.yml"), "probe1.json", key, reason)


FLEET_PROBE_MISTAKES = [
    ({"jid": "Probe1@localhost"}, "jid", "must be 1 to 64 of a-z"),
    ({"jid": "probe1@example.org"}, "jid", "not of this fleet's domain"),
    ({"jid": "registry@localhost"}, "jid", "an account already"),
    ({"passwd": "short"}, "passwd", "8 to 1024"),
]


@pytest.mark.parametrize(("changes", "key", "reason"), FLEET_PROBE_MISTAKES, ids=lambda value: str(value)[:40])
def test_a_probe_must_fit_into_its_fleet(
    vedette: Vedette, tmp_path: Path, changes: dict[str, Any], key: str, reason: str
) -> None:
    write(tmp_path, "probe1.json", {**PROBE, **changes})
    write(tmp_path, "vedette.yml", {"probes": ["probe1.json"]})
    _is_one_line(vedette("check-config", "vedette.yml"), "probe1.json", key, reason)
    _is_one_line(vedette("up"), "probe1.json", key, reason)


def test_missing_and_unreadable_files_are_named(vedette: Vedette, tmp_path: Path) -> None:
    write(tmp_path, "latin.json", "")
    (tmp_path / "latin.json").write_bytes(b'{"type": "\xe9"}')
    (tmp_path / "large.yml").write_bytes(b"#" * 2_000_000)
    for file, reason in [
        ("none.json", "No such file"),
        ("none.yml", "No such file"),
        (".", "directory"),
        ("latin.json", "is not UTF-8"),
        ("large.yml", "is larger than"),
    ]:
        _is_one_line(vedette("check-config", file), file, "", reason)
    _is_one_line(vedette("up"), "vedette.yml", "", "name one with -c FILE")
    _is_one_line(vedette("up", "-c", "other.yml"), "other.yml", "", "does not exist")
    write(tmp_path, "vedette.yml", {"probes": ["none.json"]})
    _is_one_line(vedette("check-config", "vedette.yml"), "none.json", "", "No such file")


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("items",),
        ("bundle", "u", "-o", "x.zip"),
        ("enroll", "p", "--role", "probe"),
        ("revoke", "p"),
    ],
)
def test_without_a_store_commands_say_how_to_make_one(
    vedette: Vedette, tmp_path: Path, command: tuple[str, ...]
) -> None:
    write(tmp_path, "vedette.yml", {"log_json": False})
    _is_one_line(vedette(*command), "store.db", "", "vedette migrate")


def test_credentials_that_cannot_be_used_are_one_line(vedette: Vedette, tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "probe1.key")
    good = Credentials(
        jid="probe1@localhost",
        role=Role.PROBE,
        password="long enough",
        key="probe1.key",
        registry=RegistryKey(jid="registry@localhost", public_key=key.verifying.text),
        server="127.0.0.1:1",
    )
    file = tmp_path / "credentials.json"
    write(tmp_path, "probe1.json", {**PROBE, "passwd": "", "credentials": "credentials.json"})
    for changes, place, key_name, reason in [
        ({"password": ""}, "credentials.json", "password", "at least 1"),
        ({"server": "nowhere"}, "credentials.json", "server", "pattern"),
        ({"role": "king"}, "credentials.json", "role", "probe"),
        ({"keys": "x"}, "credentials.json", "keys", "did you mean 'key'?"),
        ({"jid": "other@localhost"}, "probe1.json", "jid", "other@localhost"),
        ({"key": "none.key"}, "none.key", "", "cannot read the signing key"),
        ({"ca": "none.pem"}, "none.pem", "", "cannot be used as CA file"),
    ]:
        save_credentials(file, good)
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
        said = vedette("agent", "probe", "-c", "probe1.json", "--once")
        _is_one_line(said, place, key_name, reason)
        assert "long enough" not in said.err
    save_credentials(file, good)
    file.chmod(0o640)
    said = vedette("agent", "probe", "-c", "probe1.json", "--once")
    _is_one_line(said, "credentials.json", "", "can be read by others; run chmod 600 on it")


def test_wrong_use_of_options_exits_2_without_traceback(vedette: Vedette, tmp_path: Path) -> None:
    write(tmp_path, "vedette.yml", {"log_json": False})
    for command in [
        ("up", "--log-level", "loud"),
        ("agent", "probe", "-c", "x.json", "--log-level", "loud"),
        ("agent", "nobody", "-c", "x.json"),
        ("agent", "registry", "-c", "x.json"),
        ("items", "--limit", "0"),
        ("items", "--state", "stamped"),
        ("enroll", "p", "--role", "king"),
        ("demo", "--within", "0"),
        ("frobnicate",),
        ("bundle", "u"),
    ]:
        said = vedette(*command)
        assert said.code == 2, (command, said)
        assert "Traceback" not in said.err


def _is_one_line(said: Said, file: str, key: str, reason: str) -> None:
    assert said.code == 2, said
    (line,) = said.err.splitlines()
    assert "Traceback" not in line
    assert file in line
    assert f": {key}: " in line or not key, line
    assert reason in line, line


def test_a_gateway_s_file_says_what_it_would_do(vedette: Vedette, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yml"
    gateway = "name: rabbit, url: 'amqps://rabbit.example/', credentials_file: account"
    file.write_text(f"{{{gateway}, outwards: {{}}}}")
    said = vedette("check-config", file)
    assert (said.code, "account: cannot be read" in said.err) == (2, True), said
    account = tmp_path / "account"
    account.touch(mode=0o600)
    account.write_text("user:password")
    said = vedette("check-config", file)
    assert said.code == 0, said
    assert "rabbit takes stucco.in.# from stucco at amqps://rabbit.example/" in said.out
    assert "rabbit publishes # and findings to vedette" in said.out
    assert "password" not in said.out
    # And the same in a fleet's file, where two agents may not have one name.
    file.write_text(f"gateways: [{{{gateway}}}, {{{gateway}}}]")
    said = vedette("check-config", file)
    assert (said.code, "rabbit is an account already" in said.err) == (2, True), said
