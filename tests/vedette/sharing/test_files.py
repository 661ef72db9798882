"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vedette.sharing.exporter import ExportError
from vedette.sharing.files import write_whole


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "shared.json"
    write_whole(file, [b"one", b"two"])
    assert file.read_bytes() == b"onetwo"
    write_whole(file, [b"three"])
    assert file.read_bytes() == b"three"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"half"
        raise ExportError("no more")

    file = tmp_path / "shared.json"
    file.write_bytes(b"old")
    with pytest.raises(ExportError):
        write_whole(file, failing())
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", [".", "/dev/null"])
def test_what_is_no_file_stays(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="is no file; name one"):
        write_whole(tmp_path / name, [b"data"])
    assert not Path("/dev/null").is_file()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "shared.json", [b"data"])
