"""Sealing what an outbox hands over, to the engine that it goes to, just before it travels."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from vedette.canonical import parse_json
from vedette.delivery.packing import OutgoingItem
from vedette.errors import RefusedError
from vedette.sealing.envelope import Binding, is_marked, seal_item
from vedette.sealing.keys import ContentKey, SealingKey

PORTION = 50
"""Items that are sealed before the other agents of the process have their turn: about 5 ms."""

Refuse = Callable[[str, str, str], Awaitable[bool]]
"""Called with uuid, field and reason of an item that cannot be sent now."""


class SealItems:
    """Seals the items that are marked; one that cannot be sealed is not sent at all."""

    def __init__(self, *, agent: str) -> None:
        self._agent = agent
        self.receivers: Mapping[str, SealingKey | None] = {}
        """The engines' keys, by bare JID."""
        self.count = 0
        """Items that were sealed, those sent again to another engine included."""

    async def ready(self, items: Sequence[OutgoingItem], engine: str, *, refused: Refuse) -> list[OutgoingItem]:
        """Return the items as they travel to an engine, without those that cannot."""
        ready: list[OutgoingItem] = []
        key: ContentKey | None = None
        for place, item in enumerate(items):
            if not is_marked(item.data):
                ready.append(item)
                continue
            try:
                key = key or self._content_key(engine)
                binding = self._bound(engine, uuid=item.uuid, digest=item.digest)
                envelope = seal_item(parse_json(item.data), binding, key=key)
                ready.append(replace(item, data=orjson.dumps(envelope)))
                self.count += 1
            except RefusedError as error:
                await refused(item.uuid, error.field, error.reason)
            if place % PORTION == PORTION - 1:
                await asyncio.sleep(0)
        return ready

    def _content_key(self, engine: str) -> ContentKey:
        key = self.receivers.get(engine)
        if key is None:
            raise RefusedError("sealed", f"{engine} has no sealing key: upgrade it, or take `sealed` away")
        return key.content_key(info=self._bound(engine).parties)

    def _bound(self, engine: str, *, uuid: str = "", digest: str = "") -> Binding:
        return Binding(use="delivery", sender=self._agent, receiver=engine, uuid=uuid, digest=digest)
