"""The registry's commands that only look: the fleet, the last items, the proof of one, what needs a hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from behaviours.people_state import moment
from registry.agent_list import AgentList, AgentsWanted
from registry.item_detail import ItemDetails
from registry.item_list import ItemList, ItemsWanted
from registry.items import ItemSummary, UnknownItemError
from registry.repairs import Repairs
from registry.scandale_check import ProofCheck
from registry.sealed_items import SealedItems
from vedette.errors import RefusedError
from vedette.people.adhoc import Ask, Note, Told
from vedette.people.forms import Answer, Field, FieldKind, Form
from vedette.people.person import Person, PersonRole
from vedette.storable import storable

SHOWN: Final = 100
"""Rows of a table: what a chat client can show."""

LAST: Final = 25
"""Items that are shown."""


class ShowFleet:
    """Shows who is there and why."""

    node = "fleet"
    title = "Fleet"
    role = PersonRole.READ

    def __init__(self, agents: AgentList) -> None:
        self._agents = agents

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        page = await self._agents.page(wanted=AgentsWanted(), limit=SHOWN)
        columns = {
            "agent": "Agent",
            "role": "Role",
            "presence": "Presence",
            "why": "Why",
            "since": "Since",
            "place": "Place",
        }
        rows = [
            (line.jid, line.role.value, line.show, line.status, moment(line.since), line.place or "")
            for line in page.rows
        ]
        return table("Fleet", columns, rows, more=page.next is not None, addresses="agent")


class ShowItems:
    """Shows what was observed last."""

    node = "last-items"
    title = "Last items"
    role = PersonRole.READ

    def __init__(self, items: ItemList, *, sealed: SealedItems) -> None:
        self._items = items
        self._sealed = sealed

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        page = await self._items.page(wanted=ItemsWanted(), limit=LAST)
        columns = {
            "received": "Received",
            "agent": "Agent",
            "target": "Target",
            "verdict": "Verdict",
            "proof": "Proof",
            "item": "Item",
        }
        sealed = await self._sealed.among([item.uuid for item in page.rows])
        rows = [
            (moment(item.received_at), item.agent, *_told(item, sealed), item.state.value, item.uuid)
            for item in page.rows
        ]
        return table("Last items", columns, rows, more=False)


def _told(item: ItemSummary, sealed: Collection[str]) -> tuple[str, str]:
    """Return target and verdict; of what was sealed neither, because the answer travels over the XMPP server."""
    return ("sealed", "sealed") if item.uuid in sealed else (item.target or "", item.verdict or "")


class VerifyItem:
    """Verifies the proof of one item, link by link."""

    node = "verify-item"
    title = "Verify an item"
    role = PersonRole.READ

    def __init__(self, *, details: ItemDetails, check: ProofCheck) -> None:
        self._details = details
        self._check = check

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask which item, then tell.

        Raises:
            RefusedError: there is no such item.
        """
        if not answers:
            return Ask(form=_which_item(), last=True)
        uuid = answers[0]["item"][0]
        try:
            if storable(uuid) != uuid:
                raise RefusedError("item", "there is no item of this uuid")
            item = await self._details.find(uuid)
        except UnknownItemError as error:
            raise RefusedError("item", "there is no item of this uuid") from error
        links = await self._check.links(uuid)
        columns = {
            "link": "Link",
            "holds": "Holds",
            "found": "Found",
            "at": "Time asserted",
            "authority": "Authority",
        }
        words = {True: "yes", False: "NO", None: "cannot be told"}
        rows = [(link.kind.value, words[link.good], link.text, moment(link.at), link.authority) for link in links]
        if not links:
            return Told(notes=[Note(text=f"There is no time-stamp over it yet; it is {item.state.value}.")])
        good = all(link.good for link in links)
        said = table(f"Proof of {uuid}", columns, rows, more=False)
        note = Note(text="Every link holds.") if good else Note(text="The proof does NOT hold.", kind="error")
        return Told(form=said.form, notes=[note])


class ShowRepairs:
    """Shows what is wrong and what to do about it."""

    node = "repairs"
    title = "Repairs"
    role = PersonRole.READ

    def __init__(self, repairs: Repairs) -> None:
        self._repairs = repairs

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        waiting = await self._repairs.waiting()
        columns = {"severity": "Severity", "what": "What is wrong", "remedy": "What to do", "since": "Since"}
        rows = [(line.severity, line.what, line.remedy, moment(line.since)) for line in waiting[:SHOWN]]
        return table("Repairs", columns, rows, more=len(waiting) > SHOWN, nothing="Nothing needs a repair.")


def table(
    title: str,
    columns: dict[str, str],
    rows: Sequence[tuple[str, ...]],
    *,
    more: bool,
    addresses: str = "",
    nothing: str = "There is nothing yet.",
) -> Told:
    """Return a table; `addresses` names the column whose texts are JIDs."""
    fields = tuple(
        Field(name=name, label=label, kind=FieldKind.JID_SINGLE if name == addresses else FieldKind.TEXT_SINGLE)
        for name, label in columns.items()
    )
    if not rows:
        return Told(notes=[Note(text=nothing)])
    notes = [Note(text=f"These are the first {len(rows)}; the console shows all.")] if more else []
    return Told(form=Form(title=title, fields=fields, rows=tuple(rows)), notes=notes)


def _which_item() -> Form:
    field = Field(name="item", label="Item", required=True, help="Its uuid, as in the list of last items")
    return Form(title="Verify an item", instructions="Which item's proof?", fields=(field,))
