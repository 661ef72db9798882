"""Configuration files: what is read, and how every problem is named."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from vedette.configuration.loading import MAX_SIZE, did_you_mean, load, parse
from vedette.errors import ConfigurationError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str
    port: int = 1


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")
    period: int
    name: str = ""
    passwd: str = ""
    api_key: int = 0
    part: Part | None = None
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    other: Annotated[int, Field(validation_alias=AliasChoices("other", "another"))] = 0

    @field_validator("name")
    @classmethod
    def _short(cls, value: str) -> str:
        if len(value) > 5:
            raise ValueError("is too long; write at most 5 characters")
        return value


def problem(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "file.json", Example)
    assert caught.value.place == "file.json"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ["probe.json", "probe.conf"])
def test_json_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"period": 5, "part": {"host": "a"}}')
    assert load(path, Example).part == Part(host="a")


@pytest.mark.parametrize("name", ["probe.yml", "probe.yaml", "probe.conf"])
def test_yaml_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("period: 5\nparts:\n  - host: a\n    port: 2\n")
    assert load(path, Example).parts == [Part(host="a", port=2)]


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    path.write_bytes(b'\xef\xbb\xbf{"period": 5}')
    assert load(path, Example).period == 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"period": "\xff"}', "is not UTF-8 (byte 12)"),
        (b"#" * (MAX_SIZE + 1), "is larger than"),
        (b"", "is not JSON: Expecting value at line 1, column 1"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "probe.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(path, Example)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in caught.value.reason


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.json", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigurationError, match=f"cannot be read: {reason}"):
            load(path, Example)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('{"period": 5,\n "name": }', "", "is not JSON: Expecting value at line 2, column 10"),
        ('{"perod": 5}', "perod", "unknown key 'perod'; did you mean 'period'? (and 1 more)"),
        ('{"period": 5, "zzz": 1}', "zzz", "unknown key 'zzz'; known are another, api_key"),
        ('{"period": 5, "part": {"hots": "a"}}', "part.hots", "did you mean 'host'?"),
        ('{"period": 5, "parts": [{"host": "a", "prt": 1}]}', "parts.0.prt", "did you mean 'port'?"),
        ('{"period": 5, "by_name": {"x": {"host": "a", "prt": 1}}}', "by_name.x.prt", "did you mean 'port'?"),
        ('{"period": 5, "anothr": 1}', "anothr", "did you mean 'another'?"),
        ("{}", "period", "is required"),
        ('{"period": "soon"}', "period", "not 'soon'"),
        ('{"period": null}', "period", "not nothing"),
        ('{"period": {}}', "period", "must be a valid integer"),
        ('{"period": 5, "name": "too long"}', "name", "is too long; write at most 5 characters"),
        ('{"period": 1, "period": 2}', "period", "is there twice"),
        ('{"period": 5, "part": {"host": "a", "host": "b"}}', "host", "is there twice"),
        ('{"period": NaN}', "", "NaN is not a JSON value"),
        ('{"period": 5, "name": "\\ud800"}', "", "lone surrogate"),
        ("[1]", "", "must be an object"),
        ("period: 1\nperiod: 2", "period", "is there twice"),
        ("period: 1\n name: [", "", "is not YAML"),
        ("period: 5\nname: !!python/object:os.system x", "", "could not determine a constructor"),
        ("a: &x [1]\nb: *x", "", "aliases are not allowed; write it out at line 2, column 4"),
        ("", "", "must be an object"),
        ('{"period": ' + "[" * 100_000, "", "is not JSON"),
        ("\x00", "", "is not YAML"),
    ],
)
def test_every_problem_has_key_and_reason(text: str, key: str, reason: str) -> None:
    found = problem(text)
    assert found.key == key
    assert reason in found.reason


@pytest.mark.parametrize("text", ['{"period": 5, "passwd": 12345}', '{"period": 5, "api_key": "12345x"}'])
def test_values_of_secrets_are_never_shown(text: str) -> None:
    assert "12345" not in str(problem(text))


def test_long_values_are_cut() -> None:
    assert len(str(problem('{"period": "' + "x" * 10_000 + '"}'))) < 300


def test_known_words_are_listed_where_none_is_near() -> None:
    assert did_you_mean("lines", ["line", "json"]) == "; did you mean 'line'?"
    assert did_you_mean("qqq", ["line", "json"]) == "; known are json, line"
    assert did_you_mean("qqq", []) == ""


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        parse(text, "place", Example)
