"""The log in files: several processes write, one moves the file away, and every line is there once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.timing import PATIENCE
from vedette.log_file import LogFile

WRITERS, LINES = 3, 400
WRITER = f"""
import sys
from pathlib import Path
from vedette.log_file import LogFile
file = LogFile(Path(sys.argv[1]), size=2000, count=1000)
for number in range({LINES}):
    file.write(f"{{sys.argv[2]}} {{number}} {{'x' * 60}}\\n")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vedette.log"


@pytest.fixture
def file(path: Path) -> Iterator[LogFile]:
    with closing(LogFile(path, size=100, count=2)) as file:
        yield file


def test_several_processes_lose_no_line_while_the_file_is_moved_away(path: Path) -> None:
    arguments = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*arguments, str(number)], stderr=subprocess.PIPE) for number in range(WRITERS)]
    for writer in writers:
        _, complained = writer.communicate(timeout=PATIENCE)
        assert (writer.returncode, complained) == (0, b"")
    files = list(path.parent.glob("vedette.log*"))
    assert len(files) > WRITERS * LINES * 60 // 4000
    lines = Counter(line for one in files for line in one.read_text().splitlines())
    wanted = [f"{writer} {number} {'x' * 60}" for writer in range(WRITERS) for number in range(LINES)]
    assert lines == Counter(wanted)
    # A file has more than its size only by what was on its way.
    assert max(one.stat().st_size for one in files) < 2 * 2000


def test_only_so_many_older_files_stay_the_youngest_first(file: LogFile, path: Path) -> None:
    for number in range(5):
        file.write(f"{number} {'x' * 100}\n")
    assert [one.read_text()[0] for one in (path, Path(f"{path}.1"), Path(f"{path}.2"))] == ["4", "3", "2"]
    assert not Path(f"{path}.3").exists()


def test_a_file_that_was_moved_away_or_removed_by_others_is_opened_anew(file: LogFile, path: Path) -> None:
    file.write("first\n")
    path.rename(f"{path}.old")
    file.write("second\n")
    assert path.read_text() == "second\n"
    path.unlink()
    file.write("third\n")
    assert path.read_text() == "third\n"
    os.truncate(path, 0)
    file.write("fourth\n")
    assert path.read_text() == "fourth\n"


def test_what_the_file_does_not_take_is_on_stderr(
    file: LogFile, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.unlink()
    path.mkdir()
    file.write("a line\n")
    assert "a line\n" in capsys.readouterr().err
    path.rmdir()
    file.write("another \udcff\n")
    assert path.read_text() == "another \\udcff\n"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        LogFile(path, size=100, count=1)
    assert not (tmp_path / "elsewhere").exists()
