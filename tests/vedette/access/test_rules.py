"""Names and passwords: what is taken, and in which form."""

from __future__ import annotations

import pytest

from vedette.access.rules import MAX_PASSWORD, check_name, check_password, normal_name, normal_password
from vedette.errors import RefusedError

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    ("given", "stored"), [("anna", "anna"), (" Anna ", "anna"), ("a.b-c_9", "a.b-c_9"), ("9", "9")]
)
def test_a_name_is_stored_in_one_form(given: str, stored: str) -> None:
    assert check_name(given) == stored == normal_name(given)


@pytest.mark.parametrize(
    "name", ["", " ", ".anna", "an na", "änna", "an\nna", "a" * 65, "anna@x", "a/b", "a\0", "\u202eanna"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="name"):
        check_name(name)


@pytest.mark.parametrize(
    "password", [GOOD, "zwölf Zeichen!", "パスワードはとても長いです", "a" * 4 + "bcde" * 60, " spaces  count "]
)
def test_a_long_password_of_any_characters_is_good(password: str) -> None:
    assert check_password(password, name="anna") == normal_password(password)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * (MAX_PASSWORD + 1), "at most"),
        ("aaaaaaaaaaaa", "different"),
        ("abababababab", "different"),
        ("administrator", "the name"),
        ("Administrator1", "the name"),
        ("a bell\x07 rings", "control"),
        ("one line\nand another", "control"),
        ("nothing\0 at all here", "control"),
    ],
)
def test_a_password_that_is_easily_guessed_or_cannot_be_typed_is_refused(password: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        check_password(password, name="administrator")


def test_an_umlaut_is_the_same_however_a_keyboard_sends_it() -> None:
    composed, decomposed = "Stra\u00dfe nach K\u00f6ln", "Stra\u00dfe nach Ko\u0308ln"
    assert check_password(composed, name="anna") == check_password(decomposed, name="anna")


def test_half_a_character_is_not_an_error_but_no_password_of_anybody() -> None:
    assert normal_password("\ud800" * 12) == "?" * 12
