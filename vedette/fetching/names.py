"""Looking names up: the port, and the system's own way; light, because whoever judges a target needs it."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

MAX_ADDRESSES = 16
"""Addresses of one name that are looked at."""

# A look-up cannot be stopped and may take half a minute. In the loop's own threads, names whose servers are silent
# would hold up everything else that runs there: files, hashes, command lines of jobs.
_THREADS: Final = ThreadPoolExecutor(max_workers=8, thread_name_prefix="names")


class NameResolver(ABC):
    """Port: whoever knows the addresses of names."""

    @abstractmethod
    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name.

        Raises:
            OSError: there are none.
        """


class SystemResolver(NameResolver):
    """Names as this machine knows them."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return what the system's resolver says.

        Raises:
            OSError: it knows none.
        """
        found = await asyncio.get_running_loop().run_in_executor(_THREADS, _look_up, host, port)
        return [str(place[0]) for _, _, _, _, place in found]


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
