"""What the OpenAPI document says of the TAXII server; its clients know all this from TAXII 2.1 itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from vedette.sharing.taxii.resources import MEDIA_TYPE
from web.api.problems import MEDIA_TYPE as PROBLEM
from web.api.scandale_forms import Shape, answer, fields, parameter
from web.api.v1.described import PROBLEM_SCHEMA

_TEXT: Final[Shape] = {"type": "string"}
_COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
_YES: Final[Shape] = {"type": "boolean"}
_ANYTHING: Final[Shape] = {"type": "object"}


def _list(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


_MORE: Final[Shape] = {"more": _YES, "next": _TEXT}
_ERROR: Final[Shape] = fields({"title": _TEXT}, description=_TEXT, http_status=_TEXT)
_RECORD: Final[Shape] = fields({"id": _TEXT, "date_added": _TEXT, "version": _TEXT}, media_type=_TEXT)

NOTHING: Final[Shape] = fields({})
DISCOVERY: Final[Shape] = fields({"title": _TEXT}, description=_TEXT, default=_TEXT, api_roots=_list(_TEXT))
API_ROOT: Final[Shape] = fields({"title": _TEXT, "versions": _list(_TEXT), "max_content_length": _COUNT})
COLLECTION: Final[Shape] = fields(
    {"id": _TEXT, "title": _TEXT, "can_read": _YES, "can_write": _YES},
    description=_TEXT,
    alias=_TEXT,
    media_types=_list(_TEXT),
)
COLLECTIONS: Final[Shape] = fields({}, collections=_list(COLLECTION))
ENVELOPE: Final[Shape] = fields({}, **_MORE, objects=_list(_ANYTHING))
MANIFEST: Final[Shape] = fields({}, **_MORE, objects=_list(_RECORD))
VERSIONS: Final[Shape] = fields({}, **_MORE, versions=_list(_TEXT))
STATUS: Final[Shape] = fields(
    {
        "id": _TEXT,
        "status": _TEXT,
        "total_count": _COUNT,
        "success_count": _COUNT,
        "failure_count": _COUNT,
        "pending_count": _COUNT,
    },
    successes=_list(_ANYTHING),
    failures=_list(_ANYTHING),
)

BODY: Final[Shape] = {"required": True, "content": {MEDIA_TYPE: {"schema": ENVELOPE}}}
"""What is posted."""

_ALWAYS: Final = (401, 403, 404, 406, 429)
_READING: Final = (400,)
_POSTING: Final = (400, 408, 411, 413, 415, 422, 507)
_FILTERED: Final = frozenset({"manifest", "objects", "versions"})
_IN_PATH: Final = re.compile(r"\{(\w+)\}")

_FILTERS: Final = (
    parameter("limit", {"type": "string"}, "How many at most; a page never has more than 1,000."),
    parameter("next", _TEXT, "Name of the page, as the one before gave it."),
    parameter("added_after", _TEXT, "Only what was added later than this time."),
    parameter("match[id]", _TEXT, "Only these objects; several with commas between, as in all of these."),
    parameter("match[type]", _TEXT, "Only objects of these types."),
    parameter("match[version]", _TEXT, "`first`, `last` (if nothing is said), `all`, or times."),
    parameter("match[spec_version]", _TEXT, "Only these versions of STIX: there is nothing but 2.1."),
)


def described(path: str, method: str, shape: Shape) -> dict[str, Any]:
    """Return what the document says of a route: `responses`, and `openapi_extra`.

    Args:
        path: where it is.
        method: how it is asked.
        shape: the resource that it answers with.
    """
    extra: dict[str, Any] = {"parameters": [*_in_path(path), *(_FILTERS if _is_filtered(path, method) else ())]}
    if method == "POST":
        extra["requestBody"] = BODY
    good = 202 if method == "POST" else 200
    statuses = [*_ALWAYS, *(_POSTING if method == "POST" else _READING)]
    responses = {good: answer("As asked.", shape, media=MEDIA_TYPE)}
    return {"status_code": good, "responses": responses | _refusals(statuses), "openapi_extra": extra}


def _is_filtered(path: str, method: str) -> bool:
    return method != "POST" and not _FILTERED.isdisjoint(path.split("/"))


def _in_path(path: str) -> Sequence[Shape]:
    return [parameter(name, _TEXT, f"The {name}.", where="path") for name in _IN_PATH.findall(path)]


def _refusals(statuses: Sequence[int]) -> dict[int, Shape]:
    # What the store or we ourselves fail at is a problem as everywhere in the API.
    content = {MEDIA_TYPE: {"schema": _ERROR}, PROBLEM: {"schema": PROBLEM_SCHEMA}}
    return {one: {"description": HTTPStatus(one).phrase, "content": content} for one in sorted({*statuses, 422, 503})}
