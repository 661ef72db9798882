"""Ad-hoc commands on the wire (XEP-0050): what is called, what is answered, and what is wrong with a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from vedette.errors import RefusedError, VedetteError
from vedette.people.forms import DATA, Answer, Form, clean, read_submission, to_element

COMMANDS: Final = "http://jabber.org/protocol/commands"
STANZAS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"

MAX_NAME = 256
"""Characters of a node or a session id that somebody sends."""

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

# The form of language tags (RFC 5646 section 2.1), loosely.
_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,8}")

_TYPES: Final = {
    "bad-request": "modify",
    "feature-not-implemented": "cancel",
    "forbidden": "cancel",
    "internal-server-error": "wait",
    "item-not-found": "cancel",
    "not-allowed": "cancel",
    "resource-constraint": "wait",
}


class Action(StrEnum):
    """What a call wants (XEP-0050 section 3.3)."""

    EXECUTE = "execute"
    NEXT = "next"
    PREV = "prev"
    COMPLETE = "complete"
    CANCEL = "cancel"


class Status(StrEnum):
    """How a conversation stands."""

    EXECUTING = "executing"
    COMPLETED = "completed"
    CANCELED = "canceled"


class QueryError(VedetteError):
    """A query is answered with an error: a condition, and for commands what exactly was wrong."""

    def __init__(self, condition: str, text: str = "", *, detail: str = "") -> None:
        self.condition = condition
        self.detail = detail
        self.text = text
        super().__init__(text or detail or condition)

    def element(self) -> Element:
        """Return the `error` of an iq (RFC 6120 section 8.3, XEP-0050 section 4.4)."""
        error = Element("{jabber:client}error", {"type": _TYPES[self.condition]})
        SubElement(error, f"{{{STANZAS}}}{self.condition}")
        if self.text:
            SubElement(error, f"{{{STANZAS}}}text", {_LANGUAGE: "en"}).text = clean(self.text)[:1000]
        if self.detail:
            SubElement(error, f"{{{COMMANDS}}}{self.detail}")
        return error


def bad(detail: str, text: str) -> QueryError:
    """Return the error for a call that cannot be used, such as `bad-payload`."""
    return QueryError("bad-request", text, detail=detail)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call of a command, or of its next step."""

    node: str
    """Which command."""
    action: Action = Action.EXECUTE
    """What is wanted."""
    session: str = ""
    """Which conversation; empty begins one."""
    given: Answer | None = None
    """What was filled in; None where no form came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A sentence beside a form or in its place."""

    text: str
    """What it says."""
    kind: str = "info"
    """`info`, `warn` or `error`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A step that wants something filled in or confirmed."""

    form: Form
    """What to ask."""
    last: bool = False
    """Whether the work is done after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """The end of a conversation."""

    form: Form | None = None
    """What there is to see."""
    notes: Sequence[Note] = ()
    """What there is to say."""


def read_call(command: Element) -> Call:
    """Return what a `command` element asks for.

    Raises:
        QueryError: it names no action of XEP-0050, no language, or what came with it is no form of ours.
    """
    node, session = command.get("node", ""), command.get("sessionid", "")
    if len(node) > MAX_NAME:
        raise QueryError("item-not-found", "there is no such command")
    if len(session) > MAX_NAME:
        raise bad("bad-sessionid", "there is no such conversation")
    language = command.get(_LANGUAGE)
    if language is not None and not _TAG.fullmatch(language):
        raise bad("bad-locale", "this is not the name of a language")
    try:
        action = Action(command.get("action", Action.EXECUTE.value))
    except ValueError as error:
        raise bad("malformed-action", "this is no action of a command") from error
    return Call(node=node, action=action, session=session, given=_given(command, action))


def _given(command: Element, action: Action) -> Answer | None:
    forms = command.findall(f"{{{DATA}}}x")
    # Who cancels or goes back may send the form as it is; nothing of it counts.
    if action in {Action.CANCEL, Action.PREV} or not forms or forms[0].get("type") == "cancel":
        return None
    if len(forms) > 1:
        raise bad("bad-payload", "one form at a time")
    try:
        return read_submission(forms[0])
    except RefusedError as error:
        raise bad("bad-payload", str(error)) from error


def answer_element(
    *,
    node: str,
    session: str,
    status: Status,
    form: Form | None = None,
    notes: Sequence[Note] = (),
    actions: Sequence[Action] = (),
) -> Element:
    """Return the answer to a call; the last of the actions is what `execute` means."""
    command = Element(f"{{{COMMANDS}}}command", {"node": node, "sessionid": session, "status": status.value})
    if actions:
        offered = SubElement(command, f"{{{COMMANDS}}}actions", {"execute": actions[-1].value})
        for action in actions:
            SubElement(offered, f"{{{COMMANDS}}}{action.value}")
    for note in notes:
        SubElement(command, f"{{{COMMANDS}}}note", {"type": note.kind}).text = clean(note.text)
    if form is not None:
        # There are clients that show no note beside a form (profanity).
        said = [*(note.text for note in notes), form.instructions]
        command.append(to_element(replace(form, instructions="\n".join(filter(None, said)))))
    return command
