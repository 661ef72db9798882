"""Who may use which route: a new route needs a line here, or a test fails and names it."""

from __future__ import annotations

from registry.callers import Scope

READ, INGEST, OPERATE, ADMIN = ({scope} for scope in (Scope.READ, Scope.INGEST, Scope.OPERATE, Scope.ADMIN))

EVERYBODY: set[Scope] = set()
"""No scope is needed."""

ANY = set(Scope)
"""Whoever is known, whatever they may do."""

LISTS = {
    "/v1/items": READ,
    "/v1/documents": READ,
    "/v1/batches": READ,
    "/v1/tokens": READ,
    "/v1/heads": READ,
    "/v1/agents": READ,
    "/v1/agents/{jid}/presence": READ,
    "/v1/dead-letters": READ,
    "/v1/findings": READ,
    "/v1/checks": READ,
    "/v1/queues": READ,
    "/v1/refusals": READ,
    "/v1/alarms": READ,
    "/v1/jobs": READ,
    "/v1/jobs/{uuid}/runs": READ,
    "/v1/audit": ADMIN,
    "/v1/keys": ADMIN,
    "/v1/users": ADMIN,
}
"""Lists; each comes as `.csv` and `.ndjson`, too."""

SCANDALE = {
    "GET /items": READ,
    "POST /items": INGEST,
    "GET /TimeStampTokens": READ,
    "POST /TimeStampTokens": INGEST,
    "GET /system/stats": READ,
    "GET /system/info": READ,
}
"""Routes of SCANDALE, whose clients write them with a slash at the end or without."""

ROUTES: dict[str, set[Scope]] = {
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /static/{name}": EVERYBODY,
    "GET /openapi.json": EVERYBODY,
    "GET /docs": EVERYBODY,
    "GET /login": EVERYBODY,
    "POST /login": EVERYBODY,
    "GET /setup": EVERYBODY,
    "POST /setup": EVERYBODY,
    "POST /logout": ANY,
    "GET /": ANY,
    "GET /agents/{jid}": READ,
    "GET /items/{uuid}": READ,
    "GET /findings": READ,
    "GET /dead-letters": READ,
    "GET /dead-letters/{place}/{uuid}": READ,
    "POST /dead-letters/{place}/{uuid}/replay": OPERATE,
    "POST /dead-letters/{place}/{uuid}/discard": OPERATE,
    "GET /alarms": READ,
    "POST /alarms/{number}/acknowledge": OPERATE,
    "GET /audit": ADMIN,
    "GET /account": ANY,
    "POST /account/password": ANY,
    "GET /v1/me": ANY,
    "GET /v1/metrics": READ,
    "POST /v1/password": ANY,
    "POST /document": INGEST,
    "POST /document/": INGEST,
    "PUT /document": INGEST,
    "PUT /document/": INGEST,
    "POST /document/{id}": INGEST,
    "PUT /document/{id}": INGEST,
    "GET /document/{id}": READ,
    "HEAD /document/{id}": READ | INGEST,
    "DELETE /document/{id}": ADMIN,
    "GET /items/{id}": READ,
    "GET /TimeStampTokens/{uuid}": READ,
    "GET /TimeStampTokens/token/{uuid}": READ,
    "GET /TimeStampTokens/check/{uuid}": READ,
    "GET /TimeStampTokens/get_timestamp/{uuid}": READ,
    "WS /pubsub": READ,
    "GET /v1/events": READ,
    "GET /v1/items/{uuid}": READ,
    "GET /v1/items/{uuid}/payload": READ,
    "DELETE /v1/items/{uuid}/payload": ADMIN,
    "GET /v1/items/{uuid}/proof": READ,
    "GET /v1/items/{uuid}/bundle": READ,
    "GET /v1/documents/{id}": READ,
    "GET /v1/agents/{jid}": READ,
    "GET /v1/tools": READ,
    "POST /v1/jobs": OPERATE,
    "POST /v1/jobs/preview": OPERATE,
    "GET /v1/jobs/{uuid}": READ,
    "GET /v1/jobs/{uuid}/output": READ,
    "POST /v1/jobs/{uuid}/cancel": OPERATE,
    "POST /v1/dead-letters/{place}/{uuid}/replay": OPERATE,
    "POST /v1/dead-letters/{place}/{uuid}/discard": OPERATE,
    "POST /v1/alarms/{number}/acknowledge": OPERATE,
    "POST /v1/keys": ADMIN,
    "DELETE /v1/keys/{id}": ADMIN,
    "POST /v1/users": ADMIN,
    "POST /v1/users/{name}/role": ADMIN,
    "POST /v1/users/{name}/disable": ADMIN,
    "POST /v1/users/{name}/enable": ADMIN,
    "POST /v1/users/{name}/setup-link": ADMIN,
    **{f"GET {path}{ending}": scopes for path, scopes in LISTS.items() for ending in ("", ".csv", ".ndjson")},
    **{f"{route}{slash}": scopes for route, scopes in SCANDALE.items() for slash in ("", "/")},
}
"""Every route, as `METHOD path` or `WS path` for a WebSocket: one of these scopes is needed."""

PEOPLE_ONLY = {"POST /v1/password", "POST /account/password"}
"""Keys have no password: they are told so with a 403 of its own."""

ENDLESS = {"GET /v1/events"}
"""Their answers do not end; only their beginning is looked at."""
