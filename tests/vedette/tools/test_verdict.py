"""The rules of `expected_value`."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.tools.interface import Result
from vedette.tools.verdict import MAX_PATTERN, MAX_SEARCHED, Expectation, verdict


def result(payload: bytes = b"", exit_code: int = 0) -> Result:
    return Result(
        format="raw",
        content_type="text/plain",
        payload=payload,
        command=("x",),
        exit_code=exit_code,
        stderr="",
        started_at=0,
        ended_at=1,
    )


FORM = {
    "ports": [{"port": 443, "state": "open", "ok": True}],
    "hosts": {"a.example": {"up": 1}, "a": {"example": 2}},
    "none": None,
    "list": [1, 2],
}


@pytest.mark.parametrize(
    ("expected", "payload", "exit_code", "form", "good"),
    [
        ("hello", b"  hello\n", 0, None, True),
        ("hello", b"hello!", 0, None, False),
        ("5", b"5", 0, None, True),
        ("\u00fc", "\u00fc\n".encode(), 0, None, True),
        ("re:^44[0-9]/tcp +open", b"x\n443/tcp open", 0, None, False),
        ("re:(?m)^44[0-9]/tcp +open", b"x\n443/tcp open", 0, None, True),
        ("re:end$", b"x" * MAX_SEARCHED + b"end", 0, None, False),
        (0, b"", 0, None, True),
        (0, b"text", 1, None, False),
        (3, b"text", 3, None, True),
        (42, b"42\n", 0, None, True),
        (42, b"41\n", 42, None, False),
        (1.5, b"+1.50", 0, None, True),
        (0, b"9" * 100, 0, None, True),
        ({"ports.0.state": "open", "ports.0.port": 443}, b"", 0, FORM, True),
        ({"ports.0.state": "open", "ports.0.port": 80}, b"", 0, FORM, False),
        ({"ports.0.ok": 1}, b"", 0, FORM, False),
        ({"ports.0.ok": True}, b"", 0, FORM, True),
        ({"ports.1.state": "open"}, b"", 0, FORM, False),
        ({"ports.x": 1}, b"", 0, FORM, False),
        ({"hosts.a.example.up": 1}, b"", 0, FORM, True),
        ({"hosts.a.example": 2}, b"", 0, FORM, True),
        ({"none": None}, b"", 0, FORM, True),
        ({"nowhere": None}, b"", 0, FORM, False),
        ({"list": [1, 2]}, b"", 0, FORM, True),
        ({"list": [1.0, 2]}, b"", 0, FORM, True),
        ({"none.deeper": None}, b"", 0, FORM, False),
        ({"a": 1}, b'{"a": 1}', 0, None, True),
        ({"a": 1}, b"not json", 0, None, False),
    ],
)
def test_each_rule(expected: Any, payload: bytes, exit_code: int, form: Any, good: bool) -> None:
    found = verdict(Expectation.of(expected), result(payload, exit_code), form)
    assert found == ("as expected" if good else "deviates")


@pytest.mark.parametrize("expected", [None, ""])
def test_nothing_expected_is_no_verdict(expected: str | None) -> None:
    assert verdict(Expectation.of(expected), result()) is None


@pytest.mark.parametrize(
    "expected",
    [
        "re:(",
        "re:" + "x" * (MAX_PATTERN + 1),
        "re:(a+)+$",
        "re:(a*b?)*c",
        "re:((a|b+)x)*?",
        "re:(?:(?=a+)a)+",
        "re:(a|aa)+$",
        "re:(a{1,100}){1,100}$",
        float("nan"),
        float("inf"),
        {},
        True,
        [1],
    ],
)
def test_what_cannot_be_expected_is_refused(expected: Any) -> None:
    with pytest.raises(ValueError, match=r"pattern|must be|finite|empty"):
        Expectation.of(expected)


@pytest.mark.parametrize(
    "pattern", ["(a{1,3})+", "(ab)+c*", "(?>a+)+", "a++b+", "^.*open.*$", "(a+){2}", "(a|b)*+c", "(a|b)?"]
)
def test_patterns_that_end_are_allowed(pattern: str) -> None:
    assert Expectation.of(f"re:{pattern}") is not None
