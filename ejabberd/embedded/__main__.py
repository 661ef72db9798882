"""`python -m ejabberd.embedded`: the server's process. Its first line on stdout is JSON: port, or the error."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path

from ejabberd.embedded.imports import prepare
from ejabberd.embedded.lifetime import has_parent, parent_ended, tie_to_parent
from vedette.errors import VedetteError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ejabberd.embedded", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where accounts, rosters and certificates are")
    parser.add_argument("--domain", default="localhost", help="the domain of its JIDs")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--parent-pid", type=int, default=None, help="end when this process, our parent, ends")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    from ejabberd.embedded.service import Files, Service

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = arguments.folder
    files = Files(folder=folder, certificate=folder / "server.pem", key=folder / "server.key")
    service = Service(files=files, domain=arguments.domain)
    port = await service.listen(arguments.port)
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    gc.freeze()
    watch = asyncio.create_task(_stop_with_parent(arguments.parent_pid, stop))
    await service.run(stop)
    watch.cancel()


async def _stop_with_parent(parent: int | None, stop: asyncio.Event) -> None:
    if parent is not None:
        await parent_ended(parent)
        stop.set()


def main() -> int:
    """Run the server; 0 after a clean stop, 2 when it could not start."""
    arguments = _arguments()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if arguments.parent_pid is not None:
        tie_to_parent(arguments.parent_pid)
        if not has_parent(arguments.parent_pid):
            return 0
    try:
        prepare()
        asyncio.run(_serve(arguments))
    except VedetteError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
