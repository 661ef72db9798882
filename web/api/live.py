"""What of the API works by itself while it is served: the commits of posted items and the stream of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from registry.content import ContentFolder
from registry.database import Database
from registry.intake import Intake
from registry.live_events import LiveEvents
from registry.reading import Reads
from registry.refusals import Refusals
from registry.scandale import ScandaleView
from registry.scandale_check import ProofCheck
from registry.scandale_tokens import PostedTokens
from vedette.clock import Clock
from vedette.evidence.certificates import TrustRoots
from web.api.application import Routes
from web.api.event_stream import EventStream
from web.api.events import EventRoutes
from web.api.pubsub import PubSubRoutes
from web.api.scandale import ScandaleItemRoutes
from web.api.scandale_intake import ItemIntake
from web.api.scandale_system import ScandaleSystemRoutes
from web.api.scandale_tokens import ScandaleTokenRoutes


class Live:
    """Posted items and events, over one store."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        intake: Intake,
        roots: Mapping[str, TrustRoots],
        committed: Callable[[int, list[str]], None],
        events: Reads | None = None,
    ) -> None:
        """Describe them.

        Args:
            database: the store.
            clock: the time.
            intake: the one intake.
            roots: roots of each configured authority by its name.
            committed: called after a commit with the number of new items and their senders.
            events: the store, as who tells its events reads it; None: like everybody.
        """
        self._database = database
        self._clock = clock
        self._roots = roots
        self._committed = committed
        self._events = LiveEvents(database=events or database)
        self.stream = EventStream(events=self._events)
        """The events."""
        self.items = ItemIntake(
            intake=intake, refusals=Refusals(database=database), clock=clock, committed=self._note_commit
        )
        """The posted items."""

    def start(self) -> None:
        """Begin to commit and to read."""
        self.items.start()
        self.stream.start()

    async def stop(self) -> None:
        """Take no more items and end all streams; harmless when not started."""
        await self.stream.stop()
        await self.items.stop()

    def wake(self) -> None:
        """Say that something happened."""
        self.stream.wake()

    def check(self, *, documents: ContentFolder) -> ProofCheck:
        """Return what checks proofs; `documents` is the folder of the payloads that are not inline."""
        return ProofCheck(database=self._database, roots=self._roots, clock=self._clock, documents=documents)

    def routes(self, *, documents: ContentFolder) -> list[Routes]:
        """Return the groups of routes; `documents` is the folder of the payloads that are not inline."""
        view = ScandaleView(database=self._database)
        check = self.check(documents=documents)
        tokens = PostedTokens(database=self._database, roots=self._roots, clock=self._clock)
        return [
            ScandaleItemRoutes(view=view, intake=self.items),
            ScandaleTokenRoutes(view=view, tokens=tokens, check=check, posted=self.wake),
            ScandaleSystemRoutes(view=view),
            EventRoutes(stream=self.stream, events=self._events),
            PubSubRoutes(stream=self.stream, view=view),
        ]

    def _note_commit(self, count: int, senders: list[str]) -> None:
        self.wake()
        self._committed(count, senders)
