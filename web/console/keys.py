"""API keys of programs: made and shown once, and taken back; each change in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Scope
from registry.key_list import KeyList
from registry.keys import ApiKey, Keys
from vedette.clock import Clock
from vedette.errors import RefusedError
from web.api.access import Rules
from web.api.forms import read_form
from web.api.gate import Gate
from web.api.pages import go_to
from web.api.v1.acting import actor_of
from web.api.v1.records import Id
from web.console.frame import Frame, add_page, links_of
from web.console.parameters import PAGE, PageParameters

KEYS: Final = "/keys"
"""Where the page is."""

_DAY: Final = 86_400

LIFETIMES: Final[Mapping[str, int | None]] = {
    "30 days": 30 * _DAY,
    "90 days": 90 * _DAY,
    "a year": 365 * _DAY,
    "never": None,
}
"""When a new key may expire."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A key on the page."""

    key: ApiKey
    """What is known of it."""
    state: str
    """good, expired or revoked."""
    scopes: str
    """What it allows, words with a space between."""
    last_used: int | None
    """Microseconds since 1970: the beginning of the last day of use."""


class KeyPageParameters(PageParameters):
    """Which keys to show."""

    gone: bool = False
    """Also those that expired or were revoked."""


class KeyPageRoutes:
    """`GET /keys`, and the forms on it."""

    def __init__(self, *, frame: Frame, keys: Keys, listed: KeyList, gate: Gate, clock: Clock) -> None:
        self._frame = frame
        self._keys = keys
        self._listed = listed
        self._gate = gate
        self._clock = clock

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        change = Depends(rules.any_of_by_form(Scope.ADMIN))
        add_page(app, KEYS, self.show, rule=Depends(rules.any_of(Scope.ADMIN)))
        add_page(app, KEYS, self.make, rule=change, method="POST")
        add_page(app, f"{KEYS}/{{id}}/revoke", self.revoke, rule=change, method="POST")

    async def show(self, request: Request, asked: Annotated[KeyPageParameters, Query()]) -> Response:
        """Show the keys, newest first."""
        said = "The key is refused from now on." if asked.said == "revoked" else ""
        return await self._show(request, gone=asked.gone, cursor=asked.cursor, said=said)

    async def make(self, request: Request) -> Response:
        """Make a key and show it, this once."""
        form = await read_form(request)
        name, lifetime = form.get("name", "").strip(), form.get("lifetime", "")
        scopes = {scope for scope in Scope if f"scope-{scope}" in form}
        try:
            if lifetime not in LIFETIMES:
                raise RefusedError("expires", "choose when it expires")
            key, known = await self._keys.make(
                name=name, scopes=scopes, lifetime=LIFETIMES[lifetime], by=actor_of(request, self._gate)
            )
        except RefusedError as error:
            chosen: dict[str, Any] = {"name": name, "lifetime": lifetime, "chosen": scopes}
            return await self._show(request, problem=str(error), status=422, **chosen)
        return await self._show(request, made=key, made_for=known.holder)

    async def revoke(self, id: Id, request: Request) -> Response:
        """Refuse a key from now on."""
        try:
            await self._keys.revoke(id, by=actor_of(request, self._gate))
        except RefusedError:
            return self._frame.missing(request, "There is no key of this id that is in use.", current=KEYS)
        return go_to(f"{KEYS}?said=revoked")

    async def _show(
        self,
        request: Request,
        *,
        status: int = 200,
        gone: bool = False,
        cursor: str | None = None,
        said: str = "",
        problem: str = "",
        **more: Any,
    ) -> Response:
        now = self._clock.now()
        found = await self._listed.page(ended=gone, limit=PAGE, cursor=cursor)
        links = links_of(request, found, api="/v1/keys", path=KEYS)
        query = "" if gone else "?good=true"
        usual = {"made": "", "made_for": "", "name": "", "lifetime": "90 days", "chosen": {Scope.READ}}
        return self._frame.page(
            request,
            "keys.html",
            current=KEYS,
            status=status,
            rows=[_row(key, now) for key in found.rows],
            hidden=0 if gone else await self._listed.count_ended(),
            gone=gone,
            links=replace(links, json=f"/v1/keys{query}", csv=f"/v1/keys.csv{query}"),
            scopes=list(Scope),
            lifetimes=list(LIFETIMES),
            said=said,
            problem=problem,
            **(usual | more),
        )


def _row(key: ApiKey, now: int) -> Row:
    state = "good" if key.is_good(now) else "expired" if key.revoked_at is None else "revoked"
    used = None if key.last_used_day is None else key.last_used_day * _DAY * 1_000_000
    return Row(key=key, state=state, scopes=" ".join(sorted(key.scopes)), last_used=used)
