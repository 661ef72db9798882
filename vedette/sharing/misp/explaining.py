"""Why a server did not keep what it was sent, as far as it can be known: MISP answers that all is well either way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vedette.errors import VedetteError
from vedette.sharing.misp.delta import Step
from vedette.sharing.misp.holding import Holding, holding_of
from vedette.sharing.misp.parcels import document_of
from vedette.sharing.misp.refusal import MispRefusalError
from vedette.sharing.misp.server import MispServer

MOST_ASKED: Final = 200
"""UUIDs that are looked for elsewhere on the server."""

MOST_TRIED: Final = 10
"""Attributes that are added once more, one by one, for the reason of the refusal."""

NO_OBJECT = "its object was not taken"
NO_TEMPLATE = "the server dropped the object: it may not know this version of its template (Update Objects there)"


async def explain(
    missing: Sequence[Step], after: Holding, *, server: MispServer, event: str
) -> tuple[dict[str, str], Holding]:
    """Return reasons by UUID, and what the server holds now: asking may have brought something there after all.

    Args:
        missing: steps that left nothing behind.
        after: what the server holds.
        server: the server.
        event: UUID of the event.
    """
    reasons: dict[str, str] = {}
    added = [step for step in missing if step.action == "add"]
    objects = {step.child.uuid for step in added if step.child.kind == "object"}
    for step in added:
        if step.child.kind == "object":
            reasons[step.child.uuid] = NO_TEMPLATE
        elif step.child.parent in objects:
            reasons[step.child.uuid] = NO_OBJECT
    open_ones = [step for step in added if step.child.kind == "attribute" and step.child.uuid not in reasons]
    reasons |= _twins(open_ones, after)
    open_ones = [step for step in open_ones if step.child.uuid not in reasons]
    reasons |= await _elsewhere(open_ones[:MOST_ASKED], server)
    flat = [step for step in open_ones if step.child.uuid not in reasons and not step.child.parent]
    tried = await _tried(flat[:MOST_TRIED], server, event)
    if len(tried) < len(flat[:MOST_TRIED]):
        # The server took one that it had dropped: look again.
        after = holding_of(await server.event(event) or {})
    return reasons | tried, after


def _twins(steps: Sequence[Step], after: Holding) -> dict[str, str]:
    """Find those of which the event has the same under another UUID: MISP keeps one of each."""
    held = {
        (child.parent, *child.fields[:3]): uuid
        for uuid, child in after.items()
        if child.kind == "attribute" and not child.deleted
    }
    found = {step.child.uuid: held.get((step.child.parent, *step.child.fields[:3])) for step in steps}
    return {uuid: f"the event has the same as attribute {twin} already" for uuid, twin in found.items() if twin}


async def _elsewhere(steps: Sequence[Step], server: MispServer) -> dict[str, str]:
    if not steps:
        return {}
    try:
        found = await server.elsewhere([step.child.uuid for step in steps])
    except VedetteError:
        # It is only asked for the reason, and searching has a rate limit of its own.
        return {}
    return {uuid: f"its UUID is in event {where} on this server already" for uuid, where in found.items()}


async def _tried(steps: Sequence[Step], server: MispServer, event: str) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for step in steps:
        try:
            await server.add_attribute(event, document_of(step))
        except MispRefusalError as error:
            reasons[step.child.uuid] = f"the server refuses it: {error}"
    return reasons
