"""The embedded server's accounts, in their file."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from ejabberd.accounts import EmbeddedAccounts, is_costly, matches, new_password
from vedette.errors import RefusedError, StoreError


def _stored(folder: Path, name: str) -> str:
    connection = sqlite3.connect(folder / "accounts.sqlite")
    try:
        return str(connection.execute("SELECT hash_pwd FROM credentials WHERE jid = ?", (name,)).fetchone()[0])
    finally:
        connection.close()


def test_accounts_are_made_listed_and_removed(tmp_path: Path) -> None:
    accounts = EmbeddedAccounts(tmp_path)
    accounts.create("probe2", new_password())
    accounts.create("probe1", new_password())
    assert EmbeddedAccounts(tmp_path).names() == ["probe1", "probe2"]
    accounts.remove("probe1")
    accounts.remove("never-was")
    assert accounts.names() == ["probe2"]


def test_making_an_account_again_gives_it_the_new_password(tmp_path: Path) -> None:
    old, new = new_password(), new_password()
    EmbeddedAccounts(tmp_path).create("a", old)
    EmbeddedAccounts(tmp_path).create("a", new)
    stored = _stored(tmp_path, "a")
    assert matches(new, stored)
    assert not matches(old, stored)
    assert EmbeddedAccounts(tmp_path).names() == ["a"]


def test_the_file_is_private_and_holds_no_password(tmp_path: Path) -> None:
    password = new_password()
    EmbeddedAccounts(tmp_path).create("a", password)
    path = tmp_path / "accounts.sqlite"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert password.encode() not in path.read_bytes()


def test_only_what_a_person_chose_is_stretched(tmp_path: Path) -> None:
    accounts = EmbeddedAccounts(tmp_path)
    accounts.create("random", new_password())
    accounts.create("chosen", "correct horse battery")
    assert not is_costly(_stored(tmp_path, "random"))
    assert is_costly(_stored(tmp_path, "chosen"))
    assert matches("correct horse battery", _stored(tmp_path, "chosen"))


def test_passwords_differ_and_have_256_bits() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert {len(password) for password in made} == {43}


@pytest.mark.parametrize("name", ["", "A", "a@b", "a/b", "a b", "ä", "-a", "a" * 65, "a\n", "a'"])
def test_a_name_that_xmpp_would_change_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="name"):
        EmbeddedAccounts(tmp_path).create(name, new_password())


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "tab\tin the middle"])
def test_a_password_that_cannot_be_used_is_refused_and_not_shown(tmp_path: Path, password: str) -> None:
    with pytest.raises(RefusedError, match="password") as caught:
        EmbeddedAccounts(tmp_path).create("a", password)
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("stored", ["", "sha256$x$00$00", "sha256$1$zz$00", "sha256$1$00"])
def test_a_row_that_is_not_understood_lets_nobody_in(stored: str) -> None:
    assert not matches("anything", stored)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"accounts\.sqlite"):
        EmbeddedAccounts(tmp_path).names()
