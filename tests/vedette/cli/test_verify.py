"""`vedette verify`: exit codes, many bundles, hostile files, and the shared token cases."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.vedette.evidence.sample import Authority, make_contents
from vedette.cli import verify_files
from vedette.cli.verify import verify
from vedette.clock import SystemClock
from vedette.evidence.bundle import build_bundle
from vedette.evidence.exchange import granted
from vedette.signing import SigningKey

TOKENS = Path(__file__).parents[4] / "shared" / "cases" / "evidence" / "tokens"
KEY = SigningKey.generate()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "a", now=SystemClock().now() - 5_000_000)


@pytest.fixture
def roots(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.identity.roots_pem)
    return file


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "item.zip"
    file.write_bytes(build_bundle(make_contents(authority, key=KEY)))
    return file


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(verify)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"VEDETTE_TRUST": None})


def test_a_good_bundle_exits_0_and_prints_every_check(bundle: Path, roots: Path) -> None:
    done = run(bundle, "--trust", roots)
    assert done.exit_code == 0, done.output
    assert "VERIFIED" in done.output
    assert "SELF-ASSERTED" in done.output
    assert done.output.count("ok: ") >= 8


def test_without_roots_or_with_a_stranger_s_it_exits_1(bundle: Path, tmp_path: Path) -> None:
    done = run(bundle)
    assert (done.exit_code, "consistent" in done.output) == (1, True)
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(Authority.make(tmp_path / "stranger").identity.roots_pem)
    assert run(bundle, "--trust", stranger).exit_code == 1


def test_the_configured_trust_store_counts_where_none_is_given(
    bundle: Path, roots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(bundle).exit_code == 1
    Path("vedette.yml").write_text("trust: roots.pem\n")
    done = run(bundle)
    assert (done.exit_code, "trusting the roots in" in done.stderr) == (0, True)
    Path("other.yml").write_text("data: var\n")
    assert run(bundle, "-c", "other.yml").exit_code == 1
    assert run(bundle, "-c", "missing.yml").exit_code == 2


def test_the_agent_s_key_may_be_given(bundle: Path, roots: Path, tmp_path: Path) -> None:
    key = tmp_path / "agent.pem"
    for signing, code in ((KEY, 0), (SigningKey.generate(), 1)):
        key.write_bytes(signing.verifying.pem)
        assert run(bundle, "--trust", roots, "--agent-key", key).exit_code == code


def test_wrong_use_exits_2_with_one_line(bundle: Path, roots: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bad = tmp_path / "bad.pem"
    bad.write_bytes(b"no certificate")
    for arguments in (
        (tmp_path / "missing.zip", "--trust", roots),
        (tmp_path / "empty", "--trust", roots),
        (bundle, "--trust", tmp_path / "missing.pem"),
        (bundle, "--trust", bad),
        (bundle, "--trust", roots, "--agent-key", bad),
        (bundle, "--trust", roots, "--untrusted", bad),
        (bundle, "--trust", roots, "--query", bad),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert len(done.stderr.strip().splitlines()) == 1


def test_folders_are_searched_and_each_bundle_gets_a_verdict(bundle: Path, roots: Path, tmp_path: Path) -> None:
    deep = tmp_path / "many" / "deep"
    deep.mkdir(parents=True)
    data = bundle.read_bytes()
    for number in range(3):
        (deep / f"{number}.zip").write_bytes(data)
    (deep.parent / "broken.ZIP").write_bytes(data[:-1])
    (deep / "notes.txt").write_bytes(b"")
    done = run(deep.parent, "--trust", roots, "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["ok"], said["verified"], said["failed"]) == (1, False, 3, 1)
    assert len(said["results"]) == 4
    (deep.parent / "broken.ZIP").unlink()
    assert run(deep.parent, bundle, "--trust", roots).exit_code == 0


def test_many_bundles_are_verified_in_several_processes(
    bundle: Path, roots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_files, "SERIAL_LIMIT", 1)
    monkeypatch.setattr(verify_files, "CHUNK", 2)
    copies = tmp_path / "copies"
    copies.mkdir()
    for number in range(4):
        (copies / f"{number}.zip").write_bytes(bundle.read_bytes())
    done = run(copies, "--trust", roots, "--jobs", 2, "--json")
    assert (done.exit_code, json.loads(done.stdout)["verified"]) == (0, 4), done.output


def test_hostile_files_are_refused_and_nothing_is_written(roots: Path, tmp_path: Path) -> None:
    place = tmp_path / "hostile"
    place.mkdir()
    (place / "text.zip").write_bytes(b"\x1b[2J not a zip")
    (place / "nothing.zip").write_bytes(b"")
    (place / "header.zip").write_bytes(b"PK\x03\x04" + bytes(26))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = run(place, "--trust", roots)
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_response_or_record_by_itself(authority: Authority, roots: Path, tmp_path: Path) -> None:
    data, response = tmp_path / "data.bin", tmp_path / "answer.tsr"
    data.write_bytes(b"any data")
    response.write_bytes(granted(authority.stamp(hashlib.sha256(b"any data").digest())))
    assert run(response, data, "--trust", roots).exit_code == 0
    assert run(response, data, "--trust", roots, "--strict").exit_code == 1
    assert run(response, data).exit_code == 2
    data.write_bytes(b"other data")
    assert run(response, data, "--trust", roots).exit_code == 1


def cases() -> list[dict[str, str]]:
    file = TOKENS / "cases.json"
    return json.loads(file.read_text()) if file.is_file() else []


@pytest.mark.skipif(not TOKENS.is_dir(), reason="needs ../shared")
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_the_shared_token_cases_are_classified_right(case: dict[str, str]) -> None:
    folder = TOKENS / case["name"]
    options: list[object] = ["--trust", folder / "roots.pem"]
    if (folder / "query.tsq").exists():
        options += ["--query", folder / "query.tsq"]
    if (folder / "untrusted.pem").exists():
        options += ["--untrusted", folder / "untrusted.pem"]
    done = run(folder / "response.tsr", folder / "data.bin", *options)
    assert done.exit_code == (0 if case["expected"] == "valid" else 1), done.output
