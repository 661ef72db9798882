"""The pages of dead letters, wired from the store."""

from __future__ import annotations

from pathlib import Path

from registry.audit import Audit
from registry.database import Database
from registry.dead_letter_bulk import DeadLetterBulk
from registry.dead_letter_list import DeadLetters
from registry.item_detail import ItemDetails
from registry.items import Items
from vedette.clock import Clock
from web.api.application import Routes
from web.api.gate import Gate
from web.api.scandale_intake import ItemIntake
from web.console.dead_letters import DeadLetterPageRoutes
from web.console.frame import Frame
from web.console.letter_decisions import LetterDecisionRoutes
from web.console.letter_editing import LetterEditingRoutes


def letter_pages(
    *, frame: Frame, database: Database, outboxes: Path, intake: ItemIntake, gate: Gate, clock: Clock
) -> list[Routes]:
    """Return the groups of pages.

    Args:
        frame: what is around them.
        database: the store.
        outboxes: folder of this machine's outboxes.
        intake: takes what was edited.
        gate: tells who is logged in and where a request comes from.
        clock: the time.
    """
    letters = DeadLetters(database=database, outboxes=outboxes, clock=clock)
    bulk = DeadLetterBulk(database=database, letters=letters, clock=clock)
    details = ItemDetails(database=database)
    return [
        LetterDecisionRoutes(frame=frame, letters=letters, bulk=bulk, gate=gate, clock=clock),
        DeadLetterPageRoutes(frame=frame, letters=letters, details=details, gate=gate, clock=clock),
        LetterEditingRoutes(
            frame=frame,
            letters=letters,
            items=Items(database=database),
            intake=intake,
            audit=Audit(database=database, clock=clock),
            gate=gate,
        ),
    ]
