"""The registry's commands about sharing: what the HTTP API does, by the same rules and with the same audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from behaviours.people_fleet import SHOWN, table
from behaviours.people_jobs import actor
from behaviours.people_state import moment
from registry.export_rows import UnknownExportError
from registry.exports import Exports
from vedette.configuration.sharing import SharingSection
from vedette.errors import RefusedError
from vedette.people.adhoc import Ask, Note, Told
from vedette.people.forms import Answer, Field, FieldKind, Form
from vedette.people.person import Person, PersonRole
from vedette.sharing.exporter import Plan
from vedette.sharing.request import Export, ExportRequest
from vedette.sharing.selection import Selection

PREVIEWED: Final = 20
"""Changes of a plan that are shown; the console shows more."""


class ShowExports:
    """Shows what was shared last, and what waits."""

    node = "exports"
    title = "Exports"
    role = PersonRole.READ

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the table."""
        page = await self._exports.page(whole=False, limit=SHOWN)
        columns = {
            "export": "Export",
            "what": "Investigation",
            "to": "To",
            "state": "State",
            "why": "Why",
            "at": "At",
        }
        rows = [
            (one.uuid, one.title or one.key, one.destination, one.state, one.reason, moment(one.requested_at))
            for one in page.rows
        ]
        return table("Exports", columns, rows, more=page.next is not None)


class ShareInvestigation:
    """Shares an investigation: which, where to; what will be done; then the export."""

    node = "share"
    title = "Share an investigation"
    role = PersonRole.OPERATE

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask which and where to, then for a yes; then enter the export.

        Raises:
            RefusedError: the selection cannot be used, the destination is no more, or too much waits already.
        """
        sharing = self._exports.sharing
        if not answers:
            return Ask(form=_which(sharing))
        request = _request(answers[0])
        selection = Selection.parse(request.select, clock=self._exports.clock)
        if len(answers) == 1:
            return Ask(form=_preview(selection, request, sharing), last=True)
        made = await self._exports.request(request, by=actor(person))
        said = f"Export {made.uuid} of {selection.title} to {made.destination} is requested."
        fields = (Field(name="export", label="Export", values=(made.uuid,)),)
        return Told(form=Form(title="Requested", fields=fields), notes=[Note(text=said)])


class DecideExport:
    """Approves or rejects a plan that waits for a person, once its changes were shown."""

    node = "decide-export"
    title = "Approve or reject an export"
    role = PersonRole.OPERATE

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def step(self, person: Person, answers: Sequence[Answer]) -> Ask | Told:
        """Ask which, then show its plan and ask what, then do it.

        Raises:
            RefusedError: it was decided about, or its plan is another by now.
        """
        if not answers:
            rows = (await self._exports.page(state="approval", limit=SHOWN)).rows
            if not rows:
                return Told(notes=[Note(text="No export waits for a person.")])
            return Ask(form=_which_export(rows))
        # The digest is part of what was chosen: nobody approves a plan that he has not seen.
        uuid, _, digest = answers[0]["export"][0].partition(" ")
        try:
            if len(answers) == 1:
                return Ask(form=_decision(await self._exports.get(uuid), digest), last=True)
            return Told(notes=[Note(text=await self._decide(uuid, digest, answers[1], person))])
        except UnknownExportError as error:
            raise RefusedError("export", "there is no such export any more") from error

    async def _decide(self, uuid: str, digest: str, answer: Answer, person: Person) -> str:
        if answer["decision"][0] == "approve":
            done = await self._exports.approve(uuid, by=actor(person), digest=digest)
            return f"{done.title} goes to {done.destination}."
        done = await self._exports.reject(uuid, by=actor(person), why=" ".join(answer.get("why", ())))
        return f"{done.title} does not go to {done.destination}."


def sharing_commands(exports: Exports) -> list[ShowExports | ShareInvestigation | DecideExport]:
    """Return the commands, where there is somewhere to share."""
    if not exports.sharing.destinations:
        return []
    return [ShowExports(exports), ShareInvestigation(exports), DecideExport(exports)]


def _which(sharing: SharingSection) -> Form:
    select = Field(
        name="select",
        label="Which",
        required=True,
        help="Words such as target=192.0.2.7, job=UUID, type=scan since=2d, vertex=NAME depth=2",
    )
    destination = Field(
        name="destination",
        kind=FieldKind.LIST_SINGLE,
        label="Where to",
        required=True,
        options=tuple(one.name for one in sharing.destinations),
        labels=tuple(f"{one.name} ({one.exporter})" for one in sharing.destinations),
    )
    dry_run = Field(name="dry_run", kind=FieldKind.BOOLEAN, label="Only show what would be sent", values=("0",))
    return Form(title="Share", instructions="What, and where to?", fields=(select, destination, dry_run))


def _request(answer: Answer) -> ExportRequest:
    dry_run = answer.get("dry_run", ("0",))[0] == "1"
    return ExportRequest(select=answer["select"][0], destination=answer["destination"][0], dry_run=dry_run)


def _preview(selection: Selection, request: ExportRequest, sharing: SharingSection) -> Form:
    section, policy = sharing.destination(request.destination), sharing.policy_of(request.destination)
    lines = [
        f"{selection.title} ({selection.kind}): {selection.text}",
        f"To {section.name} ({section.exporter}), up to {policy.ceiling.tag}, marked {policy.tlp.tag} at least",
        "Nothing is sent: what would be is shown in the console and by: vedette export list"
        if request.dry_run
        else "It is sent when a person has approved the plan"
        if section.approval
        else "It is sent at once",
    ]
    fields = tuple(Field(name="", kind=FieldKind.FIXED, values=(line,)) for line in lines)
    return Form(title=f"Share {selection.title}"[:200], instructions="This is what will be done.", fields=fields)


def _which_export(exports: Sequence[Export]) -> Form:
    field = Field(
        name="export",
        kind=FieldKind.LIST_SINGLE,
        label="Export",
        required=True,
        options=tuple(f"{one.uuid} {_digest(one.plan)}" for one in exports),
        labels=tuple(f"{one.title} to {one.destination}: {_total(one.plan)}" for one in exports),
    )
    return Form(title="Approve or reject", instructions="Which export?", fields=(field,))


def _decision(export: Export, digest: str) -> Form:
    """Return the plan, and what may be done with it.

    Raises:
        RefusedError: it is another than the one that was chosen.
    """
    plan = export.plan
    if plan is None or plan.digest != digest or export.state != "approval":
        raise RefusedError("export", "was decided about, or its plan is another by now; begin again")
    lines = [str(change) for change in plan.changes[:PREVIEWED]]
    lines += [f"and {plan.total - PREVIEWED} more"] if plan.total > PREVIEWED else []
    lines += [f"{len(plan.withheld)} left out"] if plan.withheld else []
    lines += plan.notes
    fields = (
        *(Field(name="", kind=FieldKind.FIXED, values=(line,)) for line in lines),
        Field(
            name="decision",
            kind=FieldKind.LIST_SINGLE,
            label="What",
            required=True,
            options=("approve", "reject"),
            labels=("Approve", "Reject"),
        ),
        Field(name="why", label="Why not", help="Others will read it; needed where it is rejected"),
    )
    return Form(title=f"{export.title} to {export.destination}"[:200], instructions=_total(plan), fields=fields)


def _digest(plan: Plan | None) -> str:
    return "" if plan is None else plan.digest


def _total(plan: Plan | None) -> str:
    return "no plan" if plan is None else "1 change" if plan.total == 1 else f"{plan.total} changes"
