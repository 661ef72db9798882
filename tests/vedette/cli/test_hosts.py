"""A fleet on several hosts: what `hosts.yml` may say, what a host's archive holds, and that it is enough to run."""

from __future__ import annotations

import json
import signal
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.vedette.cli.commands import called, complaint, running, until, vedette
from vedette.configuration.credentials import Credentials, RegistryKey, load_credentials, save_credentials
from vedette.messages.card import Role

PROBE = {"command": ["echo", "seen"], "period": 0.5}
SECRET = "s3cret-of-another-host"
PASSWORDS = {"near": SECRET, "far": "s3cret-of-the-outpost"}


def _fleet(folder: Path, *, hosts: dict[str, Any] | None = None, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, password in PASSWORDS.items():
        probe = {**PROBE, "jid": f"{name}@localhost", "passwd": password}
        (folder / f"{name}.json").write_text(json.dumps(probe))
    fleet = {"probes": ["near.json", "far.json"], "rt": {"agents": 0}, **more}
    (folder / "vedette.yml").write_text(json.dumps(fleet))
    default = {"main": {"hub": True, "probes": ["near.json"]}, "outpost": {"probes": ["far.json"]}}
    file = folder / "hosts.yml"
    file.write_text(yaml.safe_dump({"hosts": default if hosts is None else hosts}))
    return file


def test_it_says_who_runs_what(tmp_path: Path) -> None:
    file = _fleet(tmp_path, hosts={"main": {"hub": True, "probes": ["near.json"]}, "spare": {}})
    said = called("check-config", file, folder=tmp_path)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert "main runs hub, probe near.json" in lines
    assert "spare runs nothing" in lines
    assert "no host runs probe far.json" in lines
    assert called("hosts", "list", folder=tmp_path).stdout == said.stdout
    listed = json.loads(called("hosts", "list", "--json", folder=tmp_path).stdout)
    assert listed == {"hosts": {"main": ["hub", "probe near.json"], "spare": []}, "on_no_host": ["probe far.json"]}


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ({"main": {"probes": ["near.json"]}, "other": {"probes": ["near.json"]}}, "probe near.json is on two hosts"),
        ({"main": {"hub": True}, "other": {"hub": True}}, "hub is on two hosts"),
        ({"main": {"probes": ["neer.json"]}}, "did you mean 'probe near.json'?"),
        ({"main": {"engines": ["engine-2"]}}, "engine engine-2 is not in vedette.yml"),
        ({"main": {"rt": True}}, "rt is not in vedette.yml, or runs in the hub there"),
        ({"main": {"probe": []}}, "did you mean 'probes'?"),
        ({"../main": {}}, "hosts"),
        ({}, "hosts"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, hosts: dict[str, Any], reason: str) -> None:
    file = _fleet(tmp_path, hosts=hosts)
    said = called("check-config", file, folder=tmp_path)
    assert said.returncode == 2
    assert reason in complaint(said)


def test_a_host_that_is_not_there_or_not_packed_is_said_before_anything_starts(tmp_path: Path) -> None:
    file = _fleet(tmp_path)
    unknown = called("up", "--host", file, "--name", "outpots", folder=tmp_path)
    assert (unknown.returncode, "did you mean 'outpost'?" in complaint(unknown)) == (2, True)
    bare = vedette("up", "--host", file, "--name", "outpost", folder=tmp_path)
    assert (bare.returncode, "vedette hosts pack" in complaint(bare)) == (2, True)
    early = called("hosts", "pack", "outpost", "-o", "outpost.tar.gz", folder=tmp_path)
    assert (early.returncode, "start the hub once" in complaint(early)) == (2, True)
    hub = called("hosts", "pack", "main", "-o", "main.tar.gz", folder=tmp_path)
    assert (hub.returncode, "runs the hub" in complaint(hub)) == (2, True)
    assert not list(tmp_path.glob("*.tar.gz*"))
    assert called("up", "--name", "main", folder=tmp_path).returncode == 2


def test_a_host_runs_from_its_archive_alone(tmp_path: Path) -> None:
    main, outpost = tmp_path / "main", tmp_path / "outpost"
    file = _fleet(main, aggregation={"place": SECRET}, log={"file": "vedette.log"})
    with running("up", "--host", file, "--name", "main", folder=main) as hub:
        hub.until_said("The fleet is up")
        assert "near@localhost" in hub.said()
        assert "far@localhost" not in hub.said()
        archive = main / "outpost.tar.gz"
        packed = called("hosts", "pack", "outpost", "-o", archive, "--json", folder=main)
        assert packed.returncode == 0, packed.stderr
        credentials = "var/credentials/"
        names = ["far.json", "hosts.yml", *(credentials + name for name in ("far.json", "far.key", "xmpp-ca.pem"))]
        assert json.loads(packed.stdout)["holds"] == [*names, "vedette.yml"]
        _unpack(archive, outpost)
        load_credentials(outpost / "var" / "credentials" / "far.json")
        asked = _status(main)
        assert (asked["far"]["presence"], asked["far"]["there"], asked["outpost"]) == ("unknown", False, False)
        with running("up", "--host", "hosts.yml", "--name", "outpost", folder=outpost) as field:
            field.until_said("The fleet is up")
            assert "far@localhost" in field.said()
            assert not any(word in field.said() for word in ("console", "registry@", "near@", "link"))
            until(lambda: _has_item_of("far@localhost", main), what=field.complained)
            assert set(field.children()) == {"field"}
            until(lambda: _status(main)["exit"] == 0, what=lambda: str(_status(main)))
            said = called("hosts", "status", folder=main)
            assert said.stdout.splitlines()[0].startswith("main: 3 of 3 agents there, ")
            # As when the terminal is closed that it was started in.
            assert field.end(signal.SIGHUP) == 0
            assert "agent is up" not in field.complained()
            until(lambda: _status(main)["far"]["presence"] == "gone", what=lambda: str(_status(main)))
            said = called("hosts", "status", folder=main)
            assert said.returncode == 1
            assert "\n  far@localhost is gone since " in said.stdout
        alone = ("agent", "probe", "-c", "far.json", "--log-file", "alone.log")
        with running(*alone, folder=outpost, name="alone") as probe:
            probe.until_said("far@localhost is up")
            assert probe.end(signal.SIGHUP) == 0
            assert "agent is up" in (outpost / "alone.log").read_text()
            assert not probe.complained()
        assert hub.end() == 0
    for folder, agents in ((main, {"registry", "aggregation", "near"}), (outpost, {"far"})):
        lines = (folder / "vedette.log").read_text().splitlines()
        up = "\n".join(line for line in lines if "agent is up" in line)
        assert all(f"agent={agent} " in up for agent in agents)


def _status(folder: Path) -> dict[str, Any]:
    """What `vedette hosts status` says: agents and whether hosts are up, by name, and its exit code."""
    said = called("hosts", "status", "--json", folder=folder)
    assert said.returncode in (0, 1), said.stderr
    hosts = json.loads(said.stdout)["hosts"]
    agents = {agent["jid"].partition("@")[0]: agent for host in hosts for agent in host["agents"]}
    return {"exit": said.returncode, **agents, **{host["name"]: host["up"] for host in hosts}}


def _unpack(archive: Path, folder: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    folder.mkdir()
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            assert member.mode == 0o600
            content = opened.extractfile(member)
            assert content is not None
            assert SECRET.encode() not in content.read(), f"{member.name} holds what is another host's"
        opened.extractall(folder, filter="data")


def _has_item_of(agent: str, folder: Path) -> bool:
    listed = json.loads(called("items", "list", "--limit", "50", "--json", folder=folder).stdout)
    return agent in json.dumps(listed)


def _credentials(folder: Path, name: str, role: Role) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.key").write_text("a key")
    (folder.parent / "ca.pem").write_text("a CA")
    credentials = Credentials(
        jid=f"{name}@localhost",
        role=role,
        password=f"account of {name}",
        key=f"{name}.key",
        registry=RegistryKey(jid="registry@localhost", public_key="AAAA"),
        server="127.0.0.1:5222",
        ca=str(folder.parent / "ca.pem"),
    )
    save_credentials(folder / f"{name}.json", credentials)


def test_only_who_opens_the_store_gets_its_password(tmp_path: Path) -> None:
    database = "password-of-the-database"
    hosts = {"engines": {"engines": ["engine-2"]}, "outpost": {"probes": ["far.json"]}}
    store = f"postgresql+psycopg://vedette:{database}@db.example/vedette"
    file = _fleet(tmp_path / "etc", hosts=hosts, store=store, engines=[{"name": "engine-2"}], data="../lib")
    _credentials(tmp_path / "lib" / "credentials", "engine-2", Role.AGGREGATION)
    _credentials(tmp_path / "lib" / "credentials", "far", Role.PROBE)
    (tmp_path / "lib" / "tsa").mkdir()
    for name in ("roots.pem", "tsa.key", "root.key"):
        (tmp_path / "lib" / "tsa" / name).write_text(name)
    members = {name: _packed(file, name) for name in hosts}
    # The data lies beside the configuration's folder: then paths begin at the root.
    base = str(tmp_path).lstrip("/")
    agents = {"engines": "engine-2", "outpost": "far"}
    common = {"etc/hosts.yml", "etc/vedette.yml", "lib/credentials/xmpp-ca.pem"}
    for name, agent in agents.items():
        own = {*common, f"lib/credentials/{agent}.json", f"lib/credentials/{agent}.key"}
        # Engines stamp with the authority's key; with its root's nobody does.
        own |= {"lib/tsa/roots.pem", "lib/tsa/tsa.key"} if name == "engines" else {"etc/far.json"}
        assert set(members[name]) == {f"{base}/{path}" for path in own}
        assert any(database.encode() in content for content in members[name].values()) is (name == "engines")


def _packed(file: Path, name: str) -> dict[str, bytes]:
    archive = file.parent / f"{name}.tar.gz"
    done = called("hosts", "pack", name, "-o", archive, folder=file.parent)
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as opened:
        streams = {member.name: opened.extractfile(member) for member in opened.getmembers()}
        return {path: stream.read() for path, stream in streams.items() if stream is not None}
