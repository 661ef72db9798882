"""Hashes of passwords: Argon2id, raised when a release asks for more, the same time for nobody."""

from __future__ import annotations

import time

import pytest

from tests.timing import STRICT
from vedette.access.password_hash import PasswordHashError, Passwords, device_mark

CHEAP = {"passes": 1, "memory_kib": 1024, "lanes": 1}


def test_the_default_is_an_option_that_rfc_9106_recommends() -> None:
    stored = Passwords().hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_only_the_right_password_is_right() -> None:
    passwords = Passwords(**CHEAP)
    stored = passwords.hash("correct horse battery")
    assert passwords.verify(stored, "correct horse battery")
    assert not any(passwords.verify(stored, wrong) for wrong in ("", "correct horse batter", "Correct horse battery"))
    assert stored != passwords.hash("correct horse battery")


def test_nobody_has_a_password_and_it_takes_as_long_to_say_so() -> None:
    passwords = Passwords(passes=2, memory_kib=8192, lanes=1)
    stored = passwords.hash("correct horse battery")

    def seconds(hashed: str | None) -> float:
        started = time.thread_time()
        assert not passwords.verify(hashed, "wrong")
        return time.thread_time() - started

    # In turns and the best of many: the machine is not ours alone. What is no hash at all takes no time.
    pairs = [(seconds(stored), seconds(None)) for _ in range(15)]
    someone, nobody = (min(times) for times in zip(*pairs, strict=True))
    assert nobody == pytest.approx(someone, rel=0.5 if STRICT else 0.9)


def test_a_hash_with_other_parameters_still_works_and_is_outdated() -> None:
    old, new = Passwords(**CHEAP), Passwords(passes=2, memory_kib=1024, lanes=1)
    stored = old.hash("correct horse battery")
    assert new.verify(stored, "correct horse battery")
    assert new.is_outdated(stored)
    assert not old.is_outdated(stored)


@pytest.mark.parametrize(
    "stored", ["x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1,t=1,p=1$YQ$YQ"]
)
def test_what_is_no_hash_is_an_error_of_ours(stored: str) -> None:
    with pytest.raises(PasswordHashError):
        Passwords(**CHEAP).verify(stored, "x")


def test_a_browser_is_known_until_the_password_changes() -> None:
    passwords = Passwords(**CHEAP)
    before, after = passwords.hash("correct horse battery"), passwords.hash("correct horse battery")
    mark = device_mark(before, user="1")
    assert mark == device_mark(before, user="1")
    assert len({mark, device_mark(before, user="2"), device_mark(after, user="1")}) == 3
