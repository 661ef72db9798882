"""A MISP server for tests: HTTP, keys, what it answers with, what it is told to fail at; it records every request.

The rules for what it keeps are in `fake_misp_store.py` and `fake_misp_rules.py`. Of the HTTP side is known, by file
of MISP's own source and of PyMISP's `api.py` (facts only):

- the key stands in `Authorization`; a wrong one is answered with 403 and "Authentication failed.";
- numbers are text in answers, flags are booleans; `/events/view` with `deleted: [0, 1]` has what is soft-deleted too;
- app/Controller/Component/RateLimitComponent.php: 429 with `X-Rate-Limit-Reset`, seconds;
- refusals are JSON: `name`, `message`, `url`, at times `errors`;
- `/shadowAttributes/add` takes a proposal for an event that is visible but not ours;
- `/sightings/add` counts every one that it is sent;
- `/eventBlocklists/index` is for site administrators.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import orjson

from tests.fake_misp_store import MispStore, RefusedRequestError, Row, User

KEY = "Zx0kQ2vE7tYp1sW9rB4nM6aLdHcJfGuXiOeTqPwR"
"""Of the exporter."""

ANALYST_KEY = "A" * 40


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What happens to one request instead of the usual."""

    kind: Literal["before", "after", "within", "status"]
    """before: the connection breaks and nothing was done; after: done, and no answer comes; within: the answer breaks
    off; status: refused."""
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    body: str = '{"message": "An Internal Error Has Occurred."}'


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    body: Any

    @property
    def writes(self) -> bool:
        """Whether it was to change something."""
        reads = (
            "/users/",
            "/servers/",
            "/events/view",
            "/attributes/restSearch",
            "/sharingGroups",
            "/eventBlocklists",
        )
        return self.method == "POST" and not self.path.startswith(reads)


@dataclass
class FakeMisp:
    """The server."""

    url: str = ""
    version: str = "2.5.12"
    store: MispStore = field(default_factory=MispStore)
    users: dict[str, User] = field(default_factory=lambda: {KEY: User(), ANALYST_KEY: User(name="analyst")})
    requests: list[Asked] = field(default_factory=list)
    failures: dict[int, Failure] = field(default_factory=dict)
    """By the number of the request, from 0, as `requests` will have them."""
    meanwhile: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What somebody else does just before a request is looked at, by its number."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def writes(self) -> list[Asked]:
        """Requests that were to change something."""
        return [asked for asked in self.requests if asked.writes]

    def fail_next(self, failure: Failure, *, after: int = 0) -> None:
        """Fail the request that follows `after` others."""
        self.failures[len(self.requests) + after] = failure

    def answer(self, method: str, path: str, body: Any, user: User) -> Any:
        """Return what a request is answered with."""
        controller, action, argument = [*path.strip("/").removesuffix(".json").split("/"), "", "", ""][:3]
        name = f"_{controller}_{action}".lower()
        found = getattr(self, name, None)
        if found is None:
            raise RefusedRequestError(404, f"Invalid request {method} {path}")
        return found(argument, body, user)

    # What can be asked ----------------------------------------------------------------

    def _servers_getversion(self, _argument: str, _body: Any, _user: User) -> Any:
        return {"version": self.version, "pymisp_recommended_version": self.version, "perm_sync": False}

    def _users_view(self, _argument: str, _body: Any, user: User) -> Any:
        role = {
            "name": "Org User",
            "perm_site_admin": user.site_admin,
            "perm_tagger": user.tagger,
            "perm_publish": user.publisher,
        }
        return {
            "User": {"id": "7", "email": f"{user.name}@example.org", "org_id": "3"},
            "Role": {"id": "3", **role},
            "UserSetting": [],
            "Organisation": {"id": "3", "name": user.organisation, "uuid": user.organisation_uuid},
        }

    def _events_view(self, known: str, body: Any, user: User) -> Any:
        return {"Event": self.view(known, user, deleted=bool(body and body.get("deleted")))}

    def _events_add(self, _argument: str, body: Any, user: User) -> Any:
        return {"Event": {"uuid": self.store.add(body["Event"], user)}}

    def _events_edit(self, known: str, body: Any, user: User) -> Any:
        self.store.edit(known, body["Event"], user)
        return {"Event": {"uuid": known}}

    def _events_delete(self, known: str, _body: Any, user: User) -> Any:
        row = self.store.visible(known, user)
        self.store.may_edit(row, user)
        self.store.delete_event(row["uuid"])
        return {"message": "Event deleted."}

    def _events_publish(self, known: str, _body: Any, user: User) -> Any:
        self.store.publish(known, user)
        return {"name": "Publish", "message": "Job queued", "url": f"/events/publish/{known}"}

    def _attributes_add(self, known: str, body: Any, user: User) -> Any:
        event = self.store.visible(known, user)
        self.store.may_edit(event, user)
        if body.get("uuid") in self.store.attributes:
            raise RefusedRequestError(403, "Could not add Attribute: The UUID provided is not unique")
        problem = self.store.take_attribute(event["uuid"], "", body, user)
        if problem is not None:
            raise RefusedRequestError(403, f"Could not add Attribute: {problem}")
        return {"Attribute": {"uuid": body["uuid"]}}

    def _attributes_restsearch(self, _argument: str, body: Any, _user: User) -> Any:
        rows = [self.store.attributes[one] for one in body.get("uuid", ()) if one in self.store.attributes]
        found = [{"uuid": row["uuid"], "event_id": "1", "Event": {"uuid": row["event"]}} for row in rows]
        return {"response": {"Attribute": found}}

    def _objectreferences_delete(self, known: str, _body: Any, _user: User) -> Any:
        if known not in self.store.references:
            raise RefusedRequestError(404, "Invalid object reference.")
        self.store.references[known]["deleted"] = True
        return {"message": "Object reference deleted"}

    def _shadowattributes_add(self, known: str, body: Any, user: User) -> Any:
        event = self.store.visible(known, user)
        if body["uuid"] in self.store.proposals:
            raise RefusedRequestError(403, "Could not add ShadowAttribute: duplicate")
        self.store.proposals[body["uuid"]] = {**body, "event": event["uuid"]}
        return {"ShadowAttribute": {"uuid": body["uuid"]}}

    def _sightings_add(self, known: str, body: Any, _user: User) -> Any:
        if known not in self.store.attributes:
            raise RefusedRequestError(404, "Invalid attribute")
        self.store.sightings.append({"attribute": known, **body})
        return {"Sighting": {"attribute_uuid": known}}

    def _sharinggroups_index(self, _argument: str, _body: Any, _user: User) -> Any:
        groups = [{"SharingGroup": {"id": number, "uuid": one}} for one, number in self.store.groups.items()]
        return {"response": groups}

    def _eventblocklists_index(self, _argument: str, _body: Any, user: User) -> Any:
        if not user.site_admin:
            raise RefusedRequestError(405, "You do not have permission to use this functionality.")
        return [{"EventBlocklist": {"event_uuid": one}} for one in self.store.blocked]

    # What an event looks like ---------------------------------------------------------

    def view(self, known: str, user: User, *, deleted: bool) -> Row:
        """Return an event as `/events/view` has it."""
        store = self.store
        row = store.visible(known, user)
        uuid = row["uuid"]

        def shown(rows: dict[str, Row]) -> Iterator[Row]:
            return (one for one in rows.values() if one["event"] == uuid and (deleted or not one["deleted"]))

        objects = {
            one["uuid"]: {**_texts(one), "Attribute": [], "ObjectReference": []} for one in shown(store.objects)
        }
        flat: list[Row] = []
        for attribute in shown(store.attributes):
            place = objects.get(attribute["object"])
            (flat if place is None else place["Attribute"]).append(_texts(attribute))
        for reference in store.references.values():
            # MISP does not show references that were removed.
            if reference["event"] == uuid and not reference["deleted"] and reference["object"] in objects:
                source = reference["object"]
                objects[source]["ObjectReference"].append({**_texts(reference), "object_uuid": source})
        proposals = [one for one in store.proposals.values() if one["event"] == uuid]
        return {
            **_texts(row),
            "Attribute": flat,
            "Object": list(objects.values()),
            "EventReport": [_texts(one) for one in shown(store.reports)],
            "ShadowAttribute": proposals,
        }


