"""STIX patterns: what they name; anything else is refused or passed over, in little time."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.extraction.stix.patterns import MAX_PATTERN, PatternError, observed


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ipv4-addr:value = '198.51.100.1/32']", [{"type": "ipv4-addr", "value": "198.51.100.1/32"}]),
        (
            "[file:hashes.'SHA-256' = 'aa' AND file:name = 'it\\'s.exe'] AND [domain-name:value = 'a.example']",
            [
                {"type": "file", "hashes": {"SHA-256": "aa"}, "name": "it's.exe"},
                {"type": "domain-name", "value": "a.example"},
            ],
        ),
        (
            "[file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' = 'b']",
            [{"type": "file", "hashes": {"MD5": "a", "SHA-1": "b"}}],
        ),
        (
            "[url:value IN ('http://a/', 'http://b/')] WITHIN 300 SECONDS",
            [{"type": "url", "value": "http://a/"}, {"type": "url", "value": "http://b/"}],
        ),
        (
            "[email-message:from_ref.value = 'a@b.example' OR email-message:subject = 'x']",
            [{"type": "email-addr", "value": "a@b.example"}, {"type": "email-message", "subject": "x"}],
        ),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1']",
            [{"type": "ipv4-addr", "value": "192.0.2.1"}],
        ),
        ("[network-traffic:dst_ref.value = '2001:db8::1']", [{"type": "ipv6-addr", "value": "2001:db8::1"}]),
        ("[file:name != 'x' AND file:name NOT = 'y' AND file:size > 5]", []),
        ("[url:value LIKE 'http%' OR url:value MATCHES '^a']", []),
        ("[windows-registry-key:values[*].name = 'x']", []),
    ],
)
def test_comparisons_with_equals_and_in_name_things(pattern: str, expected: list[dict[str, Any]]) -> None:
    assert observed(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "rule x { condition: true }",
        "[ipv4-addr:value = 'x'",
        "ipv4-addr:value = 'x']",
        "[[a:b = 'x']]",
        "['" * 20_000,
        "[" * 50_000,
        "[a:b = '" + "\\'" * 40_000,
        "x" * (MAX_PATTERN + 1),
    ],
)
def test_anything_else_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        observed(pattern)


def test_a_long_list_names_each_of_its_values() -> None:
    listed = ", ".join(f"'{number}.example'" for number in range(3000))
    assert len(observed(f"[domain-name:value IN ({listed})]")) == 3000


def test_lists_within_lists_are_none() -> None:
    assert observed("[" + "a:b IN (" * 2_000 + "'x']") == [{"type": "a", "b": "x"}]
