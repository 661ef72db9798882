"""The weights are checked before they are used: what is missing, damaged or foreign is said by its file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vedette.errors import VedetteError
from vedette.extraction.prose.reading.model import Model
from vedette.extraction.prose.reading.reader import WeightsReader
from vedette.extraction.prose.reading.weights import Weights, WeightsError

SHIPPED = Path(__file__).parents[5] / "vedette" / "extraction" / "prose" / "weights"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("labels.json", "tokenizer.json", "names.txt", "model.onnx", "techniques.npz"):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def _change(name: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / "labels.json").read_text())
        (folder / "labels.json").write_text(json.dumps(told | {name: value}))

    return change


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def _flip(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "file", "reason"),
    [
        (_flip, "model.onnx", "SHA-256"),
        (_write("model.onnx", b""), "model.onnx", "SHA-256"),
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx", "No such file"),
        (lambda folder: (folder / "names.txt").unlink(), "names.txt", "No such file"),
        (_write("names.txt", b"1\temotet\nemotet\n"), "names.txt", "line 2 is not"),
        (_write("names.txt", b"1\t\xff\n"), "names.txt", "UTF-8"),
        (lambda folder: (folder / "techniques.npz").unlink(), "techniques.npz", "No such file"),
        (_write("techniques.npz", b"PK"), "techniques.npz", "techniques"),
        (_write("tokenizer.json", b"{}"), "tokenizer.json", "tokenizer"),
        (_write("labels.json", b"{"), "labels.json", "JSON"),
        (_change("version", ""), "labels.json", "version"),
        (_change("temperature", 0), "labels.json", "temperature"),
        (_change("sha256", "x"), "labels.json", "sha256"),
    ],
)
def test_damage_is_said_by_its_file(damage: Callable[[Path], None], file: str, reason: str, folder: Path) -> None:
    damage(folder)

    with pytest.raises(WeightsError, match=reason) as caught:
        WeightsReader(Weights(folder))

    assert caught.value.file == file
    assert isinstance(caught.value, VedetteError)
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_none() -> None:
    with pytest.raises(WeightsError, match=r"model\.onnx"):
        Model(b"no model")


def test_an_absent_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"labels\.json: No such file"):
        Weights(tmp_path / "absent")
