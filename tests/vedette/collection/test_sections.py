"""Given configurations as Stucco has them, when they are read, then each key does its job or is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vedette.canonical import canonical_json
from vedette.collection.sections import choose_section, load_sections, read_sections
from vedette.errors import ConfigurationError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "sources"

STUCCO = r"""
default:
  rabbitmq:
    host: localhost
  demo:
    collectors:
      -
        type: RSS
        data-type: structured
        source-name: sophos
        source-URI: http://www.sophos.com/en-us/rss/threats/latest-viruses.xml
        content-type : text/xml
        store-entry: true
        tab-regex: 'href="(http://www\.sophos\.com/\S*\.aspx)">(Summary|More information)'
        now-collect: new
        cron: 0 10 * * * ? # collect on every hour
      -
        type: WEB
        source-name: caida.as2org
        source-URI: http://data.caida.org/x.gz
        crawl-delay: "2"
        post-process: unzip, removeHTML
        cron: now
    outputLog : ./demo.log
    outputDir : ./data/Receive
vagrant:
  rabbitmq:
    host: localhost
"""


def text(**keys: Any) -> str:
    """A section with one source."""
    entry = {"type": "WEB", "source-name": "x", "source-URI": "http://x.example/"} | keys
    return canonical_json({"default": {"demo": {"collectors": [entry]}}}).decode()


def test_a_stucco_file_as_it_is() -> None:
    sections = read_sections(STUCCO, "stucco.yml")
    sophos, caida = choose_section(sections, "demo", place="stucco.yml").sources
    assert (sophos.type, sophos.data_type, sophos.store_entry, sophos.now_collect) == (
        "RSS",
        "structured",
        True,
        "new",
    )
    assert sophos.routing_key == "vedette.in.structured.sophos"
    assert sophos.timetable is not None
    assert sophos.starts_at_once
    assert (caida.crawl_delay, caida.post_process, caida.timetable) == (2.0, ("unzip", "removeHTML"), None)
    assert (caida.routing_key, caida.starts_at_once) == ("vedette.in.unstructured.caida.as2org", True)
    assert sophos.identity != caida.identity


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared data is not here")
@pytest.mark.parametrize(
    ("name", "sections"), [("collectors.yml", 2), ("single-site.yml", 2), ("test_config.yml", 3)]
)
def test_files_of_others_load(name: str, sections: int) -> None:
    found = load_sections(SHARED / name)
    assert len(found) == sections
    assert all(section.sources and not section.warnings for section in found.values())


def test_our_own_form_is_the_same_without_default() -> None:
    (section,) = read_sections(
        "news:\n  collectors:\n  - {type: web, source-name: a, source-URI: 'http://a.example/'}", "x"
    ).values()
    assert (section.name, section.sources[0].type) == ("news", "WEB")
    (section,) = read_sections(
        "collectors:\n- {type: WEB, source-name: a, source-URI: 'http://a.example/'}", "x"
    ).values()
    assert section.name == "default"


@pytest.mark.parametrize(
    ("type", "now", "key"),
    [("BUGTRAQ", "PSEUDO_RSS", "entry_regex"), ("sophos", "TABBED_ENTRY", "tab_regex")],
    ids=["bugtraq", "sophos"],
)
def test_deprecated_types_become_what_replaces_them(type: str, now: str, key: str) -> None:
    (section,) = read_sections(text(type=type), "x.yml").values()
    (source,) = section.sources
    assert source.type == now
    assert getattr(source, key)
    assert section.warnings == (f"demo.collectors.0.type: {type.upper()} is deprecated; it is read as {now}",)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"typ": "WEB"}, "demo.collectors.0.typ: unknown key 'typ'; did you mean 'type'?"),
        ({"source-uri": "x"}, "unknown key 'source-uri'; did you mean 'source-URI'?"),
        ({"source-URI": "ftp://x/"}, "demo.collectors.0.source-URI: must be an http or https URL"),
        ({"source-URI": ""}, "source-URI: must have 1 to"),
        ({"source-name": "a..b"}, "source-name: must be words"),
        ({"source-name": "a.*"}, "source-name: must be words"),
        ({"crawl-delay": -1}, "crawl-delay: must be"),
        ({"crawl-delay": "soon"}, "crawl-delay: must be"),
        ({"now-collect": "maybe"}, "now-collect: must be"),
        ({"cron": "0 40 21 * * 5"}, "cron: "),
        ({"cron": "40 21 ? * 5"}, "cron: "),
        ({"time-zone": "Mars/Olympus"}, "time-zone: 'Mars/Olympus' is not a time zone"),
        ({"time-zone": "../../etc/passwd"}, "is not a time zone"),
        ({"type": "PSEUDO_RSS"}, "entry-regex: is required"),
        ({"type": "TABBED_ENTRY"}, "tab-regex: is required"),
        ({"entry-regex": "(?=x)y"}, "entry-regex: is not a regular expression that can be used: it looks ahead"),
        ({"entry-regex": r"(a)\1"}, "it refers back to a group"),
        ({"entry-regex": "a++"}, "possessive"),
        ({"entry-regex": "(unclosed"}, "missing"),
        ({"entry-css": "a[[["}, "entry-css: is not a CSS selector"),
        ({"post-process": "rm;ls"}, "post-process: 'rm;ls' is no name"),
        ({"max-entries": 0}, "max-entries: must be"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else "-".join(value),
)
def test_what_is_wrong_is_told_with_file_section_key_and_reason(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_sections(text(**keys), "x.yml")
    assert str(caught.value).startswith("x.yml: demo.collectors.0")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: 1", "has no section with 'collectors'"),
        ("demo: {collectors: 3}", "demo.collectors: must be a list"),
        ("demo: {collectors: [3]}", "demo.collectors.0: must be an object"),
        ("demo: {collectors: [], colour: red}", "demo.colour: is not known here"),
        ("a: &x [1]\nb: *x", "aliases are not allowed"),
    ],
    ids=["no section", "no list", "no object", "unknown", "alias"],
)
def test_what_is_no_configuration_is_told(content: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="x.yml") as caught:
        read_sections(content, "x.yml")
    assert reason in str(caught.value)


def test_a_source_that_is_there_twice_counts_once() -> None:
    entry = "{type: WEB, source-name: a, source-URI: 'http://a.example/'}"
    (section,) = read_sections(f"demo:\n  collectors: [{entry}, {entry}]", "x").values()
    assert len(section.sources) == 1
    assert "is there twice" in section.warnings[0]


def test_a_section_is_chosen_by_name() -> None:
    sections = read_sections("a: {collectors: []}\nb: {collectors: []}", "x.yml")
    assert choose_section(sections, "b", place="x.yml").name == "b"
    for name, reason in ((None, "has 2 sections; say which"), ("c", "there is no such section")):
        with pytest.raises(ConfigurationError, match=reason):
            choose_section(sections, name, place="x.yml")


def _etcd(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"key": key, "dir": True, "nodes": [_etcd(f"{key}/{name}", part) for name, part in value.items()]}
    return {"key": key, "value": str(value)}


@pytest.mark.parametrize("as_json", [False, True], ids=["folders", "json"])
def test_the_keys_of_etcd(as_json: bool) -> None:
    entry = {
        "type": "WEB",
        "source-name": "a",
        "source-URI": "http://a.example/",
        "crawl-delay": "2",
        "store-entry": "true",
    }
    other = entry | {"source-name": "b"}
    listed: Any = (
        canonical_json([entry, other]).decode()
        if as_json
        else {"0": entry, "10": other, "2": other | {"type": "RSS"}}
    )
    node = _etcd("", {"demo": {"collectors": listed}, "vagrant": {"rabbitmq": {"host": "h"}}})
    (section,) = read_sections(canonical_json({"action": "get", "node": node}).decode(), "http://e/").values()
    assert section.name == "demo"
    assert [source.source_name for source in section.sources] == (["a", "b"] if as_json else ["a", "b", "b"])
    assert (section.sources[0].crawl_delay, section.sources[0].store_entry) == (2.0, True)


def test_a_tree_of_etcd_is_bounded() -> None:
    node: dict[str, Any] = {"key": "/x", "value": "1"}
    for _ in range(50):
        node = {"key": "/x", "dir": True, "nodes": [node]}
    with pytest.raises(ConfigurationError, match="folders in folders"):
        read_sections(canonical_json({"action": "get", "node": node}).decode(), "http://e/")
