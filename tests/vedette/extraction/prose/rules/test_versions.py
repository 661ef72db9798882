"""Versions: numbers where versions stand; years, counts, sections and dates are none."""

from __future__ import annotations

import pytest

from vedette.extraction.prose.rules.versions import find_versions, is_version


@pytest.mark.parametrize(
    "word",
    [
        "1",
        "2.4.1",
        "2.x",
        "v1.2",
        "7.2(1)",
        "1.0.2k",
        "21H2",
        "3.0-rc1",
        "10.0.19041.388",
        "2.4.1-beta.2",
        "5.4.0-42",
    ],
)
def test_these_have_the_form(word: str) -> None:
    assert is_version(word)


@pytest.mark.parametrize(
    "word", ["", "x", "Windows", "64-bit", "10th", "2FA", "365", "1.", "...", "1,000", "5GB", "v"]
)
def test_these_have_not(word: str) -> None:
    assert not is_version(word)


@pytest.mark.parametrize(
    ("text", "product", "versions"),
    [
        ("Foo 2.4.1 is affected", "Foo", ["2.4.1"]),
        ("Foo before 2.4.1 , 3.x before 3.0.2", "Foo", ["2.4.1", "3.x", "3.0.2"]),
        ("Foo 1.0 through 1.4 and 2.0 to 2.3", "Foo", ["1.0", "1.4", "2.0", "2.3"]),
        ("Foo 7 , 8.1 and 10", "Foo", ["7", "8.1", "10"]),
        ("versions 3 and 4 of it", "", ["3", "4"]),
        ("version 2016 and earlier", "", ["2016"]),
        ("fixed in v1.2.3", "", ["v1.2.3"]),
        ("prior to 5.6", "", ["5.6"]),
        ("before 2019", "", []),
        ("in Foo in 2019", "Foo", []),
        ("Foo has 10 users", "Foo", []),
        ("Foo 64-bit", "Foo", []),
        ("from 5 to 10 people", "", []),
        ("up to 1.5 million", "", []),
        ("than 3.2 GB", "", []),
        ("see section 2.4.1 and figure 1.2.3", "", []),
        ("on 24.12.2020 and 2020.12.24", "", []),
        ("CVSS score 9.8", "", []),
    ],
)
def test_versions_are_found_where_they_stand(text: str, product: str, versions: list[str]) -> None:
    words = text.split()

    found = find_versions(words, [word == product for word in words])

    assert [words[place] for place in found] == versions
