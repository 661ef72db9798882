"""Warning lists: every type of list, what is passed over, and the lists that Vedette is installed with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.sharing_parts import view
from vedette.canonical import canonical_json
from vedette.errors import ConfigurationError
from vedette.sharing import warning_list_files
from vedette.sharing.warning_lists import WarningLists

EMPTY = "D41D8CD98F00B204E9800998ECF8427E"
NAMES = ("domain", "hostname", "url")


def a_list(name: str, type: str, attributes: Sequence[str], *entries: str) -> dict[str, Any]:
    """A list as its file has it."""
    return {"name": name, "type": type, "matching_attributes": list(attributes), "list": list(entries)}


RESOLVERS = ("198.18.8.8", "198.19.0.0/16", "2001:db8:53::/48", "no network", "10.0.0.0/99")
LISTS = {
    "resolvers": a_list("Resolvers", "cidr", ["ip-dst"], *RESOLVERS),
    "sites": a_list("Sites", "hostname", NAMES, ".Known.Test", "x.test"),
    "exact": a_list("Exact", "string", ["domain"], "Only.This.test"),
    "parts": a_list("Parts", "substring", NAMES, "sandbox"),
    "hashes": a_list("Hashes", "string", ["md5"], EMPTY),
    "mail": a_list("Mail", "regex", ["email-src"], "/^abuse@/i", "(?<=x)y"),
    "phones": a_list("Phones", "string", ["phone-number"], "c2.evil.test"),
    "strange": a_list("Strange", "tea", NAMES, "c2.evil.test"),
    "a-name": a_list("A second list of sites", "hostname", NAMES, "x.test"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of lists, good and bad."""
    for name, entry in LISTS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.json").write_bytes(canonical_json(entry))
    for name, text in (("broken", b"{"), ("array", b"[]"), ("nameless", b'{"list": []}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.json").write_bytes(text)
    return tmp_path


@pytest.mark.parametrize(
    ("type", "name", "found"),
    [
        ("IP", "198.18.8.8", "Resolvers"),
        ("IP", "198.18.8.9", ""),
        ("IP", "198.19.255.1", "Resolvers"),
        ("IP", "2001:db8:53::1", "Resolvers"),
        ("IP", "2001:db8:54::1", ""),
        ("AddressRange", "198.19.4.0 - 198.19.4.255", "Resolvers"),
        ("AddressRange", "198.18.0.0 - 198.19.255.255", ""),
        ("AddressRange", "198.19.0.0 - 198.20.0.0", ""),
        ("Observable/Socket Address", "198.18.8.8:53", "Resolvers"),
        ("Observable/Domain Name", "www.known.test", "Sites"),
        ("Observable/Domain Name", "known.test", "Sites"),
        ("Observable/Domain Name", "unknown.test", ""),
        ("Observable/Domain Name", "x.test", "A second list of sites"),
        ("Observable/URI", "http://www.known.test/x", "Sites"),
        ("Observable/URI", "http://evil.test/known.test", ""),
        ("Observable/URI", "http://198.18.8.8/", ""),
        ("Observable/Domain Name", "ONLY.this.test.", "Exact"),
        ("Observable/Domain Name", "not.only.this.test", ""),
        ("Observable/Domain Name", "mysandbox7.test", "Parts"),
        ("Observable/File", "d41d8cd98f00b204e9800998ecf8427e", "Hashes"),
        ("Observable/File", "e41d8cd98f00b204e9800998ecf8427e", ""),
        ("Observable/Email Address", "Abuse@evil.test", "Mail"),
        ("Observable/Email Address", "x@evil.test", ""),
        ("Observable/Domain Name", "c2.evil.test", ""),
        ("Malware", "x.test", ""),
    ],
)
def test_a_fact_is_on_the_lists_that_concern_it(folder: Path, type: str, name: str, found: str) -> None:
    assert WarningLists(folder).name_of(view(type, name)) == found


def test_a_file_is_known_by_each_of_its_hashes(folder: Path) -> None:
    assert (
        WarningLists(folder).name_of(view("Observable/File", "a.exe", md5="d41d8cd98f00b204e9800998ecf8427e"))
        == "Hashes"
    )


def test_what_cannot_be_used_is_said(folder: Path) -> None:
    lists = WarningLists(folder)
    assert lists.problems == ()
    lists.name_of(view("IP", "198.18.8.8"))

    said = " ".join(lists.problems)
    assert len(lists.problems) == 5
    assert all(word in said for word in ("broken", "array", "nameless", "Strange", "(?<=x)y"))


def test_a_list_that_is_too_large_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warning_list_files, "MAX_ENTRIES", 4)
    lists = WarningLists(folder)

    assert lists.name_of(view("IP", "198.18.8.8")) == ""
    assert any("more than 4 entries" in one for one in lists.problems)


def test_a_folder_without_lists_is_a_mistake(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigurationError, match="warning_lists"):
            WarningLists(folder).name_of(view("IP", "198.18.8.8"))


def test_the_installed_lists_know_what_everybody_knows() -> None:
    lists = WarningLists()

    assert "DNS" in lists.name_of(view("IP", "8.8.8.8"))
    assert "RFC 5735" in lists.name_of(view("IP", "203.0.113.7"))
    assert lists.name_of(view("Observable/Domain Name", "www.google.com"))
    assert lists.name_of(view("Observable/Domain Name", "surely-nobody-lists-this.ru")) == ""
    assert all("more than" in one for one in lists.problems)