def _texts(row: Row) -> Row:
    """Return a row as MISP's JSON has it: numbers as text."""
    shown = {name: _text(value) for name, value in row.items() if name not in {"event", "object", "Tag"}}
    if "Tag" in row:
        shown["Tag"] = [
            {"name": name, "local": int(local), "colour": "#ffffff"} for name, local in row["Tag"].items()
        ]
    return shown


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Handler(BaseHTTPRequestHandler):
    # One request a connection: nothing lingers when the server stops.
    protocol_version = "HTTP/1.0"
    fake: FakeMisp

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = orjson.loads(self.rfile.read(size)) if size else None
        fake = self.fake
        with fake.lock:
            number = len(fake.requests)
            fake.requests.append(Asked(self.command, self.path, body))
            failure = fake.failures.pop(number, None)
            fake.meanwhile.pop(number, lambda: None)()
            if failure is not None and failure.kind == "before":
                return
            status, answer = self._answer(body, failure)
        data = orjson.dumps(answer) if not isinstance(answer, str) else answer.encode()
        if failure is not None and failure.kind == "after":
            return
        self.send_response(status)
        for name, value in failure.headers if failure is not None else ():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if failure is not None and failure.kind == "within" else data)

    def _answer(self, body: Any, failure: Failure | None) -> tuple[int, Any]:
        if failure is not None and failure.kind == "status":
            return failure.status, failure.body
        user = self.fake.users.get(self.headers.get("Authorization", ""))
        try:
            if user is None:
                raise RefusedRequestError(403, "Authentication failed. Please make sure you pass the API key.")
            return 200, self.fake.answer(self.command, self.path, body, user)
        except RefusedRequestError as error:
            return error.status, {"name": error.message, "message": error.message, "url": self.path}

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `requests` has it."""


@contextmanager
def serving(fake: FakeMisp | None = None, *, tls: ssl.SSLContext | None = None) -> Iterator[FakeMisp]:
    """Serve a fake MISP on a free port while the block lasts."""
    served = fake or FakeMisp()
    handler = type("Handler", (_Handler,), {"fake": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        served.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
