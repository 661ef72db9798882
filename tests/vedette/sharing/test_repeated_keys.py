"""A server that repeats what it was sent in its refusal: the key is in no error, nor in what caused it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.sharing_cases import CASES
from tests.sharing_memory import connect
from vedette.clock import SystemClock
from vedette.errors import VedetteError
from vedette.sharing.exporter import ExporterCatalogue

KEY = "Zx0kQ2vE7tYp1sW9rB4nM6aLdHcJfGuXiOeTqPwR"
COLLECTION = "root/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/"


class _Repeating(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = {name: value for name, value in self.headers.items() if name.lower() == "authorization"}
        body = orjson.dumps({"message": said, "error": {"type": "refused", "reason": str(said)}})
        self.send_response(int(self.path.partition("/")[2][:3]) if self.path[1:4].isdigit() else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Repeating)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("status", [400, 403, 500])
@pytest.mark.parametrize("key", [KEY, f"anna:{KEY}"])
@pytest.mark.parametrize(
    ("exporter", "path", "settings"),
    [("misp", "", {}), ("opensearch", "", {"index": "vedette"}), ("taxii", COLLECTION, {})],
)
async def test_a_repeated_key_is_in_no_error(
    address: str, tmp_path: Path, exporter: str, path: str, settings: dict[str, Any], key: str, status: int
) -> None:
    (tmp_path / "key").write_text(key)
    url = f"{address}/{status}/{path}"
    made = ExporterCatalogue().exporter(exporter)
    there = connect(made, tmp_path, clock=SystemClock(), url=url, key_file="key", **settings)
    try:
        with pytest.raises(VedetteError) as caught:
            await there.send(CASES["scanned"]())
    finally:
        await there.aclose()
    assert str(status) in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert KEY[:12] not in told
