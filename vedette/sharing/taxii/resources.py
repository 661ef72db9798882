"""What TAXII 2.1 and STIX 2.1 have in common for a server and a client: media types, ids, versions, times. Pure.

Sources: TAXII Version 2.1, OASIS Standard (2021), sections 1.6.8, 3 and 5; STIX Version 2.1, sections 2.9 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from vedette.canonical import canonical_json
from vedette.clock import from_datetime
from vedette.errors import RefusedError

MEDIA_TYPE: Final = "application/taxii+json;version=2.1"
"""Of every TAXII resource (section 1.6.8.1)."""

STIX_TYPE: Final = "application/stix+json;version=2.1"
"""Of the objects in a collection (section 1.6.8.2)."""

MAX_OBJECTS: Final = 10_000
"""Objects of one envelope that is posted."""

_ID = re.compile(r"(?P<type>[a-z][a-z0-9-]{2,249})--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?Z", re.ASCII)


def instant(text: str) -> int:
    """Return a timestamp of STIX (section 2.13) as microseconds since 1970, UTC; finer ones are cut.

    Raises:
        RefusedError: it is none.
    """
    if not _TIME.fullmatch(text):
        raise RefusedError("timestamp", f"{text[:40]!r} is none; write it as 2026-01-31T12:00:00.000Z")
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusedError("timestamp", f"{text[:40]!r} is none: {error}") from error
    return from_datetime(moment) + int(fraction[:6].ljust(6, "0"))


def is_id(text: object) -> bool:
    """Tell whether something is an identifier of STIX (section 2.9)."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def object_id(value: Mapping[str, Any]) -> str:
    """Return the id of an object of STIX 2.1.

    Raises:
        RefusedError: it is no object of STIX 2.1; says why.
    """
    id, type = value.get("id"), value.get("type")
    match = _ID.fullmatch(id) if isinstance(id, str) else None
    if match is None:
        raise RefusedError("id", "is no identifier of STIX: must be TYPE--UUID")
    if type != match["type"]:
        raise RefusedError("type", "is not the one that its id begins with")
    # Observables may leave it out (STIX 2.1, section 3.2); what was made by somebody and has none is STIX 2.0.
    if value.get("spec_version", "2.0" if "created" in value else "2.1") != "2.1":
        raise RefusedError("spec_version", "is not 2.1, which is all that this collection holds")
    return str(id)


def version_of(value: Mapping[str, Any]) -> str | None:
    """Return an object's version as it is written: when it was modified, else created; None: it has none.

    Raises:
        RefusedError: it is no timestamp.
    """
    text = value.get("modified", value.get("created"))
    if text is None:
        return None
    if not isinstance(text, str):
        raise RefusedError("modified", "is no timestamp")
    instant(text)
    return text


def body_of(value: Mapping[str, Any]) -> bytes:
    """Return an object's bytes as they are kept and sent.

    Raises:
        RefusedError: it holds what canonical JSON cannot.
    """
    return canonical_json(dict(value))
