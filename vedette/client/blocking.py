"""The client for scripts without `async`: the same calls, each waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from vedette.client.client import VedetteClient

T = TypeVar("T")


class BlockingClient:
    """Runs a `VedetteClient` on an event loop of its own, in the thread that calls; not within another loop."""

    def __init__(self, *, url: str, api_key: str, ca: Path | None = None) -> None:
        """Describe the hub, as for `VedetteClient`.

        Raises:
            ConfigurationError: the address or the key cannot be used.
        """
        self._client = VedetteClient(url=url, api_key=api_key, ca=ca)
        self._runner = asyncio.Runner()
        self._closed = False

    def run(self, call: Callable[[VedetteClient], Coroutine[Any, Any, T]]) -> T:
        """Return what a call returns: `hub.run(lambda client: client.items.get(uuid))`."""
        return self._runner.run(call(self._client))

    def rows(self, call: Callable[[VedetteClient], AsyncIterator[T]]) -> Iterator[T]:
        """Iterate over a list or stream: `hub.rows(lambda client: client.items.list(limit=10))`."""
        found = call(self._client)
        try:
            while True:
                try:
                    yield self._runner.run(_next(found))
                except StopAsyncIteration:
                    return
        finally:
            # Closing the client has ended it before, where a script forgets an iterator half way.
            if not self._closed:
                self._runner.run(_end(found))

    def close(self) -> None:
        """Close the connections and the loop; harmless when it was done before."""
        if self._closed:
            return
        self._closed = True
        try:
            self._runner.run(self._client.close())
        finally:
            self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _next(found: AsyncIterator[T]) -> T:
    return await anext(found)


async def _end(found: AsyncIterator[Any]) -> None:
    close = getattr(found, "aclose", None)
    if close is not None:
        await close()
