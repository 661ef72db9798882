"""The local authority as a process of its own that ends with its parent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from vedette.clock import SystemClock
from vedette.errors import ConfigurationError
from vedette.evidence.authority.identity import load_identity, roots_path
from vedette.evidence.authority.issuer import TokenIssuer
from vedette.evidence.authority.server import AuthorityServer

PARENT_CHECK = 1.0
"""Seconds between looks at who our parent is."""

_PR_SET_PDEATHSIG = 1


async def serve(*, folder: Path, host: str, port: int, parent_pid: int | None = None) -> None:
    """Serve the authority of a folder until SIGTERM, SIGINT or the parent's end.

    Prints one line of JSON when it is ready: `url`, `roots` (path of the file to trust), `pid`.

    Raises:
        ConfigurationError: the folder holds no usable authority.
        ConnectionFailedError: the address cannot be listened on.
    """
    identity = load_identity(folder)
    server = AuthorityServer(issuer=TokenIssuer(identity=identity, clock=SystemClock()), roots_pem=identity.roots_pem)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    if parent_pid is not None:
        _end_with_parent(parent_pid)
    url = await server.start(host=host, port=port)
    ready = {"url": url, "roots": str(roots_path(folder).resolve()), "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        await _wait(done, parent_pid)
    finally:
        await server.stop()


def _end_with_parent(parent_pid: int) -> None:
    """Have the kernel end us with the thread that started us (prctl(2), Linux).

    Raises:
        ConfigurationError: the parent is already gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # A parent that ended before prctl sends no signal.
    if os.getppid() != parent_pid:
        raise ConfigurationError("--parent-pid", "", f"process {parent_pid} is not our parent (any more)")


async def _wait(done: asyncio.Event, parent_pid: int | None) -> None:
    """Wait for a signal, or for the parent's end where no signal tells of it."""
    while not done.is_set() and parent_pid in {None, os.getppid()}:
        limit = None if parent_pid is None else PARENT_CHECK
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), limit)
