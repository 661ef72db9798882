"""Which items came sealed, as their statements say, on both databases."""

from __future__ import annotations

from typing import Any

from registry.database import Database
from registry.intake import Intake
from registry.sealed_items import SealedItems
from vedette.sealing.envelope import MARK, new_mark


async def test_items_that_came_sealed_are_told_from_others(database: Database, intake: Intake, sender: Any) -> None:
    sealed, plain = sender.item(**{MARK: new_mark()}), sender.item(headers={MARK: "x"}, title='"sealed":"')
    await intake.commit([sender.deliver(sealed, plain)])
    items = SealedItems(database=database)

    assert await items.among([sealed.uuid, plain.uuid, "nobody"]) == {sealed.uuid}
    assert await items.among([]) == frozenset()
