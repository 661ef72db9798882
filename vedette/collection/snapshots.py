"""What a host has, such as packages: all of it the first time, then what is different."""

from __future__ import annotations

import asyncio
import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from vedette.canonical import canonical_json, parse_json
from vedette.collection.content import Content
from vedette.collection.desk import Desk
from vedette.collection.drawing import Origin
from vedette.collection.interface import Collector
from vedette.errors import RefusedError, VedetteError

Listing = dict[str, dict[str, str]]
"""Kinds, such as `dpkg`; in each, names and what is said of them, such as versions."""

_KNOWN = "known"
_JSON = "application/json"


class SnapshotError(VedetteError):
    """A host does not say what it has; the message says why."""


class Snapshot(Collector):
    """Takes the same list again and again. The items' digests tie each difference to the list that it is of."""

    form: ClassVar[str]
    """Format of the whole list; that of a difference has `-changes` in it."""

    @abstractmethod
    async def take(self, desk: Desk) -> Listing:
        """Return what there is.

        Raises:
            SnapshotError: it cannot be found out.
        """

    async def collect(self, desk: Desk) -> None:
        """Send the list when there is none to compare it with, or all is asked for; else what is different."""
        try:
            listing = await self.take(desk)
        except SnapshotError as error:
            desk.report.fail(str(error))
            desk.report.complete = False
            return
        desk.report.counts["fetched"] += 1
        known = _read(await desk.mark(_KNOWN))
        text = canonical_json(listing)
        after = {_KNOWN: text.decode()}
        if known is None or desk.mode == "all":
            desk.report.counts["new"] += 1
            body = {"list": listing, "sha256": _digest(text)}
            await self._keep(desk, body, form=self.form, marks=after)
            return
        changes = await asyncio.to_thread(differences, known, listing)
        if not changes:
            desk.report.counts["unchanged"] += 1
            return
        desk.report.counts["changed"] += 1
        digests = {"before": _digest(canonical_json(known)), "after": _digest(text)}
        name, _, version = self.form.partition("/")
        await self._keep(desk, {"changes": changes, **digests}, form=f"{name}-changes/{version}", marks=after)

    async def _keep(self, desk: Desk, body: Mapping[str, Any], *, form: str, marks: dict[str, str]) -> None:
        content = Content(data=canonical_json({"form": form, **body}), content_type=_JSON)
        origin = Origin(url=desk.source.source_uri, collected_at=desk.clock.now())
        await desk.commit([desk.draw(content, origin, form=form)], marks=marks)


def differences(before: Listing, after: Listing) -> dict[str, dict[str, Any]]:
    """Return what was added, removed and changed, by kind; nothing where all is the same."""
    found: dict[str, dict[str, Any]] = {}
    for kind in sorted(before.keys() | after.keys()):
        old, new = before.get(kind, {}), after.get(kind, {})
        said = {
            "added": {name: new[name] for name in sorted(new.keys() - old.keys())},
            "removed": {name: old[name] for name in sorted(old.keys() - new.keys())},
            "changed": {
                name: [old[name], new[name]] for name in sorted(old.keys() & new.keys()) if old[name] != new[name]
            },
        }
        said = {what: names for what, names in said.items() if names}
        if said:
            found[kind] = said
    return found


def _read(text: str) -> Listing | None:
    try:
        value = parse_json(text) if text else None
    except RefusedError:
        return None
    return value if isinstance(value, dict) else None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
