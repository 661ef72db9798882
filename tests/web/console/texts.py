"""Items whose texts were read: a report, one in a language that is not read, and a long one; some corrected."""

from __future__ import annotations

from registry.callers import Actor
from registry.corrections import Corrections
from registry.database import Database
from tests.prose_documents import foreign_document, keep_reading, long_document, place_of, report
from tests.web.api.v1.conftest import uuid_of
from tests.web.console.page_list import Addresses
from vedette.clock import SystemClock
from vedette.extraction.prose.corrections.kinds import AddRelation, ChangeEntity, Correction, RejectEntity
from web.console.annotation_addresses import sentence_address, text_address

REPORT, FOREIGN, LONG = uuid_of(5), uuid_of(6), uuid_of(7)

BERT = Actor(who="user bert", origin="127.0.0.1")


async def read_texts(graph: Database, *, store: Database) -> Addresses:
    """Let the three be read, and the report be corrected; returns addresses of their pages."""
    document = report()
    await keep_reading(graph, document, item=REPORT)
    await keep_reading(graph, foreign_document(), item=FOREIGN)
    await keep_reading(graph, long_document(sentences=120), item=LONG)
    corrections = Corrections.over(graph, store=store, clock=SystemClock())
    banks, norway = place_of(document, "banks"), place_of(document, "Norway")
    made: list[Correction] = [
        ChangeEntity(at=banks, to=banks, label="ORG"),
        AddRelation(head=place_of(document, "Lazarus Group"), relation="targets", tail=norway),
        RejectEntity(at=place_of(document, "PowerShell")),
    ]
    lines = [await corrections.add(REPORT, one, why="It says so.", by=BERT) for one in made]
    await corrections.undo(REPORT, lines[-1].id, why="It is a tool after all.", by=BERT)
    return {
        "/items/{uuid}/text": [
            text_address(REPORT, sentence=2),
            text_address(FOREIGN),
            text_address(LONG, page=2),
        ],
        "/items/{uuid}/text/sentence": [sentence_address(REPORT, 1), sentence_address(LONG, 3)],
    }
