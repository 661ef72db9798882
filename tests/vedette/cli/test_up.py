"""`vedette up` where something is in the way: one line, exit 2, nothing left behind."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.database import Database
from tests.vedette.cli.commands import called, complaint, vedette


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_for_a_page_or_for_xmpp_is_said(tmp_path: Path, taken_port: int) -> None:
    file = tmp_path / "vedette.yml"
    file.write_text(f"registry: {{name: registry, view_port: {taken_port}}}\n")
    done = vedette("up", "--log-level", "error", folder=tmp_path)
    assert done.returncode == 2
    assert f"port {taken_port} on 127.0.0.1 is taken by another program" in complaint(done)
    assert done.stdout == ""

    file.write_text(f"xmpp: {{port: {taken_port}}}\n")
    done = vedette("up", "--log-level", "error", folder=tmp_path)
    assert done.returncode == 2
    assert str(taken_port) in complaint(done)


def test_a_store_of_another_release_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "vedette.yml").write_text("log_json: false\n")
    assert called("migrate", folder=tmp_path).returncode == 0
    store = tmp_path / "var" / "store.db"
    for revision, reason in (("9999", "is newer than this release"), (None, "run: vedette migrate")):
        with sqlite3.connect(store) as connection:
            connection.execute("DELETE FROM alembic_version")
            if revision is not None:
                connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        connection.close()
        done = vedette("up", folder=tmp_path)
        assert done.returncode == 2
        assert reason in complaint(done)
    # The newer one is not "migrated" either.
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.close()
    assert "cannot be migrated by this release" in complaint(called("migrate", folder=tmp_path))


def test_a_store_elsewhere_is_made_once_and_never_migrated_unasked(tmp_path: Path) -> None:
    store = tmp_path / "elsewhere.db"
    (tmp_path / "vedette.yml").write_text(f"store: sqlite:///{store}\n")
    Database(f"sqlite:///{store}").migrate()
    with sqlite3.connect(store) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    done = vedette("up", folder=tmp_path)
    assert done.returncode == 2
    assert "run: vedette migrate" in complaint(done)


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "vedette.yml").write_text("log_json: false\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "store.db").write_bytes(b"no database" * 1000)
    done = called("status", folder=tmp_path)
    assert done.returncode == 2
    assert "store.db" in complaint(done)


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "vedette.yml").write_text("data: file/var\n")
    (tmp_path / "file").write_text("")
    done = vedette("up", folder=tmp_path)
    assert done.returncode == 2
    assert "cannot be made" in complaint(done)
