"""How the TAXII server speaks: what it takes and gives, its errors, and the parameters of a request (TAXII 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from registry.taxii_reading import MAX_PAGE, Version, VersionPage, Wanted
from vedette.clock import iso_time
from vedette.errors import RefusedError
from vedette.sharing.taxii.resources import MEDIA_TYPE, instant, is_id
from web.api.access import Rule
from web.api.direct import Endpoint
from web.api.late import LateRoute
from web.api.negotiation import Offer, choose, essence_of
from web.api.problems import ProblemError

MAX_NAMED: Final = 500
"""Ids, types or versions that one request may name."""

_TYPE: Final = "application/taxii+json"
_OFFERED: Final = (Offer(name="taxii", type=_TYPE),)
_WHICH: Final[dict[str, Literal["first", "last", "all"]]] = {"first": "first", "last": "last", "all": "all"}


class TaxiiRoute(LateRoute):
    """A route that takes the request as it is, and says what it refuses as TAXII wants it (section 3.6)."""

    def __init__(self, path: str, endpoint: Endpoint, **named: Any) -> None:
        super().__init__(path, endpoint, **named)
        rules = [one.dependency for one in self.dependencies if isinstance(one.dependency, Rule)]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            try:
                for rule in rules:
                    await rule(request)
                check_accepted(request)
                response = await endpoint(request)
            except ProblemError as problem:
                if problem.status < 400:
                    raise
                response = error_resource(problem)
            await response(scope, receive, send)

        self.app = answer


def error_resource(problem: ProblemError) -> Response:
    """Return what is wrong as an error message resource (section 3.6.1)."""
    title = HTTPStatus(problem.status).phrase
    body = {"title": title, "description": problem.detail, "http_status": str(problem.status)}
    return resource(body, status=problem.status, headers=problem.headers)


def resource(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a resource, or its bytes."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(content, status_code=status, headers={"Content-Type": MEDIA_TYPE, **(headers or {})})


def check_accepted(request: Request) -> None:
    """Check that a client takes what we send (section 1.6.8.1).

    Raises:
        ProblemError: 406, it takes neither TAXII 2.1 nor anything.
    """
    accept = request.headers.get("accept", "")
    # A range of this type is of another version where it names one.
    fitting = ",".join(one for one in accept.split(",")[:64] if _version_in(one) in ("", "2.1"))
    if not fitting or choose(fitting, _OFFERED) is None:
        raise ProblemError(406, f"ask with Accept: {MEDIA_TYPE}")


def check_sent(request: Request) -> None:
    """Check that what a client sends is what we take.

    Raises:
        ProblemError: 415, it is no TAXII 2.1.
    """
    sent = request.headers.get("content-type", "")
    if essence_of(sent) != _TYPE or _version_in(sent) not in ("", "2.1"):
        raise ProblemError(415, f"send it with Content-Type: {MEDIA_TYPE}")


def _version_in(media: str) -> str:
    """Return the version that a media type names; empty where it names none."""
    for part in media.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "version":
            return value.strip().strip('"')
    return ""


# Parameters ----------------------------------------------------------------------------


def wanted_of(request: Request) -> Wanted | None:
    """Return which objects are asked for (section 3.4); None: none of ours can be.

    Raises:
        ProblemError: 400, a parameter cannot be read.
    """
    ids, types, specifications = (_named(request, f"match[{name}]") for name in ("id", "type", "spec_version"))
    if specifications and "2.1" not in specifications:
        return None
    known = frozenset(id for id in ids if is_id(id))
    kinds = frozenset(type for type in types if type.isascii() and type.isprintable())
    if (ids and not known) or (types and not kinds):
        return None
    after = max(_after(request), _following(request))
    return Wanted(ids=known, types=kinds, versions=_versions(request), after=after)


def limit_of(request: Request) -> int:
    """Return how many objects are asked for at most.

    Raises:
        ProblemError: 400, it is no number above nought.
    """
    text = request.query_params.get("limit", str(MAX_PAGE))
    if not (text.isascii() and text.isdigit()) or int(text[:9]) == 0:
        raise ProblemError(400, "limit: must be a whole number above 0")
    return min(int(text[:9]), MAX_PAGE)


def _named(request: Request, parameter: str) -> Sequence[str]:
    text = request.query_params.get(parameter, "")
    named = [one.strip() for one in text.split(",") if one.strip()] if text else []
    if len(named) > MAX_NAMED:
        raise ProblemError(400, f"{parameter}: names more than {MAX_NAMED}; ask several times")
    return named


def _versions(request: Request) -> frozenset[int | Literal["first", "last", "all"]]:
    named = _named(request, "match[version]")
    try:
        return frozenset(_WHICH[one] if one in _WHICH else instant(one) for one in named or ["last"])
    except RefusedError as error:
        raise ProblemError(400, f"match[version]: must be first, last, all or a time: {error.reason}") from error


def _after(request: Request) -> int:
    text = request.query_params.get("added_after")
    try:
        return -1 if text is None else instant(text)
    except RefusedError as error:
        raise ProblemError(400, f"added_after: {error.reason}") from error


def _following(request: Request) -> int:
    """Return where the page before ended: the names of our pages are times, and never expire."""
    text = request.query_params.get("next")
    if text is None:
        return -1
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ProblemError(400, "next: is no name of a page that was given here")
    return int(text)


# Answers -------------------------------------------------------------------------------


def objects_answer(page: VersionPage) -> Response:
    """Return objects as an envelope (section 3.7)."""
    body = b'"objects":[%b]' % b",".join(one.body for one in page.versions) if page.versions else b""
    return resource(_enveloped(page, body), headers=_added(page.versions))


def manifest_answer(page: VersionPage, media_type: str) -> Response:
    """Return what versions there are as a manifest (section 5.3)."""
    records = [
        {
            "id": one.object_id,
            "date_added": iso_time(one.date_added),
            "version": one.version_text,
            "media_type": media_type,
        }
        for one in page.versions
    ]
    body = b'"objects":%b' % orjson.dumps(records) if records else b""
    return resource(_enveloped(page, body), headers=_added(page.versions))


def versions_answer(page: VersionPage) -> Response:
    """Return the versions of one object (section 5.8)."""
    times = [one.version_text for one in page.versions]
    body = b'"versions":%b' % orjson.dumps(times) if times else b""
    return resource(_enveloped(page, body), headers=_added(page.versions))


def _enveloped(page: VersionPage, body: bytes) -> bytes:
    parts = [b'"more":true,"next":"%d"' % page.versions[-1].date_added] if page.more else []
    return b"{%b}" % b",".join([*parts, body] if body else parts)


def _added(versions: Sequence[Version]) -> dict[str, str]:
    if not versions:
        return {}
    first, last = versions[0].date_added, versions[-1].date_added
    return {"X-TAXII-Date-Added-First": iso_time(first), "X-TAXII-Date-Added-Last": iso_time(last)}
