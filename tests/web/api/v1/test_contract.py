"""The whole application against its own description: whatever it is asked, it answers as it says it does."""

from __future__ import annotations

import asyncio
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry.callers import Scope
from tests.timing import STRICT
from tests.web.api.v1.conftest import Hub

EXAMPLES = 20 if STRICT else 5
"""Of each operation."""
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
STREAMS = {"/v1/events"}
"""Answers without an end."""


def differences(url: str, key: str) -> list[str]:
    """Return how answers differ from the description, over all operations."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    found: list[str] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if operation.path not in STREAMS:
            found += _of_one(operation, key)
    return found


def _of_one(operation: Any, key: str) -> list[str]:
    found: dict[str, None] = {}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(headers={"X-API-Key": key})
        try:
            # 503: another part, an agent say, does not answer; where that may be is in the description.
            faultless = [] if response.status_code == 503 else [not_a_server_error]
            case.validate_response(response, checks=[*faultless, *CHECKS])
        except FailureGroup as error:
            found[f"{operation.label}: {response.status_code}: {str(error)[:300]}"] = None

    ask()
    return list(found)


async def test_every_answer_is_one_that_the_description_has(hub: Hub) -> None:
    key = await hub.key(*Scope)
    found = await asyncio.to_thread(differences, hub.server.url, key)
    assert not found, "\n".join(found)
