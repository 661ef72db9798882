"""The allow-list as the fleet's file has it now: who is taken out of it is out at once, without a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vedette.clock import Clock
from vedette.configuration.fleet import load_fleet
from vedette.configuration.people import people_of
from vedette.errors import ConfigurationError
from vedette.log import logger
from vedette.people.person import People, Person

LOOK_EVERY: Final = 1.0
"""Seconds between looks at whether the file changed."""


class PeopleOfFile(People):
    """The people of a `vedette.yml`; while that cannot be read, the last ones that could."""

    def __init__(self, file: Path, *, clock: Clock) -> None:
        super().__init__()
        self._file = file
        self._clock = clock
        self._log = logger("people")
        self._looked_at: float | None = None
        self._seen: tuple[int, int, int] | None = None
        self._known = People()

    def find(self, jid: str) -> Person | None:
        """Return the person of a bare JID, None for a stranger."""
        self._look()
        found = self._known.find(jid)
        if found is None:
            # Who was put in a moment ago is no stranger.
            self._looked_at = None
            self._look()
            found = self._known.find(jid)
        return found

    def _look(self) -> None:
        now = self._clock.monotonic()
        if self._looked_at is not None and 0 <= now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        try:
            status = self._file.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen == self._seen:
                return
            self._seen = seen
            self._known = people_of(load_fleet(self._file)[0].people)
        except (OSError, ConfigurationError) as error:
            self._log.warning("the allow-list stays as it was", file=str(self._file), reason=str(error))
