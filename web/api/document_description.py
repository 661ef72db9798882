"""What the OpenAPI document says of the document service's answers."""

from __future__ import annotations

from typing import Any, Final

from web.api.v1.described import problems

Responses = dict[int | str, dict[str, Any]]

_REPLY: Final = {"application/json": {"schema": {"type": "object"}}}
_BYTES: Final = {"*/*": {"schema": {"type": "string", "format": "binary"}}}

STORED: Final[Responses] = {
    200: {"description": "Was stored before.", "content": _REPLY},
    201: {"description": "Stored.", "content": _REPLY},
    **problems(400, 408, 409, 411, 413, 415, 422, 507),
}
"""Of handing one in."""

FOUND: Final[Responses] = {
    200: {"description": "The document, in the form that is wanted.", "content": _BYTES},
    304: {"description": "It is the one that the client has."},
    **problems(404, 406, 410, 422),
}
"""Of asking for one."""

DELETED: Final[Responses] = {
    200: {"description": "Deleted; a tombstone stays.", "content": _REPLY},
    **problems(404, 409, 410, 422),
}
"""Of deleting one."""
