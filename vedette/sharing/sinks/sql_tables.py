"""The tables that the exporter `sql` fills, one for each kind of record, and its rows. Pure.

Columns have the names of the records' fields, but `outVertID` and `inVertID`, which are `out_vertex` and `in_vertex`;
facts have `vertex_type`, `observable_type` and `name` beside their `properties`. Lists and objects are JSON texts.
`digest` tells whether a row has changed, and `withdrawn_at` (microseconds) since when it is no longer said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Double, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import LONGBLOB, LONGTEXT
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from vedette.sharing.sinks.records import KINDS, RecordKind, Sealed

_LONG: Final = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
"""MariaDB's TEXT ends at 64 KiB."""

_BYTES: Final = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")

_NUMBER: Final = BigInteger()
_UUID: Final = String(36)
_DIGEST: Final = String(64)

_RENAMED: Final = {"outVertID": "out_vertex", "inVertID": "in_vertex"}

_COLUMNS: Final[Mapping[RecordKind, Mapping[str, TypeEngine[Any]]]] = {
    "fact": {
        "vertex": _LONG,
        "vertex_type": _LONG,
        "observable_type": _LONG,
        "name": _LONG,
        "properties": _LONG,
        "first_seen": _NUMBER,
        "last_seen": _NUMBER,
        "mentions": _NUMBER,
        "malicious": Boolean(),
        "own": Boolean(),
        "warned": _LONG,
        "alarming": Boolean(),
        "confidence": Double(),
        "reviewed": Boolean(),
        "items": _LONG,
        "sources": _LONG,
    },
    "edge": {
        "out_vertex": _LONG,
        "in_vertex": _LONG,
        "relation": _LONG,
        "count": _NUMBER,
        "first_seen": _NUMBER,
        "last_seen": _NUMBER,
        "confidence": Double(),
    },
    "scan": {
        "item": _UUID,
        "agent": _LONG,
        "tool": _LONG,
        "target": _LONG,
        "command": _LONG,
        "exit_code": _NUMBER,
        "verdict": _LONG,
        "observed_at": _NUMBER,
        "sha256": _DIGEST,
        "size": _NUMBER,
        "content_type": _LONG,
        "file_name": _LONG,
        "services": _LONG,
        "vertices": _LONG,
        "raw": _BYTES,
    },
    "proof": {
        "item": _UUID,
        "state": _LONG,
        "agent": _LONG,
        "received_at": _NUMBER,
        "statement": _LONG,
        "statement_sha256": _DIGEST,
        "payload_sha256": _DIGEST,
        "stamps": _LONG,
        "bundle": _BYTES,
    },
}

_JSON: Final = frozenset({"properties", "items", "sources", "command", "services", "vertices", "stamps"})


def make_tables(*, prefix: str, schema: str | None) -> dict[RecordKind, Table]:
    """Return the tables, by kind of record; their names are quoted, whatever is in them."""
    metadata = MetaData(schema=schema)
    return {kind: _table(kind, metadata, prefix) for kind in KINDS}


def row_of(sealed: Sealed) -> dict[str, Any]:
    """Return a record as a row of its table, which is not withdrawn."""
    values = sealed.record.values
    row = {_RENAMED.get(name, name): _cell(name, value) for name, value in values.items() if name != "kind"}
    if sealed.record.kind == "fact":
        properties = values["properties"]
        row["vertex_type"] = properties["vertexType"]
        row["observable_type"] = properties.get("observableType", "")
        row["name"] = properties["name"]
    return row | {"digest": sealed.digest, "withdrawn_at": None}


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the record's values that it was made of; what is no JSON any more stays as it is."""
    names = {new: old for old, new in _RENAMED.items()}
    return {names.get(name, name): _value(name, cell) for name, cell in row.items()}


def _table(kind: RecordKind, metadata: MetaData, prefix: str) -> Table:
    return Table(
        quoted_name(f"{prefix}{kind}", quote=True),
        metadata,
        Column("id", _UUID, primary_key=True),
        Column("investigation", _UUID, nullable=False, index=True),
        Column("key", _LONG, nullable=False),
        Column("tlp", String(16), nullable=False),
        *(Column(name, type) for name, type in _COLUMNS[kind].items()),
        Column("digest", _DIGEST, nullable=False),
        Column("withdrawn_at", _NUMBER),
    )


def _cell(name: str, value: Any) -> Any:
    return orjson.dumps(value).decode() if name in _JSON else value


def _value(name: str, cell: Any) -> Any:
    if name not in _JSON or not isinstance(cell, str):
        return cell
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
