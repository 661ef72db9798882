"""Answers that have one form only: JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from web.api.v1.negotiation import MEDIA_TYPES
from web.api.v1.parameters import Form


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer as JSON; dataclasses are objects of it."""
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPES[Form.JSON], headers=headers)
