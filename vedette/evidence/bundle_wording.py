"""The words of a bundle's texts that differ between an item and an audit entry."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.evidence.statement import Statement


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """What report.html and VERIFY.txt say about one kind of statement."""

    happened: str
    """Heading of what it says."""
    handed_in: str
    """Heading of who wrote it."""
    statement: str
    """What one reads in the statement."""
    signed: str
    """Heading of the step about the signature."""
    unsigned: str
    """That step where there is no signature."""
    own_clock: str
    """Whose clock comes first."""
    proves: str
    """The point about its author among what is proved, for the page."""
    proves_shortly: str
    """The same after a comma, for VERIFY.txt; may be empty."""
    not_proved: str
    """The first point of what is not proved, for the page."""
    not_proved_shortly: str
    """The same for VERIFY.txt."""
    key_caution: str
    """The point about whose key it is, for the page; may be empty."""


_ITEM = Wording(
    happened="What was observed",
    handed_in="Who handed it in",
    statement="what was observed, when, by which agent",
    signed="The agent signed it",
    unsigned="This item was not signed by an agent; there is nothing to check in this step.",
    own_clock="The agent's own clock (collected_at)",
    proves="Where a signature is named above, the holder of the agent's private key signed the description and the\n"
    "hash of the payload.",
    proves_shortly=", and who holds the agent's\nprivate key signed them",
    not_proved="That the observation is right or complete: an agent can be deceived, misconfigured or broken into.",
    not_proved_shortly="It does not prove that the observation is right, nor that nothing else was observed. The\n"
    'times "collected_at" and "received_at" in statement.json are what the clocks of agent and engine said:',
    key_caution="<li>Whose key <code>agent.pub</code> is: this bundle only claims it.</li>",
)

_AUDIT = Wording(
    happened="What was done, by whom and from where",
    handed_in="Who wrote it down",
    statement="who did what, to what, when and from where",
    signed="An agent's signature",
    unsigned="This is an entry of the system's own audit log; no agent signs it. There is nothing to check here.",
    own_clock="The clock of the machine where it was done (at)",
    proves="The system had written this entry down by then; it was not made up or reworded afterwards.",
    proves_shortly=": the\nentry was not made up or reworded afterwards",
    not_proved="That the entry is right: it is what the operator's system noted. Who had that person's password or\n"
    "key could act in that name, and who ruled the machine could write what he liked at that moment.",
    not_proved_shortly="It does not prove that the entry is right, nor that nothing else was done. The times\n"
    '"at" and "received_at" in statement.json are what the clocks of the operator\'s machines said:',
    key_caution="",
)


def wording_of(statement: Statement) -> Wording:
    """Return the words for this kind of statement."""
    return _AUDIT if statement.kind == "audit" else _ITEM
