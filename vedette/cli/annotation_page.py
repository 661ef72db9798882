"""An annotated document on a terminal: its text with the entities in colour, what is stated under each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vedette.extraction.prose.annotated import AnnotatedDocument, Entity, EntityRelation, Sentence

_GROUPS: Final[Mapping[str, str]] = {
    "bold red": "MALWARE TOOL ATTACK_PATTERN TECHNIQUE_ID",
    "bold magenta": "THREAT_ACTOR CAMPAIGN",
    "bold blue": "VENDOR SOFTWARE OS VERSION UPDATE",
    "bold yellow": "VULNERABILITY VULN_ID WEAKNESS_ID FUNCTION PARAMETER",
    "bold green": "ORG SECTOR LOC",
}
_STYLES: Final = {label: style for style, labels in _GROUPS.items() for label in labels.split()}
_INDICATOR: Final = "bold cyan"
_UNSURE: Final = 0.5


def print_annotated(document: AnnotatedDocument) -> None:
    """Print a document for a person."""
    console = Console(highlight=False)
    for part in _page(document):
        console.print(part)


def _page(document: AnnotatedDocument) -> Iterator[RenderableType]:
    if document.title:
        yield Text(_shown(document.title), "bold underline")
        yield ""
    entities = {place: list(some) for place, some in groupby(document.entities, key=lambda entity: entity.sentence)}
    relations: dict[int, list[EntityRelation]] = {}
    for relation in document.relations:
        relations.setdefault(relation.sentence, []).append(relation)
    for place, sentence in enumerate(document.sentences):
        yield _sentence(document.text, sentence, entities.get(place, ()))
        for relation in relations.get(place, ()):
            yield Padding(_relation(document.entities, relation), (0, 0, 0, 2))
        for technique in sentence.techniques:
            yield Padding(Text(f"~ {technique.id} {technique.confidence:.0%}", "red"), (0, 0, 0, 2))
    if document.entities:
        yield ""
        yield _table(document.entities)
    for reason, count in document.skipped.items():
        yield Text(f"not read: {count} characters, {reason}", "dim")


def _sentence(text: str, sentence: Sentence, entities: Sequence[Entity]) -> Text:
    shown = Text(style="" if sentence.kind in {"prose", "heading", "list"} else "dim")
    at = sentence.start
    for entity in entities:
        shown.append(_shown(text[at : entity.start]))
        shown.append(_shown(text[entity.start : entity.end]), _style(entity))
        shown.append(f" {entity.label}", "dim")
        at = entity.end
    shown.append(_shown(text[at : sentence.end]))
    if sentence.kind == "heading":
        shown.stylize("bold")
    return shown


def _relation(entities: Sequence[Entity], relation: EntityRelation) -> Text:
    head, tail = entities[relation.head], entities[relation.tail]
    shown = Text("→ ", "dim")
    shown.append(_shown(head.name), _style(head))
    shown.append(f" {'not ' if relation.negated else ''}{relation.relation} ", "italic")
    shown.append(_shown(tail.name), _style(tail))
    shown.append(f" {relation.confidence:.0%}{', hedged' if relation.hedged else ''}", "dim")
    return shown


def _table(entities: Sequence[Entity]) -> Table:
    """Return what the document names: each thing once, with how often and how surely."""
    table = Table(box=None, header_style="dim")
    for column in ("label", "name", "times", "sure", "by"):
        table.add_column(column, justify="right" if column in {"times", "sure"} else "left", overflow="fold")
    same: dict[int, list[Entity]] = {}
    for entity in entities:
        same.setdefault(entity.id if entity.same_as is None else entity.same_as, []).append(entity)
    for some in sorted(same.values(), key=lambda one: (one[0].label, one[0].start)):
        first, surest = some[0], max(one.confidence for one in some)
        name = Text(_shown(first.name), _style(first))
        table.add_row(first.label, name, str(len(some)), f"{surest:.0%}", first.origin)
    return table


def _style(entity: Entity) -> str:
    style = _STYLES.get(entity.label, _INDICATOR)
    return style if entity.confidence >= _UNSURE else style.replace("bold", "dim")


def _shown(text: str) -> str:
    """Return a text in one line; control characters of hostile texts do not reach the terminal."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
