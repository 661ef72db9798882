from __future__ import annotations

import os
from pathlib import Path

from vedette.files import write_whole


def test_a_file_has_the_mode_that_it_is_given_whatever_the_mask(tmp_path: Path) -> None:
    file, mask = tmp_path / "shown", os.umask(0o077)
    try:
        write_whole(file, [b"one"], mode=0o644)
        write_whole(tmp_path / "hidden", [b"two"])
    finally:
        os.umask(mask)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"one", 0o644)
    assert (tmp_path / "hidden").stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["hidden", "shown"]
