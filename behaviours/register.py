"""Registering with the registry, and saying at intervals that one is alive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

from spade.message import Message

from behaviours.exchange import Exchange, Incoming, compose
from behaviours.supervised import SupervisedBehaviour
from vedette.canonical import MAX_SAFE_INTEGER
from vedette.clock import Clock
from vedette.delivery.backoff import Backoff
from vedette.machine_clock import is_clock_set
from vedette.messages.batch import Signed
from vedette.messages.card import Card, Heartbeat
from vedette.messages.envelope import Action, Performative
from vedette.signing import SigningKey

HEARTBEAT_EVERY = 10.0
"""Seconds between signs of life; the registry calls an agent gone after three of them are missing."""

UNANSWERED_PAUSE = 0.5
"""Seconds until the registry is asked again when it did not answer at all."""


class Session(Exchange, Protocol):
    """An exchange that counts its sessions, and can be seen."""

    @property
    def session(self) -> int:
        """Number of the present session."""
        ...

    def show_presence_to(self, jid: str) -> None:
        """Show our presence, and its end, to who is not subscribed yet."""
        ...


class Register(SupervisedBehaviour):
    """Sends the signed card at each new session and with each new sealing key, then heartbeats."""

    name: ClassVar[str] = "register"

    def __init__(
        self,
        *,
        clock: Clock,
        agent_name: str,
        exchange: Session,
        registry: str,
        key: SigningKey,
        card: Callable[[], Card],
        heartbeat: Callable[[], Awaitable[Heartbeat]],
    ) -> None:
        super().__init__(clock=clock, agent_name=agent_name)
        self._exchange = exchange
        self._registry = registry
        self._key = key
        self._card = card
        self._heartbeat = heartbeat
        self._patience = Backoff(first=0.5, most=30.0)
        self._registered_session = 0
        self._newest_card = 0
        self._sealing_key = ""

    @property
    def registered(self) -> bool:
        """Whether the registry has accepted the card in this session."""
        return self._registered_session == self._exchange.session and self._exchange.online

    async def run(self) -> None:
        """Register if the session is new, else give a sign of life."""
        if not self._exchange.online:
            await self.pause(0.2)
        elif not self.registered or self._card().sealing_key != self._sealing_key:
            await self._register()
        else:
            await self._beat()

    async def _register(self) -> None:
        session = self._exchange.session
        card = self._card()
        if card.signed_at <= self._newest_card:
            card = card.model_copy(update={"signed_at": self._newest_card + 1})
        # Before the card, which makes the registry subscribe: it hears of our end even if that comes before it has.
        self._exchange.show_presence_to(self._registry)
        signed = Signed.seal(card, self._key)
        answer = await self._exchange.ask(self._request(Action.REGISTER, signed.model_dump()), time_limit=5.0)
        if answer is not None and answer.performative is Performative.AGREE:
            self._registered_session, self._sealing_key = session, card.sealing_key
            self._patience.reset()
            self.counters["registered"] += 1
            self.log.info("registered", registry=self._registry)
            return
        self.counters["not registered"] += 1
        if answer is not None and self._has_newer_card(answer):
            return
        # Nobody there is worth another look soon; a refusal will not change from one second to the next.
        wait = UNANSWERED_PAUSE if answer is None else self._patience.next()
        reason = "no answer" if answer is None else _reason(answer)
        self.log.warning("not registered", registry=self._registry, reason=reason, again_in=round(wait, 1))
        until = self.clock.monotonic() + wait
        while self._exchange.session == session and self.clock.monotonic() < until:
            await self.pause(min(0.5, wait))

    def _has_newer_card(self, answer: Incoming) -> bool:
        """Tell whether the registry has a newer card of ours, as when the clock was set back: sign past it."""
        value = answer.value()
        newest = value.get("newest") if isinstance(value, dict) else None
        if type(newest) is not int or not self._newest_card < newest < MAX_SAFE_INTEGER:
            return False
        self._newest_card = newest
        self.log.warning("the clock was set back: signing past the last card", registry=self._registry)
        return True

    async def _beat(self) -> None:
        beat = await self._heartbeat()
        # The time comes last: what else takes time before it is sent looks like a slow clock.
        beat = beat.model_copy(update={"clock_set": is_clock_set(), "sent_at": self.clock.now()})
        message = compose(
            to=self._registry,
            performative=Performative.INFORM,
            action=Action.HEARTBEAT,
            value=beat.model_dump(exclude_none=True),
        )
        self._exchange.send(message)
        self.counters["heartbeats"] += 1
        until = self.clock.monotonic() + HEARTBEAT_EVERY
        while self.registered and self.clock.monotonic() < until:
            await self.pause(0.5)

    def _request(self, action: Action, value: Any) -> Message:
        return compose(to=self._registry, performative=Performative.REQUEST, action=action, value=value)


def _reason(answer: Incoming) -> str:
    value = answer.value()
    return str(value.get("reason", answer.performative.value) if isinstance(value, dict) else value)[:1000]
