"""The hub's API in the fleet's configuration: keys do not cross a network in clear."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vedette.configuration.api import ApiSection


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"host": "::1"},
        {"host": "localhost", "port": 8080},
        {"host": "0.0.0.0", "certificate": "api.pem", "key": "api.key", "roots": "ca.pem"},
        {"url": "https://vedette.example.org"},
    ],
)
def test_good_ones(fields: dict[str, Any]) -> None:
    assert ApiSection.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"host": "0.0.0.0"}, "in clear"),
        ({"host": "192.0.2.1"}, "in clear"),
        ({"certificate": "api.pem"}, "go together"),
        ({"url": "https://user:password@example.org"}, "pattern"),
        ({"url": "ftp://example.org"}, "pattern"),
        ({"document_limit": 2**31}, "less than or equal"),
    ],
)
def test_wrong_ones(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ApiSection.model_validate(fields)
