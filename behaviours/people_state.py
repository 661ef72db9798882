"""The command that every agent has for people: how it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vedette.clock import to_datetime
from vedette.messages.state import AgentState, BehaviourState
from vedette.people.adhoc import Told
from vedette.people.forms import Answer, Field, FieldKind, Form
from vedette.people.person import Person, PersonRole


class TellState:
    """Tells what the agent's own page tells, as a form."""

    node = "status"
    title = "Status"
    role = PersonRole.READ

    def __init__(self, state: Callable[[], AgentState]) -> None:
        self._state = state

    async def step(self, person: Person, answers: Sequence[Answer]) -> Told:
        """Return the state."""
        state = self._state()
        presence = state.presence.show + (f": {state.presence.status}" if state.presence.status else "")
        lines = {
            "agent": ("Agent", state.jid),
            "role": ("Role", state.role),
            "version": ("Version", state.software),
            "place": ("Place", state.place),
            "presence": ("Presence", presence),
            "since": ("Since", moment(state.presence.since)),
            "started": ("Started", moment(state.started_at)),
        }
        fields = [Field(name=name, label=label, values=(text,)) for name, (label, text) in lines.items() if text]
        longer = {
            "notes": ("Notes", state.notes),
            "behaviours": ("Behaviours", [_behaviour(one) for one in state.behaviours]),
            "counters": ("Counted", [f"{name}: {number}" for name, number in sorted(state.counters.items())]),
        }
        fields += [
            Field(name=name, kind=FieldKind.TEXT_MULTI, label=label, values=tuple(texts))
            for name, (label, texts) in longer.items()
            if texts
        ]
        return Told(form=Form(title=f"{state.jid.partition('@')[0]}: {presence}", fields=tuple(fields)))


def moment(microseconds: int | None) -> str:
    """Return a time for people, empty for none."""
    return "" if microseconds is None else f"{to_datetime(microseconds):%Y-%m-%d %H:%M:%S} UTC"


def _behaviour(state: BehaviourState) -> str:
    failed = f", failed {state.failures} times, last: {state.last_error}" if state.failures else ""
    return f"{state.name}: {state.state}{failed}"
