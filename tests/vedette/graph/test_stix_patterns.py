"""Patterns of STIX 2.1 that others wrote: what is taken for one, the validator of OASIS takes, too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.validator import run_validator

from vedette.graph.stix_patterns import MAX_PATTERN, is_pattern

GOOD = (
    "[ipv4-addr:value = '192.0.2.1']",
    r"[file:name = 'o\'x\\']",
    "[file:hashes.'SHA-256' = '" + "ab" * 32 + "' AND file:size >= 5]",
    "[file:hashes.MD5 != '" + "0" * 32 + "' OR file:size IN (1, 2)]",
    "[url:value LIKE 'http://%.example/%' OR url:value NOT MATCHES '^a']",
    "([ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [domain-name:value = 'a.example']) WITHIN 300 SECONDS",
    "[ipv4-addr:value ISSUBSET '192.0.2.0/24'] REPEATS 5 TIMES WITHIN 1.5 SECONDS",
    "[a-b-c:def = true] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00.5Z'",
    "[(network-traffic:dst_port = 80 OR network-traffic:dst_port = 443) AND network-traffic:dst_ref.value = 'x']",
    "[network-traffic:protocols[*] = 'tcp'] AND [email-message:to_refs[0].value = 'a@b.example']",
    "[ipv4-addr:value = '192.0.2.1']\n OR\t[ipv4-addr:value = '192.0.2.2']",
)

BAD = (
    "",
    "x",
    "[]",
    "[ipv4-addr:value = ",
    "[ipv4-addr:value = '192.0.2.1'",
    "ipv4-addr:value = '192.0.2.1'",
    "[ipv4-addr:value '192.0.2.1']",
    "[ipv4-addr:value = 192.0.2.1]",
    "[ipv4-addr:value = '192.0.2.1'] [ipv4-addr:value = '192.0.2.1']",
    "[ipv4-addr:value = '192.0.2.1'] REPEATS 0 TIMES",
    "[ipv4-addr:value = '1'] WITHIN 1 SECONDS WITHIN 2 SECONDS",
    "[file:hashes.MD5 = 'abc']",
    "[ipv4-addr:value = 'a'b']",
    "[domain-name:value = 'a'] OR [x",
    "(" * 500 + "[ipv4-addr:value = '1']" + ")" * 500,
    "[file:name = '" + "x" * MAX_PATTERN + "']",
    "[ipv4-addr:value = '192.0.2.1'] START t'2026-13-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_pattern_is_one(text: str) -> None:
    assert is_pattern(text)
    assert run_validator(text, stix_version="2.1") == []


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_others_could_not_read_is_none(text: str) -> None:
    assert not is_pattern(text)


SIGNS = (
    "[",
    "]",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "<",
    ">=",
    "'",
    "5",
    "-5",
    "0.5",
    "05",
    "x:",
    "\\",
    "'a'",
    "b'YQ=='",
    "h'ab'",
)
WORDS = (
    "true",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "FOLLOWEDBY",
    "WITHIN",
    "REPEATS",
    "TIMES",
    "SECONDS",
    "START",
    "STOP",
)
PATHS = ("ipv4-addr:value", "file:hashes.MD5", "file:size", "EXISTS", "t'2026-01-01T00:00:00Z'", "'it\\'s'")
PIECES = st.sampled_from((*SIGNS, *WORDS, *PATHS))


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A good pattern with a piece put in, taken out, or put in the place of another."""
    words = draw(st.sampled_from(GOOD)).split(" ")
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(words)))
        words[at : at + draw(st.integers(0, 1))] = draw(st.lists(PIECES, max_size=1))
    return " ".join(words)


@given(changed())
@settings(max_examples=150)
def test_what_is_taken_for_a_pattern_the_validator_takes(text: str) -> None:
    if is_pattern(text):
        assert run_validator(text, stix_version="2.1") == []
