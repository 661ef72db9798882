"""Collections, objects and clients of the TAXII server's tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from taxii2client.v21 import ApiRoot, Collection

from registry.callers import Scope
from tests.web.api.shared_room import Room
from vedette.configuration.sharing import SharingSection
from vedette.sharing.taxii.resources import MEDIA_TYPE

T = TypeVar("T")

OPEN_ID = "0f7a5b1e-3c0d-4d54-8a7e-6f3f1b0c2d11"
SHARING = SharingSection.model_validate(
    {
        "organisation": "Example CSIRT",
        "destinations": [
            {
                "name": "open",
                "exporter": "collection",
                "id": OPEN_ID,
                "title": "For all",
                "description": "What we see",
            },
            {"name": "inbox", "exporter": "collection", "write": True},
            {"name": "partner", "exporter": "collection", "keys": ["acme"], "write": True},
            {"name": "elsewhere", "exporter": "taxii", "url": "https://taxii.example/r/collections/x/"},
        ],
    }
)
SEEN = "2026-11-20T10:00:00.000Z"


async def inside(work: Callable[[], T]) -> T:
    """Run what blocks beside the server, which runs in this thread."""
    return await asyncio.to_thread(work)


async def opened(room: Room, alias: str, *scopes: Scope, name: str = "test") -> Collection:
    """A collection for OASIS' client with a new key, as its password."""
    api = ApiRoot(room.root, user="anybody", password=await room.key(*scopes, name=name))
    found: Collection = await inside(lambda: next(one for one in api.collections if one.alias == alias))
    return found


def malware(number: int, *, modified: str = SEEN, **more: Any) -> dict[str, Any]:
    """An object that has versions."""
    id = f"malware--00000000-0000-4000-8000-{number:012x}"
    times = {"created": SEEN, "modified": modified}
    return {
        "type": "malware",
        "spec_version": "2.1",
        "id": id,
        **times,
        "name": f"M{number}",
        "is_family": False,
        **more,
    }


def address(number: int) -> dict[str, Any]:
    """An observable."""
    id = f"ipv4-addr--00000000-0000-5000-8000-{number:012x}"
    return {"type": "ipv4-addr", "spec_version": "2.1", "id": id, "value": f"192.0.2.{number}"}


async def post(client: httpx.AsyncClient, objects: list[Any], *, collection: str = "inbox") -> dict[str, Any]:
    """Post objects; returns the status resource."""
    where, headers = f"/taxii2/shared/collections/{collection}/objects/", {"Content-Type": MEDIA_TYPE}
    answer = await client.post(where, content=json.dumps({"objects": objects}), headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found
