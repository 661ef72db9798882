"""Given files of sources and feeds, when the command line is asked about them, then it says what they would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from vedette.cli import opml
from vedette.cli.check_sources import source_lines
from vedette.cli.collect import _check_files
from vedette.cli.main import build
from vedette.cli.replay import captured
from vedette.clock import ManualClock
from vedette.collection.sections import load_sections
from vedette.errors import ConfigurationError

NOW = ManualClock().now()
"""A Sunday at midnight, UTC."""

SOURCES = """
default:
  demo:
    collectors:
    - {type: BUGTRAQ, source-name: bugtraq, source-URI: 'http://x.example/v', cron: '0 45 * * * ?', now-collect: all}
    - {type: WEB, source-name: geo, source-URI: 'http://x.example/g.zip?key=secret', post-process: unzip, cron: now}
    - {type: RSS, source-name: fr, source-URI: 'http://x.example/f', cron: '0 0 8 ? * 2', time-zone: Europe/Paris}
    - {type: FILE, source-name: idle, source-URI: a.txt}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "stucco.yml"
    file.write_text(text)
    return file


def test_each_schedule_in_english_with_its_next_runs(tmp_path: Path) -> None:
    lines = source_lines(written(tmp_path, SOURCES), now=NOW)
    said = "\n".join(lines)
    assert "note: demo.collectors.0.type: BUGTRAQ is deprecated; it is read as PSEUDO_RSS" in said
    assert "bugtraq: PSEUDO_RSS of http://x.example/v: all that there is, at the first start; At 45 minutes" in said
    assert "geo: WEB of http://x.example/g.zip?…: once, at the start" in said
    assert "idle: FILE of a.txt: only when asked to" in said
    (monday,) = [line for line in lines if "next (Europe/Paris)" in line]
    days = [run.split()[0] for run in monday.split(": ", 1)[1].split(", ")]
    assert days == ["Mon"] * 5
    assert all("08:00:00" in run for run in monday.split(": ", 1)[1].split(", "))
    assert "secret" not in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{type: GOPHER, source-name: x, source-URI: y}", "unknown collector 'GOPHER'"),
        ("{type: FILE, source-name: x, source-URI: y, post-process: unzpi}", "did you mean 'unzip'"),
    ],
    ids=["type", "post-process"],
)
def test_what_does_not_exist_is_told(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        source_lines(written(tmp_path, f"demo: {{collectors: [{text}]}}"), now=NOW)


def test_check_config_knows_a_file_of_sources(tmp_path: Path) -> None:
    file = written(tmp_path, SOURCES)
    arguments = ["check-config", str(file), "--json"]
    done = CliRunner().invoke(build(arguments), arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["says"][1] == "section demo: 4 sources"


def test_feeds_in_and_out(tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    file.write_text('<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/f"/></body></opml>')
    made = CliRunner().invoke(opml.app, ["import", str(file), "--section", "news"])
    sources = written(tmp_path, made.stdout)
    assert yaml.safe_load(made.stdout)["default"]["news"]["collectors"][0]["source-URI"] == "https://a.example/f"
    back = CliRunner().invoke(opml.app, ["export", str(sources)])
    assert 'xmlUrl="https://a.example/f"' in back.stdout


@pytest.mark.parametrize(
    "arguments", [["collect"], ["collect", "--file", "a", "--url", "b"], ["collect", "--file", "a", "--all"]], ids=str
)
def test_wrong_use(arguments: list[str]) -> None:
    assert CliRunner().invoke(build(arguments), arguments).exit_code == 2


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "link/passwd"])
def test_sources_from_a_url_read_nothing_outside(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    file = written(tmp_path, f"demo: {{collectors: [{{type: FILE, source-name: x, source-URI: {path}}}]}}")
    with pytest.raises(ConfigurationError, match="is not below"):
        _check_files(load_sections(file)["demo"], tmp_path)
    file = written(tmp_path, "demo: {collectors: [{type: FILE, source-name: x, source-URI: in/x}]}")
    _check_files(load_sections(file)["demo"], tmp_path)


def test_sources_from_a_url_send_no_file_away(tmp_path: Path) -> None:
    entry = (
        "{type: NVD, source-name: x, source-URI: 'https://attacker.example/rest/json/cves/2.0', api-key-file: hub}"
    )
    file = written(tmp_path, f"demo: {{collectors: [{entry}]}}")
    with pytest.raises(ConfigurationError, match="may name none"):
        _check_files(load_sections(file)["demo"], tmp_path)


@pytest.mark.parametrize(
    ("kind", "uri"),
    [("SYSLOG", "udp://0.0.0.0:5514"), ("PACKAGES", "packages:"), ("NETFLOW", "argus://attacker.example")],
)
def test_sources_from_a_url_do_not_look_into_this_host(tmp_path: Path, kind: str, uri: str) -> None:
    file = written(tmp_path, f"demo: {{collectors: [{{type: {kind}, source-name: x, source-URI: '{uri}'}}]}}")
    with pytest.raises(ConfigurationError, match=f"may not use {kind}"):
        _check_files(load_sections(file)["demo"], tmp_path)


def fleet_file(folder: Path, *collectors: dict[str, str]) -> Path:
    file = folder / "vedette.yml"
    file.write_text(json.dumps({"collectors": list(collectors)}))
    return file


def said_of(file: Path) -> tuple[int, str]:
    arguments = ["check-config", str(file)]
    done = CliRunner().invoke(build(arguments), arguments)
    return done.exit_code, done.stdout + str(done.exception or "")


def test_check_config_knows_the_collectors_of_a_fleet_and_a_collectors_own_file(tmp_path: Path) -> None:
    written(tmp_path, SOURCES)
    own = {"name": "reader", "sources": "stucco.yml", "section": "demo"}
    code, said = said_of(fleet_file(tmp_path, own))
    assert code == 0
    assert f"reader collects {tmp_path / 'stucco.yml'} for aggregation:" in said
    assert "idle: FILE of a.txt: only when asked to" in said
    (tmp_path / "reader.yml").write_text(json.dumps(own | {"up_agent": "engine2"}))
    code, said = said_of(tmp_path / "reader.yml")
    assert (code, "for engine2:" in said, "next (Europe/Paris)" in said) == (0, True, True)


@pytest.mark.parametrize(
    ("collectors", "reason"),
    [
        ([{"name": "reader", "sources": "stucco.yml", "section": "dmeo"}], "did you mean 'demo'"),
        ([{"name": "reader", "sources": "nothing.yml"}], "nothing.yml: cannot be read"),
        ([{"name": "registry", "sources": "stucco.yml"}], "registry is an account already"),
        ([{"name": "Reader", "sources": "stucco.yml"}], "collectors.0.name"),
        ([{"name": "a", "sources": "stucco.yml"}, {"name": "a", "sources": "stucco.yml"}], "a is an account already"),
        ([{"name": "a", "sources": "stucco.yml", "sorces": "x"}], "did you mean 'sources'"),
        ([{"name": "a", "sources": "broken.yml"}], "unknown collector 'GOPHER'"),
    ],
    ids=["section", "file", "taken", "name", "twice", "key", "type"],
)
def test_what_is_wrong_with_a_fleets_collectors_is_told_before_anything_starts(
    tmp_path: Path, collectors: list[dict[str, str]], reason: str
) -> None:
    written(tmp_path, SOURCES)
    (tmp_path / "broken.yml").write_text("d: {collectors: [{type: GOPHER, source-name: x, source-URI: y}]}")
    code, said = said_of(fleet_file(tmp_path, *collectors))
    assert code != 0
    assert reason in said


def test_only_what_was_captured_is_replayed(tmp_path: Path) -> None:
    section = load_sections(written(tmp_path, SOURCES))["demo"]
    assert [source.source_name for source in captured(section, None).sources] == ["idle"]
    with pytest.raises(ConfigurationError, match="no captured source named 'fr'"):
        captured(section, "fr")
    arguments = ["replay", "news", "-c", str(fleet_file(tmp_path, {"name": "reader", "sources": "stucco.yml"}))]
    done = CliRunner().invoke(build(arguments), arguments)
    assert "no collector reads a section 'news' (known: demo)" in str(done.exception)
