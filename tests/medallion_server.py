"""A real TAXII 2.1 server of somebody else: OASIS' medallion with its store in memory, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.timing import PATIENCE

USER: Final = "vedette"
PASSWORD: Final = "correct horse"
MEDIA_TYPE: Final = "application/taxii+json;version=2.1"

READ_ONLY: Final = "52892447-4d7e-4f70-b94d-d7f22742ff63"
SMALL: Final = "472c94ae-3113-4e3e-a4dd-a9f4ac7471d4"
"""In another API root, which takes no more than 4,096 bytes at once."""

_PROGRAM: Final = """
import json, sys
from werkzeug.serving import make_server
import medallion
configuration = json.loads(sys.stdin.readline())
app = medallion.application_instance
for name in ("users", "taxii", "backend"):
    medallion.set_config(app, name, configuration)
app.medallion_backend.data = configuration["data"]
medallion.register_blueprints(app)
app.add_url_rule("/_data", view_func=lambda: app.medallion_backend.data)
server = make_server("127.0.0.1", 0, app)
print(server.port, flush=True)
server.serve_forever()
"""


_MANY: Final = 20


def _writable(number: int) -> str:
    return f"91a7b528-80eb-42ed-a74d-{number:012x}"


def _collection(id: str, *, write: bool = True) -> dict[str, Any]:
    lists: dict[str, list[Any]] = {"objects": [], "manifest": [], "media_types": []}
    return {"id": id, "title": f"Collection {id[:4]}", "can_read": True, "can_write": write, **lists}


def _root(*collections: dict[str, Any], most: int = 1_000_000) -> dict[str, Any]:
    described = {"title": "A root", "versions": [MEDIA_TYPE], "max_content_length": most}
    return {"information": described, "status": [], "collections": list(collections)}


class Medallion:
    """The running server, and a collection of it that nobody used yet."""

    def __init__(self, port: int, number: int = 0) -> None:
        self._port = port
        self._number = number
        self._base = f"http://127.0.0.1:{port}"

    def fresh(self) -> Medallion:
        """Return the same server with another collection."""
        self._number += 1
        assert self._number <= _MANY
        return Medallion(self._port, self._number)

    @property
    def _own(self) -> str:
        return _writable(self._number)

    def url(self, collection: str = "", *, root: str = "root") -> str:
        """Return a collection's URL."""
        return f"{self._base}/{root}/collections/{collection or self._own}/"

    def objects(self, collection: str = "", *, root: str = "root", every: bool = False) -> list[dict[str, Any]]:
        """Return what a collection holds, in its last versions or in every one.

        Taken from its memory: it cannot send `software`, whose property `version` it takes for a time.
        """
        answer = httpx.get(f"{self._base}/_data", timeout=PATIENCE, trust_env=False).raise_for_status()
        collections = answer.json()[root]["collections"]
        held: list[dict[str, Any]] = next(
            one["objects"] for one in collections if one["id"] == (collection or self._own)
        )
        last = {one["id"]: one for one in sorted(held, key=lambda one: str(one.get("modified", "")))}
        return held if every else list(last.values())


@contextmanager
def a_medallion() -> Iterator[Medallion]:
    """Start a server with empty collections, and stop it; `fresh` gives one of them."""
    configuration = {
        "users": {USER: PASSWORD},
        "taxii": {"max_page_size": 10_000},
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend", "filename": None},
        "data": {
            "/discovery": {"title": "Medallion", "api_roots": ["/root/"]},
            "root": _root(
                *(_collection(_writable(number)) for number in range(1, _MANY + 1)),
                _collection(READ_ONLY, write=False),
            ),
            "small": _root(_collection(SMALL), most=4096),
        },
    }
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(configuration) + "\n")
        process.stdin.flush()
        yield Medallion(int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
