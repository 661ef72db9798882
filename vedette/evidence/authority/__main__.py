"""`python -m vedette.evidence.authority --folder … --port 0`: the local authority as a lean process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from vedette.errors import VedetteError
from vedette.evidence.authority.process import serve


def main() -> int:
    """Serve until told to end; exit 2 with one line where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m vedette.evidence.authority", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where 'vedette tsa init' made the authority")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--parent-pid", type=int, default=None, help="end when this parent process ends")
    options = parser.parse_args()
    try:
        asyncio.run(serve(folder=options.folder, host=options.host, port=options.port, parent_pid=options.parent_pid))
    except VedetteError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
