"""docs/prose.md is true: its commands run, its tables name the labels, relations and fields that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from tests.docs.pages import DOCS, commands, run
from vedette.configuration.rt import RtSection
from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation, Sentence, Technique, Token
from vedette.extraction.prose.labels import LABELS, RELATIONS

PAGE = (DOCS / "prose.md").read_text()
REPORT = "Qakbot report\n\nQakbot connects to 192.0.2.7. Acme Anvil 1.2 is not affected by CVE-2031-0001.\n"


def section(name: str) -> str:
    """The text of one heading."""
    return PAGE.partition(f"## {name}\n")[2].partition("\n## ")[0]


def words_in(text: str) -> set[str]:
    return set(re.findall(r"`\.?([\w-]+)`", text))


def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pair = {
        "tokens": ["Qakbot", "uses", "Anvil"],
        "head": {"start": 0, "end": 1, "type": "MALWARE"},
        "tail": {"start": 2, "end": 3, "type": "TOOL"},
    }
    (tmp_path / "report.txt").write_text(REPORT)
    (tmp_path / "sentences.jsonl").write_text('{"tokens": ["Qakbot", "spreads"]}\n')
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(pair)}\n")
    for line, done in run(commands(PAGE, least=8)):
        found = json.loads(done.stdout)
        if "report.txt" in line:
            document = AnnotatedDocument.model_validate(found)
            assert "192.0.2.7" in [one.text for one in document.entities]
        elif "--ud" in line:
            assert {name: len(values) for name, values in found.items()} == {"upos": 2, "head": 2, "deprel": 2}
        else:
            assert set(found) == ({"relation"} if "--pairs" in line else {"tags"})


def test_the_page_names_all_labels_and_relations() -> None:
    table = section("Names")
    assert {name for name in words_in(table) if name.isupper()} >= set(LABELS)
    named = re.findall(r"^\| `([\w-]+)` \|", section("What they have to do with each other"), re.MULTILINE)
    assert tuple(named) == RELATIONS


@pytest.mark.parametrize("model", [AnnotatedDocument, Sentence, Token, Entity, EntityRelation, Technique])
def test_the_page_names_all_fields(model: type[Any]) -> None:
    named = words_in(section("The annotated document")) | {
        "sentences",
        "tokens",
        "techniques",
        "entities",
        "relations",
    }
    assert set(TypeAdapter(model).json_schema()["properties"]) <= named


def test_the_example_of_a_configuration_is_taken() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert RtSection.model_validate(yaml.safe_load(text)["rt"]).confidence == 0.7
