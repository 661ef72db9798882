"""What agents say to each other, between SPADE's messages and our typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from spade.message import Message

from vedette.errors import RefusedError, UnsupportedVersionError
from vedette.messages.envelope import ENCODING, ONTOLOGY, Action, Performative, decode_body, encode_body

_ONTOLOGY_NAME, _ONTOLOGY_MAJOR = ONTOLOGY.split("/")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A message that arrived, its body still encoded."""

    sender: str
    """Bare JID, as the XMPP server says: believed only where a signature confirms it."""
    full_sender: str
    """Full JID, to answer the very session that asked."""
    performative: Performative
    """What is done by saying it."""
    action: Action | None
    """What it is about; None for a bare SCANDALE message."""
    conversation: str
    """Empty where there is none."""
    text: str
    """The body as it came."""
    encoding: str | None
    """The body's encoding."""

    def value(self) -> Any:
        """Return the body's value.

        Raises:
            RefusedError: the body cannot be decoded.
        """
        return decode_body(self.text, self.encoding)


class Exchange(Protocol):
    """What a behaviour needs to talk: the agent gives it, tests bring their own."""

    @property
    def online(self) -> bool:
        """Whether there is a session with the server now."""
        ...

    def send(self, message: Message) -> bool:
        """Hand a message to the server; False when there is no session, and nothing was sent."""
        ...

    async def ask(self, message: Message, *, time_limit: float) -> Incoming | None:
        """Send a message and return the answer in its conversation, None when none comes in time."""
        ...


def compose(*, to: str, performative: Performative, action: Action, value: Any, conversation: str = "") -> Message:
    """Return a SPADE message in our ontology.

    Raises:
        RefusedError: the body is larger than a stanza may carry.
    """
    text, encoding = encode_body(value)
    return compose_encoded(
        to=to, performative=performative, action=action, text=text, encoding=encoding, conversation=conversation
    )


def compose_encoded(
    *, to: str, performative: Performative, action: Action, text: str, encoding: str | None, conversation: str = ""
) -> Message:
    """Return a SPADE message whose body is encoded already."""
    metadata = {"performative": performative.value, "ontology": ONTOLOGY, "action": action.value}
    if encoding is not None:
        metadata["encoding"] = encoding
    if conversation:
        metadata["conversation-id"] = conversation
    return Message(to=to, body=text, metadata=metadata)


def reply(to: Incoming, performative: Performative, value: Any) -> Message:
    """Return an answer to a message, in its conversation."""
    return compose(
        to=to.full_sender,
        performative=performative,
        action=to.action or Action.DELIVER,
        value=value,
        conversation=to.conversation,
    )


def refusal(to: Incoming, error: RefusedError) -> Message:
    """Return the answer that says why a message is refused."""
    unknown = isinstance(error, UnsupportedVersionError)
    performative = Performative.NOT_UNDERSTOOD if unknown else Performative.REFUSE
    return reply(to, performative, {"field": error.field, "reason": error.reason})


def read(message: Message) -> Incoming:
    """Return a SPADE message as ours.

    Raises:
        UnsupportedVersionError: another major version of our ontology.
        RefusedError: a performative or action that does not exist.
    """
    ontology = message.get_metadata("ontology") or ""
    name, _, major = ontology.partition("/")
    ours = name == _ONTOLOGY_NAME
    performative = _performative(message.get_metadata("performative") or "inform")
    action = _action(message.get_metadata("action")) if ours else None
    incoming = Incoming(
        sender=str(message.sender.bare),
        full_sender=str(message.sender),
        performative=performative,
        action=action,
        conversation=(message.get_metadata("conversation-id") or "")[:128],
        text=message.body or "",
        encoding=message.get_metadata("encoding") if ours else None,
    )
    if ours and major != _ONTOLOGY_MAJOR:
        raise UnsupportedVersionError("ontology", f"{ontology[:64]!r} is not supported; send {ONTOLOGY!r}")
    return incoming


def _performative(text: str) -> Performative:
    try:
        return Performative(text)
    except ValueError as error:
        raise RefusedError("performative", f"{text[:64]!r} is not a FIPA performative that is used here") from error


def _action(text: str | None) -> Action:
    try:
        return Action(text or "")
    except ValueError as error:
        raise RefusedError("action", f"{(text or '')[:64]!r} is not known") from error


__all__ = ["ENCODING", "Exchange", "Incoming", "compose", "compose_encoded", "read", "refusal", "reply"]
