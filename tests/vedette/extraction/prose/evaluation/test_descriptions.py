"""When what the list of the NVD says and what a description says is the same thing."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.evaluation.descriptions import covers, has_version, is_short_for

VERSIONS = frozenset({("1 8 8 dev", "foo"), ("1 5 0 r14", "foo"), ("2 1 0", "foo")})


@pytest.mark.parametrize(
    ("name", "product", "wanted"),
    [
        ("big ip apm", "big ip access policy manager", True),
        ("apm", "access policy manager", True),
        ("magnolia form", "magnolia form module", True),
        ("pwebserver", "pwebserver web server", True),
        ("big ip ltm", "big ip access policy manager", False),
        ("magnolia", "magnolia form module", False),
        ("form", "magnolia form module", False),
        ("firefox", "firefox esr", False),
        ("a", "apache", False),
    ],
)
def test_a_name_may_be_shorter_than_in_the_list(name: str, product: str, wanted: bool) -> None:
    assert is_short_for(name, product) is wanted


def test_letters_behind_a_number_are_parted_in_the_list() -> None:
    assert has_version("1 8 8dev", "foo", VERSIONS)
    assert not has_version("1 8 9dev", "foo", VERSIONS)


def test_an_update_may_stand_with_its_version() -> None:
    assert covers("r14", "foo", VERSIONS)
    assert not covers("r4", "foo", VERSIONS)
    assert not covers("14", "foo", VERSIONS)
    assert not covers("r14", "bar", VERSIONS)
