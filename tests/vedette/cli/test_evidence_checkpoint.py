"""`vedette evidence checkpoint`: exit codes, JSON, and what it says of folders, lists and rubbish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from registry.checkpoint_folder import CheckpointFolder
from vedette.cli.evidence import app
from vedette.errors import ConfigurationError
from vedette.evidence.checkpoint import Checkpoint, origin_of
from vedette.evidence.signed_note import NoteKey
from vedette.signing import SigningKey

ENGINE, EPOCH = "engine@localhost", "00ff"
ORIGIN = origin_of(engine=ENGINE, epoch=EPOCH)
KEY = SigningKey.generate()


def publish(folder: Path, *sizes: int, salt: int = 0) -> Path:
    notes = [(size, Checkpoint(origin=ORIGIN, size=size, root=bytes([size, salt]) * 16).seal(KEY)) for size in sizes]
    CheckpointFolder(folder).publish(notes, engine=ENGINE, epoch=EPOCH)
    return folder


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "engine.pub"
    file.write_bytes(KEY.verifying.pem)
    return file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["checkpoint", *map(str, arguments)])


def test_one_and_many_are_verified(tmp_path: Path, key_file: Path) -> None:
    folder = publish(tmp_path / "a", 3, 5)
    latest = folder / ENGINE / EPOCH / "latest"
    good = run("verify", latest, "--key", key_file)
    assert (good.exit_code, "5 entries" in good.output) == (0, True)
    line = NoteKey(name=ORIGIN, key=KEY.verifying).text
    shown = run("verify", folder, "--key", line, "--json")
    assert shown.exit_code == 0
    assert [one["size"] for one in json.loads(shown.stdout)["checkpoints"]] == [3, 5]
    other = tmp_path / "other.pub"
    other.write_bytes(SigningKey.generate().verifying.pem)
    bad = run("verify", latest, "--key", other)
    assert (bad.exit_code, "is not signed by" in bad.output) == (1, True)
    (tmp_path / "empty").mkdir()
    assert run("verify", tmp_path / "empty", "--key", key_file).exit_code == 1
    (tmp_path / "rubbish").write_bytes(b"\xff" * 100)
    assert run("verify", tmp_path / "rubbish", "--key", key_file).exit_code == 1


def test_a_rewritten_or_cut_history_shows(tmp_path: Path, key_file: Path) -> None:
    kept = publish(tmp_path / "kept", 3, 5)
    grown = publish(tmp_path / "grown", 3, 5, 9)
    assert run("compare", kept, grown, "--key", key_file).exit_code == 0
    note = (kept / ENGINE / EPOCH / "0000000000000003.checkpoint").read_bytes()
    (tmp_path / "list").write_bytes(note + (kept / ENGINE / EPOCH / "latest").read_bytes())
    assert run("compare", tmp_path / "list", grown, "--key", key_file).exit_code == 0
    rewritten = run("compare", kept, publish(tmp_path / "new", 3, 5, 9, salt=1), "--key", key_file, "--json")
    found = json.loads(rewritten.stdout)
    assert (rewritten.exit_code, [one["kind"] for one in found["findings"]]) == (1, ["rewritten"] * 2)
    cut = run("compare", kept, publish(tmp_path / "cut", 3), "--key", key_file)
    assert (cut.exit_code, f"truncated: {ORIGIN}, size 5: the log ends at 3 now" in cut.output) == (1, True)


def test_wrong_use(tmp_path: Path, key_file: Path) -> None:
    folder = publish(tmp_path / "a", 3)
    assert run("verify", tmp_path / "missing", "--key", key_file).exit_code == 2
    assert run("verify", folder).exit_code == 2
    for key in (tmp_path / "missing", folder / ENGINE / EPOCH / "latest", "name+00+AAAA"):
        assert isinstance(run("verify", folder, "--key", key).exception, ConfigurationError)
