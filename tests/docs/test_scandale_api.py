"""The commands of docs/scandale-api.md against a real API, and its table against the application's routes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from string import Template

import httpx

from registry.callers import Scope
from registry.database import Database
from tests.timing import PATIENCE
from tests.web.api.station import Station, a_station, an_item

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scandale-api.md"


def commands() -> list[str]:
    """The lines of the page's blocks of commands."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


async def curl(words: list[str], folder: Path) -> tuple[int, bytes]:
    """Do what curl would with these few options; of an endless answer the beginning."""
    headers, body, user, url, method = {}, None, None, "", "GET"
    rest = iter(words)
    for word in rest:
        match word:
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-u":
                name, _, value = next(rest).partition(":")
                user = (name, value)
            case "-d":
                body, method = (folder / next(rest).removeprefix("@")).read_bytes(), "POST"
            case "-o":
                next(rest)
            case "-N":
                pass
            case _:
                url = word
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE, auth=user) as client,
        client.stream(method, url, headers=headers, content=body) as answer,
    ):
        async for piece in answer.aiter_bytes():
            return answer.status_code, piece
        return answer.status_code, b""


async def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'migrated.db'}")
    database.migrate()
    database.close()
    item = an_item()
    (tmp_path / "item.json").write_text(json.dumps(item))
    async with a_station(tmp_path / "migrated.db", tmp_path) as station:
        key = await station.key(Scope.READ, Scope.INGEST)
        values = {"HUB": station.server.url, "KEY": key, "UUID": item["meta"]["uuid"]}
        for number, line in enumerate(commands()):
            program, *words = shlex.split(Template(line).substitute(values))
            assert program == "curl"
            status, body = await curl(words, tmp_path)
            assert status in (200, 201), (line, body)
            if number == 0:
                await station.stamp()
        assert number >= 4
        assert documented() <= served(station)
    shutil.rmtree(tmp_path / "documents")


def documented() -> set[str]:
    """Method and path of the routes that the page has in its table."""
    rows = re.findall(r"^\| (`[A-Z].*?) \| `", PAGE.read_text(), re.MULTILINE)
    return {name.split("?")[0] for row in rows for name in re.findall(r"`([A-Z]+ /[^`]*)`", row)}


def served(station: Station) -> set[str]:
    """Method and path of the application's routes."""
    methods = [(route, method) for route in station.app.routes for method in getattr(route, "methods", None) or ()]
    return {f"{method} {getattr(route, 'path', '')}" for route, method in methods}
