"""A TAXII 2.1 server (OASIS Standard, 2021): the collections that investigations are shared in.

There is one API root. Who may read everything sees every collection; a key with the scope `share` those that it is
named for. Clients write where the configuration lets them, and take out what they put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from registry.callers import Caller, Scope
from registry.taxii_posting import NotTheirsError, TaxiiPosting
from registry.taxii_reading import TaxiiReading, VersionPage, Wanted
from vedette.sharing.taxii.collections import SharedCollection
from vedette.sharing.taxii.resources import MEDIA_TYPE, STIX_TYPE, is_id
from web.api import taxii_description as description
from web.api.access import Rules, caller_of
from web.api.problems import ProblemError
from web.api.shared_access import READERS, sees
from web.api.taxii_answers import (
    TaxiiRoute,
    check_sent,
    limit_of,
    manifest_answer,
    objects_answer,
    resource,
    versions_answer,
    wanted_of,
)
from web.api.taxii_intake import MAX_CONTENT, TaxiiIntake

DISCOVERY: Final = "/taxii2/"
"""Where clients begin (section 4.1)."""

ROOT: Final = "/taxii2/shared/"
"""The API root."""

_NOTHING: Final = VersionPage(versions=(), more=False)
_ONE: Final = f"{ROOT}collections/{{id}}/"
_OBJECT: Final = f"{_ONE}objects/{{object}}/"
_ANY: Final = (*READERS, Scope.INGEST)


class TaxiiRoutes:
    """`/taxii2/` and everything below."""

    def __init__(
        self,
        *,
        collections: Sequence[SharedCollection],
        reading: TaxiiReading,
        posting: TaxiiPosting,
        intake: TaxiiIntake,
        organisation: str = "",
    ) -> None:
        """Describe them.

        Args:
            collections: what is served.
            reading: what they hold.
            posting: what clients do to them.
            intake: takes what clients post.
            organisation: who shares, for people.
        """
        self._collections = collections
        # An alias stands for the id (section 5.2.1).
        self._named = {name: one for one in collections for name in (one.id, one.name)}
        self._reading = reading
        self._posting = posting
        self._intake = intake
        self._organisation = organisation

    def add_to(self, app: FastAPI, *, rules: Rules) -> None:
        """Add the routes to an application."""
        anyone, reader = rules.any_of(*_ANY), rules.any_of(*READERS)
        writer, remover = rules.any_of(Scope.INGEST), rules.any_of(Scope.INGEST, Scope.ADMIN)
        for path, endpoint, rule, method, shape in (
            (DISCOVERY, self.discover, anyone, "GET", description.DISCOVERY),
            (ROOT, self.root, anyone, "GET", description.API_ROOT),
            (f"{ROOT}status/{{id}}/", self.status, writer, "GET", description.STATUS),
            (f"{ROOT}collections/", self.listed, anyone, "GET", description.COLLECTIONS),
            (_ONE, self.one, anyone, "GET", description.COLLECTION),
            (f"{_ONE}manifest/", self.manifest, reader, "GET", description.MANIFEST),
            (f"{_ONE}objects/", self.objects, reader, "GET", description.ENVELOPE),
            (f"{_ONE}objects/", self.post, writer, "POST", description.STATUS),
            (_OBJECT, self.object, reader, "GET", description.ENVELOPE),
            (_OBJECT, self.delete, remover, "DELETE", description.NOTHING),
            (f"{_OBJECT}versions/", self.versions, reader, "GET", description.VERSIONS),
        ):
            app.router.add_api_route(
                path,
                endpoint,
                methods=[method],
                dependencies=[Depends(rule)],
                tags=["TAXII 2.1"],
                route_class_override=TaxiiRoute,
                **description.described(path, method, shape),
            )

    # What there is ----------------------------------------------------------------------

    async def discover(self, _request: Request) -> Response:
        """Say what this server is (section 4.1)."""
        by = f" of {self._organisation}" if self._organisation else ""
        return resource(
            {
                "title": f"Vedette{by}",
                "description": "What a fleet of Vedette shares",
                "default": ROOT,
                "api_roots": [ROOT],
            }
        )

    async def root(self, _request: Request) -> Response:
        """Describe the API root (section 4.2)."""
        described = {"title": "Shared investigations", "versions": [MEDIA_TYPE], "max_content_length": MAX_CONTENT}
        return resource(described)

    async def listed(self, request: Request) -> Response:
        """List the collections that the caller sees (section 5.1)."""
        caller = caller_of(request)
        seen = [_described(one, caller) for one in self._collections if sees(caller, one.keys)]
        return resource({"collections": seen} if seen else {})

    async def one(self, request: Request) -> Response:
        """Describe a collection (section 5.2)."""
        return resource(_described(self._asked(request), caller_of(request)))

    async def status(self, request: Request) -> Response:
        """Say what became of what the caller posted (section 4.3)."""
        id = str(request.path_params["id"])
        found = (
            await self._reading.status(id, holder=caller_of(request).holder) if id.isalnum() or "-" in id else None
        )
        if found is None:
            raise ProblemError(404, "nothing is known of this here; what became of objects is kept for a day")
        return resource(found)

    # Reading ----------------------------------------------------------------------------

    async def manifest(self, request: Request) -> Response:
        """List what a collection holds (section 5.3)."""
        return manifest_answer(await self._page(request, wanted_of(request), bodies=False), STIX_TYPE)

    async def objects(self, request: Request) -> Response:
        """Return objects (section 5.4)."""
        return objects_answer(await self._page(request, wanted_of(request), bodies=True))

    async def object(self, request: Request) -> Response:
        """Return an object (section 5.6)."""
        wanted = await self._one_object(request)
        return objects_answer(await self._page(request, wanted, bodies=True))

    async def versions(self, request: Request) -> Response:
        """List the versions of an object (section 5.8)."""
        wanted = await self._one_object(request)
        every = None if wanted is None else Wanted(ids=wanted.ids, versions=frozenset({"all"}), after=wanted.after)
        return versions_answer(await self._page(request, every, bodies=False))

    async def _page(self, request: Request, wanted: Wanted | None, *, bodies: bool) -> VersionPage:
        collection, limit = self._asked(request), limit_of(request)
        if wanted is None:
            return _NOTHING
        return await self._reading.page(collection.name, wanted, limit=limit, bodies=bodies)

    async def _one_object(self, request: Request) -> Wanted | None:
        """Return what is asked for of the object in the path."""
        collection, id = self._asked(request), str(request.path_params["object"])
        if not is_id(id) or not await self._reading.holds(collection.name, id):
            raise ProblemError(404, "there is no such object in this collection")
        wanted = wanted_of(request)
        return None if wanted is None else Wanted(ids=frozenset({id}), versions=wanted.versions, after=wanted.after)

    # Writing ----------------------------------------------------------------------------

    async def post(self, request: Request) -> Response:
        """Put objects into a collection, and an item into the store (section 5.5)."""
        collection = self._written(request)
        check_sent(request)
        return resource(await self._intake.take(request, collection), status=202)

    async def delete(self, request: Request) -> Response:
        """Take an object out, or those of its versions that are named (section 5.7)."""
        collection, caller = self._written(request), caller_of(request)
        wanted = await self._one_object(request)
        if wanted is None:
            return resource({})
        if "match[version]" not in request.query_params:
            wanted = Wanted(ids=wanted.ids, versions=frozenset({"all"}))
        holder = None if Scope.ADMIN in caller.scopes else caller.holder
        try:
            await self._posting.delete(collection.name, wanted, holder=holder)
        except NotTheirsError as error:
            raise ProblemError(403, str(error)) from error
        return resource({})

    def _written(self, request: Request) -> SharedCollection:
        collection = self._asked(request)
        if not collection.write:
            raise ProblemError(403, f"the collection {collection.title} takes no objects from clients")
        return collection

    def _asked(self, request: Request) -> SharedCollection:
        collection = self._named.get(str(request.path_params["id"]).lower())
        if collection is None or not sees(caller_of(request), collection.keys):
            raise ProblemError(404, "there is no such collection, or it is not for you")
        return collection


def _described(collection: SharedCollection, caller: Caller) -> dict[str, Any]:
    described = {"description": collection.description} if collection.description else {}
    return {
        "id": collection.id,
        "title": collection.title,
        **described,
        "alias": collection.name,
        "can_read": bool(caller.scopes & set(READERS)),
        "can_write": collection.write and Scope.INGEST in caller.scopes,
        "media_types": [STIX_TYPE],
    }
