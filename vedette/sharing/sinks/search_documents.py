"""Records as documents of a search index, and the mapping that they are indexed by. Pure.

A document is the record, with its times as ISO 8601 (`@timestamp`: when it was last seen), and beside the
`properties` of a fact, which are kept but not indexed: `vertex_type, observable_type, name`, `property` (a list of
`name=value`, for exact filters) and `text` (all values, for words). So no value can be of a type that an earlier one
forbids, and strangers' property names make no fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vedette.clock import iso_time
from vedette.sharing.sinks.records import Sealed

_TIMES: Final = ("first_seen", "last_seen", "observed_at", "received_at")

_KEY: Final = {"type": "keyword"}
# Lucene takes at most 32,766 bytes of a term: so many characters of UTF-8 fit whatever they are.
_WORD: Final = {"type": "keyword", "ignore_above": 8_191}
_TEXT: Final = {"type": "text"}
_NAME: Final = {"type": "text", "fields": {"keyword": _WORD}}
_NUMBER: Final = {"type": "long"}
_FRACTION: Final = {"type": "double"}
_TRUTH: Final = {"type": "boolean"}
_TIME: Final = {"type": "date", "format": "strict_date_optional_time", "ignore_malformed": True}
_KEPT: Final = {"type": "object", "enabled": False}
_KEPT_TEXT: Final = {"type": "text", "index": False}
_BYTES: Final = {"type": "binary"}

KEYS: Final = ("id", "investigation", "digest", "kind")
"""Fields by which documents are found again: they must be keywords."""

MAPPING: Final[Mapping[str, Any]] = {
    "dynamic": False,
    "properties": {
        **dict.fromkeys(KEYS, _KEY),
        **dict.fromkeys(("key", "tlp", "vertex", "vertex_type", "observable_type", "property", "warned"), _WORD),
        **dict.fromkeys(("items", "sources", "outVertID", "inVertID", "relation", "vertices"), _WORD),
        **dict.fromkeys(("item", "agent", "tool", "target", "command", "verdict", "state"), _WORD),
        **dict.fromkeys(("sha256", "statement_sha256", "payload_sha256", "content_type", "file_name"), _WORD),
        **dict.fromkeys(("mentions", "count", "exit_code", "size"), _NUMBER),
        **dict.fromkeys(("malicious", "own", "alarming", "reviewed"), _TRUTH),
        **dict.fromkeys(("@timestamp", *_TIMES), _TIME),
        "confidence": _FRACTION,
        "name": _NAME,
        "text": _TEXT,
        "properties": _KEPT,
        "stamps": _KEPT,
        "statement": _KEPT_TEXT,
        "raw": _BYTES,
        "bundle": _BYTES,
        "services": {
            "properties": {
                **dict.fromkeys(("address", "protocol", "state", "name", "product", "version", "cpe"), _WORD),
                "hostname": _WORD,
                "port": _NUMBER,
            }
        },
    },
}
"""What an index is made with."""


def document_of(sealed: Sealed) -> dict[str, Any]:
    """Return a record as a document; bytes in it are still bytes."""
    values = dict(sealed.record.values)
    for name in _TIMES:
        if name in values:
            values[name] = values["@timestamp"] = iso_time(values[name])
    if sealed.record.kind == "fact":
        values |= _searchable(values["properties"])
    return values | {"digest": sealed.digest}


def _searchable(properties: Mapping[str, Any]) -> dict[str, Any]:
    listed = {name: value if isinstance(value, list) else [value] for name, value in properties.items()}
    return {
        "vertex_type": properties["vertexType"],
        "observable_type": properties.get("observableType", ""),
        "name": properties["name"],
        "property": [f"{name}={value}" for name, values in listed.items() for value in values],
        "text": [str(value) for values in listed.values() for value in values],
    }
