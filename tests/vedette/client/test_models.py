"""The client's models against the hub's own description: neither can drift from the other unseen."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tests.web.api.v1.conftest import Hub
from vedette.client import (
    agents,
    corrections,
    documents,
    findings,
    graph,
    graph_answers,
    items,
    jobs,
    operations,
    records,
    repairs,
    sharing,
)
from vedette.client.model import Model

MODELS: dict[str, type[Model]] = {
    "/v1/items": items.Item,
    "/v1/items/{uuid}": items.ItemDetail,
    "/v1/items/{uuid}/proof": items.ItemProof,
    "DELETE /v1/items/{uuid}/payload": items.PayloadDeletion,
    "/v1/documents": documents.Document,
    "/v1/documents/{id}": documents.Document,
    "/v1/agents": agents.Agent,
    "/v1/agents/{jid}": agents.AgentDetail,
    "/v1/agents/{jid}/presence": agents.PresenceChange,
    "/v1/dead-letters": operations.DeadLetter,
    "/v1/queues": operations.Queue,
    "/v1/refusals": operations.Refusal,
    "/v1/alarms": operations.Alarm,
    "/v1/repairs": repairs.Repair,
    "/v1/findings": findings.Finding,
    "/v1/checks": findings.Check,
    "/v1/graph/vertices": graph_answers.Vertex,
    "/v1/graph/vertices/{vertex}": graph_answers.Vertex,
    "/v1/graph/vertices/{vertex}/edges": graph_answers.Edge,
    "/v1/graph/vertices/{vertex}/mentions": graph_answers.Mention,
    "/v1/graph/vertices/{vertex}/neighbours": graph_answers.GraphPicture,
    "/v1/graph/path": graph_answers.GraphPicture,
    "/v1/graph/changes": graph_answers.ChangedVertex,
    "/v1/graph/edge-mentions": graph_answers.Mention,
    "/v1/graph/items/{uuid}": graph_answers.Vertex,
    "/v1/graph/reviews": graph_answers.GraphDecision,
    "/v1/graph/explain": graph_answers.GraphExplanation,
    "/v1/graph/counts": graph_answers.GraphCounts,
    "/v1/items/{uuid}/corrections": corrections.ReadCorrections,
    "POST /v1/items/{uuid}/corrections": corrections.ReadCorrection,
    "DELETE /v1/items/{uuid}/corrections/{number}": corrections.ReadCorrection,
    "/v1/jobs": jobs.Job,
    "POST /v1/jobs": jobs.Job,
    "POST /v1/jobs/preview": jobs.Preview,
    "/v1/jobs/{uuid}": jobs.Job,
    "/v1/jobs/{uuid}/runs": jobs.Run,
    "POST /v1/jobs/{uuid}/cancel": jobs.Job,
    "/v1/destinations": sharing.Destination,
    "/v1/exports": sharing.Export,
    "POST /v1/exports": sharing.Export,
    "/v1/exports/{uuid}": sharing.Export,
    "POST /v1/exports/{uuid}/approve": sharing.Export,
    "POST /v1/exports/{uuid}/reject": sharing.Export,
    "POST /v1/exports/{uuid}/retry": sharing.Export,
    "/v1/audit": records.AuditRecord,
    "/v1/keys": records.Key,
    "POST /v1/keys": records.IssuedKey,
    "/v1/users": records.Person,
    "POST /v1/users": records.Person,
    "POST /v1/users/{name}/role": records.Person,
    "POST /v1/users/{name}/disable": records.Person,
    "POST /v1/users/{name}/enable": records.Person,
}

LISTS: dict[str, Callable[..., object]] = {
    "/v1/items": items.Items.list,
    "/v1/documents": documents.Documents.list,
    "/v1/agents": agents.Agents.list,
    "/v1/agents/{jid}/presence": agents.Agents.presence,
    "/v1/dead-letters": operations.DeadLetters.list,
    "/v1/queues": operations.Queues.list,
    "/v1/refusals": operations.Refusals.list,
    "/v1/alarms": operations.Alarms.list,
    "/v1/repairs": repairs.Repairs.list,
    "/v1/findings": findings.Findings.list,
    "/v1/checks": findings.Checks.list,
    "/v1/graph/vertices": graph.Graph.list,
    "/v1/graph/changes": graph.Graph.changes,
    "/v1/graph/edge-mentions": graph.Graph.edge_mentions,
    "/v1/graph/reviews": graph.Graph.reviews,
    "/v1/jobs": jobs.Jobs.list,
    "/v1/destinations": sharing.Sharing.destinations,
    "/v1/exports": sharing.Sharing.list,
    "/v1/audit": records.Audit.list,
    "/v1/keys": records.Keys.list,
    "/v1/users": records.Users.list,
}


def shape(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """What a schema allows, without names and descriptions; a word out of a list is a text."""
    if "$ref" in schema:
        return shape(components[schema["$ref"].rsplit("/", 1)[1]], components)
    if "anyOf" in schema:
        return sorted((shape(one, components) for one in schema["anyOf"]), key=repr)
    kind = schema.get("type")
    if kind == "array":
        # A tuple says what each of its places holds.
        return [kind, *(shape(one, components) for one in schema.get("prefixItems", [schema.get("items", {})]))]
    if kind == "object" and "properties" in schema:
        return {name: shape(one, components) for name, one in schema["properties"].items()}
    if kind == "object":
        more = schema.get("additionalProperties", True)
        return [kind, shape(more, components) if isinstance(more, dict) else more]
    return kind


def served(document: dict[str, Any], route: str) -> Any:
    """The shape of a route's answer; of a list's, that of its rows."""
    method, _, path = route.rpartition(" ")
    answers = document["paths"][path][method.lower() or "get"]["responses"]
    schema = next(answers[status] for status in ("200", "201") if status in answers)["content"]["application/json"]
    found = shape(schema["schema"], document["components"]["schemas"])
    return found["items"][1] if isinstance(found, dict) and "next" in found else found


async def test_each_model_has_what_the_hub_sends(hub: Hub) -> None:
    document = hub.app.openapi()
    for route, kind in MODELS.items():
        own = kind.model_json_schema(mode="serialization")
        assert shape(own, own.get("$defs", {})) == served(document, route), route


async def test_the_hub_knows_each_filter_of_a_list(hub: Hub) -> None:
    document = hub.app.openapi()
    for path, call in LISTS.items():
        known = {one["name"] for one in document["paths"][path]["get"]["parameters"]}
        assert set(inspect.signature(call).parameters) - {"self", "limit", "jid"} <= known, path
