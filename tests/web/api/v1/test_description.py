"""What the API says of itself: complete, readable without a script, and with examples that work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import httpx
from fastapi.routing import APIRoute

from registry.callers import Scope
from tests.timing import PATIENCE
from tests.web.api.v1.conftest import Hub
from tests.web.api.whole import TRUST
from web.api.access import Rule
from web.api.v1.described import Problem

PAGE = Path(__file__).resolve().parents[4] / "docs" / "api.md"


async def test_every_route_is_described_with_its_scope_and_what_it_may_answer(read_only: Hub) -> None:
    async with httpx.AsyncClient(
        base_url=read_only.server.url, verify=TRUST, trust_env=False, timeout=PATIENCE
    ) as stranger:
        document = (await stranger.get("/openapi.json")).json()
    for route in read_only.app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        (rule,) = (one.dependency for one in route.dependencies if isinstance(one.dependency, Rule))
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            assert operation.get("x-scopes", []) == sorted(rule.scopes), route.path
            wanted = {"500", "503"} | ({"401", "403", "429"} if rule.scopes else set())
            assert wanted <= set(operation["responses"]), route.path
            assert operation["summary"], route.path
            for parameter in operation.get("parameters", []) if route.path.startswith("/v1/") else ():
                assert parameter.get("description"), (route.path, parameter["name"])


async def test_no_reference_of_the_document_leads_nowhere(read_only: Hub) -> None:
    async with httpx.AsyncClient(
        base_url=read_only.server.url, verify=TRUST, trust_env=False, timeout=PATIENCE
    ) as stranger:
        answer = await stranger.get("/openapi.json")
    schemas = answer.json()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text)) <= set(schemas)
    assert "HTTPValidationError" not in schemas


async def test_a_problem_has_the_promised_form(client: httpx.AsyncClient) -> None:
    for path in ("/v1/items?x=1", "/v1/nothing", "/v1/items/00000000-0000-4000-8000-999999999999"):
        Problem.model_validate((await client.get(path)).json(), strict=True)


async def test_the_page_shows_every_route_and_needs_no_script(read_only: Hub) -> None:
    async with httpx.AsyncClient(
        base_url=read_only.server.url, verify=TRUST, trust_env=False, timeout=PATIENCE
    ) as stranger:
        answer = await stranger.get("/docs")
        document = (await stranger.get("/openapi.json")).json()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert not re.search(r"https?://(?!www\.w3\.org)", answer.text)
    for path in document["paths"]:
        assert f'<code class="docs-path">{path}</code>' in answer.text


def curls() -> list[list[str]]:
    """Return the commands of the page."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.startswith("curl ")]


def request_of(arguments: list[str], known: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return the address and the headers of a command."""
    url, headers, rest = "", dict[str, str](), iter(arguments)
    for argument in rest:
        text = argument
        for name, value in known.items():
            text = text.replace(f"${name}", value)
        if text == "-o":
            next(rest)
        elif text == "-H":
            name, _, value = next(rest).partition(":")
            headers[name] = known.get(value.strip().removeprefix("$"), value.strip())
        else:
            url = text
    return url, headers


async def test_the_commands_of_the_documentation_work(read_only: Hub) -> None:
    known: dict[str, Any] = {"HUB": read_only.server.url, "KEY": await read_only.key(Scope.READ)}
    commands = curls()
    assert len(commands) >= 4
    async with httpx.AsyncClient(verify=TRUST, trust_env=False, timeout=PATIENCE) as plain:
        for command in commands:
            url, headers = request_of(command, known)
            assert (await plain.get(url, headers=headers)).status_code == 200, command
