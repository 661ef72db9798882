"""Problems as RFC 9457 has them: every refusal says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

from vedette.errors import VedetteError

MEDIA_TYPE = "application/problem+json"


class ProblemError(VedetteError):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        """HTTP status code."""
        self.detail = detail
        """What is wrong and what to do; the client sees it."""
        self.headers = dict(headers or {})
        """Further headers of the answer."""


def problem_response(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem; `ok` and `error` are there for Stucco's clients (RFC 9457, 3.2: extension members)."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "ok": False, "error": detail}
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)
