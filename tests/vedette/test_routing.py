"""Routing keys and topic patterns, against a brute-force oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.errors import RefusedError
from vedette.routing import MAX_KEY, RoutingKey, check_pattern, matches, parse_key

_WORD = st.sampled_from(["a", "b", "in", ""])
_KEY = st.lists(_WORD, max_size=5).map(".".join)
_PATTERN = st.lists(st.sampled_from(["a", "b", "in", "*", "#"]), min_size=1, max_size=5).map(".".join)
_PLAIN = st.text("abcxyz-_0", min_size=1, max_size=8)


def oracle(pattern: list[str], key: list[str]) -> bool:
    """Try everything, as the specification reads."""
    if not pattern:
        return not key
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(oracle(rest, key[taken:]) for taken in range(len(key) + 1))
    return bool(key) and head in ("*", key[0]) and oracle(rest, key[1:])


@given(_PATTERN, _KEY)
def test_matching_is_what_trying_everything_finds(pattern: str, key: str) -> None:
    assert matches(pattern, key) is oracle(pattern.split("."), key.split(".") if key else [])


@given(_KEY)
def test_everything_matches_the_pattern_for_everything(key: str) -> None:
    assert matches("#", key)
    assert matches("#", None)


@given(st.lists(_PLAIN, min_size=1, max_size=3), st.sampled_from(["structured", "unstructured"]), _PLAIN, _PLAIN)
def test_a_key_is_read_as_it_was_written(prefix: list[str], kind: str, source: str, name: str) -> None:
    for data_name in ("", name, f"{name}.{name}"):
        key = RoutingKey(prefix=".".join(prefix), kind=kind, source=source, data_name=data_name)  # type: ignore[arg-type]
        assert parse_key(str(key)) == key
        assert matches(f"{key.prefix}.in.*.{source}.#", str(key))


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("vedette.in.structured.*", "vedette.in.structured.nmap", True),
        ("vedette.in.structured.*", "vedette.in.structured.nmap.probe1", False),
        ("vedette.in.structured.nmap.#", "vedette.in.structured.nmap", True),
        ("#.nmap.#", "vedette.in.structured.nmap.probe1", True),
        ("*", "", False),
        ("*", None, False),
        ("vedette.#", None, False),
        ("*.in.#", ".in.", True),
    ],
)
def test_examples(pattern: str, key: str | None, expected: bool) -> None:
    assert matches(pattern, key) is expected


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not matches(".".join(["#", "a"] * 60), ".".join(["a"] * 59 + ["b"] * 400))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "1 to 255"),
        ("a" * (MAX_KEY + 1), "1 to 255"),
        ("a..b", "empty word"),
        (".a", "empty word"),
        ("a b", "space"),
        ("a\x00", "control"),
        ("a.b*", "whole words"),
        ("a.##", "whole words"),
    ],
)
def test_wrong_patterns_are_refused(text: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        check_pattern(text)


@pytest.mark.parametrize(
    "text", ["vedette", "in.structured.nmap", "v.in.other.nmap", "v.in.structured", "v.in.*.nmap"]
)
def test_wrong_keys_are_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        parse_key(text)


def test_good_patterns_are_returned() -> None:
    assert check_pattern("vedette.in.#") == "vedette.in.#"
