"""Which form of a list a request asks for: `?format=`, the end of the path, or the Accept header. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from web.api.negotiation import Offer, choose
from web.api.problems import ProblemError
from web.api.v1.parameters import Form

MEDIA_TYPES: Mapping[Form, str] = MappingProxyType(
    {Form.JSON: "application/json", Form.CSV: "text/csv", Form.NDJSON: "application/x-ndjson"}
)
"""What each form is called."""

_OFFERS = tuple(Offer(name=form.value, type=media_type) for form, media_type in MEDIA_TYPES.items())


def wanted_form(*, path: str, accept: str | None, asked: Form | None) -> Form:
    """Return the form that a request wants.

    Args:
        path: of the request: `.csv` and `.ndjson` at its end say which.
        accept: the Accept header.
        asked: the parameter `format`.

    Raises:
        ProblemError: 406 where the header allows none of the three.
    """
    if asked is not None:
        return asked
    ending = next((form for form in (Form.CSV, Form.NDJSON) if path.endswith(f".{form.value}")), None)
    return ending or _accepted(accept)


def _accepted(accept: str | None) -> Form:
    """Return the form that the header likes best; of equal ones JSON first (RFC 9110, 12.5.1)."""
    if accept is None or not accept.strip():
        return Form.JSON
    liked = choose(accept, _OFFERS)
    if liked is None:
        raise ProblemError(406, f"this list comes as {', '.join(MEDIA_TYPES.values())}; ask for one of them")
    return Form(liked.name)
