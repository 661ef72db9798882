"""Versions as sentences bound them: single ones, ranges, and those that do not have what is spoken of."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.prose.annotations import annotated
from vedette.extraction.prose.version_words import Versions, versions_of


def versions(marked: str, *unaffected: int) -> Versions:
    """Return what a sentence says; `unaffected` are the numbers of entities that are said not to be affected."""
    document = annotated(marked)
    return versions_of(document.text, [(one, one.id in unaffected) for one in document.entities])


@pytest.mark.parametrize(
    ("marked", "exact", "ranges"),
    [
        ("Foo [1.2|VERSION] and [1.3|VERSION]", ["1.2", "1.3"], []),
        ("Foo [v1.2|VERSION].", ["1.2"], []),
        ("Foo before [2.4.1|VERSION]", [], ["< 2.4.1"]),
        ("Foo before version [2.4.1|VERSION]", [], ["< 2.4.1"]),
        ("Foo prior to [2.4.1|VERSION]", [], ["< 2.4.1"]),
        ("Foo [before 2.4.1|VERSION]", [], ["< 2.4.1"]),
        ("Foo < [2.4|VERSION]", [], ["< 2.4"]),
        ("Foo through [2.4|VERSION]", [], ["<= 2.4"]),
        ("Foo [2.4|VERSION] and earlier", [], ["<= 2.4"]),
        ("Foo [2.4|VERSION] (and all prior versions)", [], ["<= 2.4"]),
        ("Foo [2.4|VERSION] or later", [], [">= 2.4"]),
        ("Foo [1.0|VERSION] through [1.4|VERSION]", [], [">= 1.0, <= 1.4"]),
        ("Foo [1.0|VERSION] through [1.4|VERSION] and [2.1|VERSION]", ["2.1"], [">= 1.0, <= 1.4"]),
        ("Foo from [1.0|VERSION] before [1.4|VERSION]", [], [">= 1.0, < 1.4"]),
        ("Foo [1.x|VERSION] before [1.4|VERSION]", [], [">= 1, < 1.4"]),
        (
            "Foo [1.0|VERSION] to [1.4|VERSION], [2.x|VERSION] before [2.3|VERSION]",
            [],
            [">= 1.0, <= 1.4", ">= 2, < 2.3"],
        ),
        ("Word [2013|VERSION] before [15.2|VERSION]", ["2013"], ["< 15.2"]),
        ("Foo [2.x|VERSION]", [], ["2.x"]),
        ("Foo after [2.0|VERSION]", [], ["> 2.0"]),
        ("Foo [latest|VERSION]", [], []),
    ],
)
def test_versions_are_what_the_words_around_them_say(marked: str, exact: list[str], ranges: list[str]) -> None:
    found = versions(marked)
    assert (found.exact, found.ranges, found.unaffected) == (exact, ranges, [])


def test_what_repairs_it_is_not_affected() -> None:
    assert versions("fixed in [2.4.1|VERSION]", 0) == Versions(unaffected=["2.4.1"])
    before = versions("Foo [1.0|VERSION] before [2.4.1|VERSION]", 1)
    assert (before.exact, before.ranges, before.unaffected) == (["1.0"], ["< 2.4.1"], ["2.4.1"])


def test_updates_are_as_platform_names_have_them() -> None:
    assert versions("[Service Pack 2|UPDATE], [Update 3|UPDATE]").updates == ["sp2", "update 3"]


def test_an_update_that_repairs_it_is_not_affected() -> None:
    found = versions("Foo 2010 before [SP3|UPDATE]", 0)
    assert (found.updates, found.unaffected) == ([], ["sp3"])


def test_hostile_texts_take_no_longer() -> None:
    # The words around a version are looked at, never the document
    found = versions("through " * 50_000 + f"[1.0{'.0' * 500}|VERSION]" + " and" * 50_000)
    assert len(found.ranges) == 1
