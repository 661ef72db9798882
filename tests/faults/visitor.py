"""Somebody who looks at a page all the time."""

from __future__ import annotations

import http.client
import threading
import time
from typing import Self
from urllib.parse import urlsplit


class Visitor:
    """Somebody who looks at a page again and again, and notes when there was none."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="visitor")
        self.seen = 0
        self.gaps: list[tuple[float, float]] = []
        """When each gap began (monotonic) and how long it was, in seconds."""
        self.slowest = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        last = time.monotonic()
        missing = False
        while not self._ended.wait(0.1):
            began = time.monotonic()
            good = self._answers()
            now = time.monotonic()
            if good:
                self.seen += 1
                self.slowest = max(self.slowest, now - began)
                if missing:
                    self.gaps.append((last, now - last))
                last, missing = now, False
            else:
                missing = True

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=5)
        try:
            connection.request("GET", "/v1/items?limit=1")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
