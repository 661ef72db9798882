"""The ontology: checked at load, and whatever it does not name is kept under default rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.configuration.loading import load
from vedette.errors import ConfigurationError
from vedette.graph.ontology import FILE, MAX_TYPE, Ontology, ontology


def test_ours_can_be_read_once() -> None:
    assert ontology() is ontology()


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("kinds: {IP: {name: adress}}", "kinds.IP.name"),
        ("kinds: {IP: {nmae: ip}}", "kinds.IP.nmae"),
        ("kinds: {IP: {same_as: Nobody}}", "kinds.IP.same_as"),
        ("kinds: {IP: {alike: nonsense}}", "kinds.IP.alike"),
        ("relations: {Uses: {out_kinds: [Nobody]}}", "relations.Uses"),
        ("properties: {score: {merge: last}}", "properties.score.merge"),
    ],
)
def test_a_mistake_names_its_key(tmp_path: Path, wrong: str, key: str) -> None:
    lines = {name: f"{name}: {{}}" for name in ("kinds", "relations", "properties")} | {
        wrong.partition(":")[0]: wrong
    }
    file = tmp_path / "ontology.yml"
    file.write_text("\n".join(["version: 1", *lines.values()]))

    with pytest.raises(ConfigurationError, match=key) as caught:
        load(file, Ontology)
    assert str(file) in str(caught.value)


def test_another_spelling_of_a_kind_is_that_kind() -> None:
    rules = ontology()

    for spelling in (("Observable", "Address"), ("IP", ""), ("IP", "Address")):
        kind = rules.resolve(*spelling)
        assert (kind.type, kind.observable_type, kind.form) == ("IP", "Address", "ip")
    assert rules.canonical("Observable", "Address", "10[.]0.0.1") == "10.0.0.1"


def test_what_is_unknown_is_kept_under_default_rules() -> None:
    kind = ontology().resolve("Sp\u00e4th", "x" * 5000)

    assert (kind.type, len(kind.observable_type), kind.form) == ("Sp\u00e4th", MAX_TYPE, "text")
    assert (kind.rule_of("whatever"), kind.rule_of("name"), kind.may_merge) == ("any", "earliest", False)
    assert ontology().resolve(kind.type, kind.observable_type).type == kind.type


def test_a_name_without_a_type_has_the_forms_of_all() -> None:
    assert {"cve-2026-1", "CVE-2026-0001"} <= ontology().canonical_forms("cve-2026-1")


def test_the_file_is_where_the_package_is() -> None:
    assert FILE.is_file()


def test_only_observables_are_told_apart_by_observable_type() -> None:
    rules = ontology()

    assert rules.resolve("Malware", "Whatever").observable_type == ""
    assert rules.resolve("Observable", "Whatever").observable_type == "Whatever"
    assert rules.resolve("IP", "Whatever").observable_type == "Address"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("dueDate", "1775001600000", "2026-04-01T00:00:00Z"),
        ("startTime", "-1", "1969-12-31T23:59:59Z"),
        ("dueDate", "999999999999999", ""),
        ("dueDate", "soon", ""),
        ("score", "1775001600000", ""),
        ("unheard-of", "1775001600000", ""),
    ],
)
def test_a_date_is_said_as_people_read_it(name: str, value: str, read: str) -> None:
    assert ontology().instant(name, value) == read
