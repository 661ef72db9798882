"""`vedette annotate` and `vedette relations`: a text's document, and answers line by line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.prose_reader import shipped
from tests.vedette.cli.commands import called
from vedette.cli import annotate, json_lines, relations
from vedette.cli.annotation_page import print_annotated
from vedette.extraction.prose.annotating import annotate_all
from vedette.extraction.prose.text.texts import Text

REPORT = """# What is new

The Lazarus Group used the Manuscrypt backdoor against banks in Poland. It phones hxxp://evil[.]example/a and uses
CVE-2021-44228 in Apache Log4j 2.14.1 on Windows 7 SP1.
"""
WORDS = ["Emotet", "uses", "192.0.2.7", "."]
PAIR = {
    "tokens": ["The", "Lazarus", "Group", "used", "the", "Manuscrypt", "backdoor", "."],
    "head": {"start": 1, "end": 3, "type": "THREAT_ACTOR"},
    "tail": {"start": 5, "end": 6, "type": "MALWARE"},
    "source": "somewhere",
}


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the commands use weights that are loaded already, but where a test is about a command as a whole."""
    if "whole" not in request.node.name:
        for module in (annotate, relations):
            monkeypatch.setattr(module, "shipped_reader", shipped)


def lines(folder: Path, *values: Any) -> Path:
    """Write lines of JSON, or of what is none."""
    file = folder / "lines.jsonl"
    said = [one if isinstance(one, str) else json.dumps(one) for one in values]
    file.write_text("".join(f"{line}\n" for line in said))
    return file


def answers(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return what was answered."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_text_is_printed_as_an_annotated_document(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text(REPORT)

    done = called("annotate", "report.md", "--title", "Ours", "--json", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["title"], said["form"], said["read"]) == ("Ours", 1, True)
    assert {"URL", "VULN_ID"} <= {one["label"] for one in said["entities"]}
    # Where nobody looks it is JSON anyway.
    assert called("annotate", "report.md", "--title", "Ours", folder=tmp_path).stdout == done.stdout


def test_a_page_for_a_person_has_entities_and_relations(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = annotate_all([Text.plain(REPORT + "\n\x1b[31m and \x07 more of it")], reader=shipped())

    print_annotated(found)

    said = capsys.readouterr().out
    assert "hxxp://evil[.]example/a URL" in said
    assert "Lazarus Group THREAT_ACTOR" in said
    assert "→ " in said
    assert "\x1b" not in said
    assert "\x07" not in said


def test_what_cannot_be_read_is_exit_1(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "german.txt").write_text(
        "Die Gruppe verwendet eine neue Schadsoftware, die über Nachrichten kommt. " * 3
    )

    binary = called("annotate", "picture", folder=tmp_path)
    german = called("annotate", "german.txt", folder=tmp_path)

    assert (binary.returncode, german.returncode) == (1, 1)
    assert "picture: the document is no text" in binary.stderr
    assert "another language (de)" in german.stderr
    assert json.loads(german.stdout)["read"] is False


@pytest.mark.parametrize("labels", ["cyner", "annoctr", "kev", "vedette"])
def test_words_get_tags_line_by_line(labels: str, tmp_path: Path) -> None:
    file = lines(tmp_path, {"tokens": WORDS, "tags": ["O"] * 4}, {"tokens": []}, {"tokens": ["x"] * 600})

    done = called("annotate", "--tokens", file, "--labels", labels, folder=tmp_path)

    assert done.returncode == 0
    assert [len(one["tags"]) for one in answers(done)] == [4, 0, 600]
    if labels == "vedette":
        assert answers(done)[0]["tags"][2] == "B-IPV4"


def test_words_get_a_parse_by_the_whole_command(tmp_path: Path) -> None:
    done = called("annotate", "--tokens", lines(tmp_path, {"tokens": WORDS}), "--ud", folder=tmp_path)

    (said,) = answers(done)
    assert set(said) == {"upos", "head", "deprel"}
    assert said["head"].count(0) == said["deprel"].count("root") == 1


def test_more_lines_than_are_read_at_once_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "TOGETHER", 3)
    values = [{"tokens": ["x"] * (1 + number % 3)} for number in range(10)]

    done = called("annotate", "--tokens", lines(tmp_path, *values), "--labels", "kev", folder=tmp_path)

    assert [len(one["tags"]) for one in answers(done)] == [len(one["tokens"]) for one in values]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: is no JSON"),
        ("", "line 2: is no JSON"),
        ("[]", "line 2: "),
        ('{"words": []}', "line 2: tokens: Field required"),
        ('{"tokens": [1]}', "line 2: tokens.0: "),
        ('{"tokens": ["\\ud800"]}', "line 2: is no JSON"),
    ],
)
def test_a_bad_line_is_named_and_those_before_it_are_answered(line: str, reason: str, tmp_path: Path) -> None:
    done = called("annotate", "--tokens", lines(tmp_path, {"tokens": WORDS}, line), folder=tmp_path)

    assert done.returncode == 2
    assert reason in done.stderr
    assert len(answers(done)) == 1


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "from-windows.jsonl"
    file.write_text(json.dumps({"tokens": WORDS}), encoding="utf-8-sig")

    done = called("annotate", "--tokens", str(file), folder=tmp_path)

    assert (done.returncode, len(answers(done))) == (0, 1), done.stderr


def test_pairs_get_a_relation_by_the_whole_command(tmp_path: Path) -> None:
    done = called(
        "relations", "--pairs", lines(tmp_path, PAIR, PAIR | {"tail": {"start": 7, "end": 8}}), folder=tmp_path
    )

    assert done.returncode == 0
    assert answers(done)[0] == {"relation": "uses"}
    assert len(answers(done)) == 2


@pytest.mark.parametrize("place", [{"start": 7, "end": 9}, {"start": 3, "end": 3}, {"start": -1, "end": 2}])
def test_words_that_are_not_there_are_no_pair(place: dict[str, int], tmp_path: Path) -> None:
    done = called("relations", "--pairs", lines(tmp_path, PAIR | {"tail": place}), folder=tmp_path)

    assert done.returncode == 2
    assert "line 1" in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "give one of FILE and --tokens"),
        (["a", "--tokens", "b"], "give one of FILE and --tokens"),
        (["absent"], "absent: cannot be read: No such file"),
        (["a", "--ud"], "--ud: belongs to --tokens"),
        (["a", "--labels", "kev"], "--labels: belongs to --tokens"),
        (["--tokens", "absent"], "absent: cannot be read: No such file"),
        (["--tokens", "absent", "--labels", "kevv"], "'kevv' is none; did you mean 'kev'?"),
    ],
)
def test_wrong_use_is_exit_2(words: list[str], reason: str, tmp_path: Path) -> None:
    done = called("annotate", *words, folder=tmp_path)

    assert done.returncode == 2
    assert reason in done.stderr
