"""What a safety copy says of itself: written last, so that a copy without it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from vedette.canonical import canonical_json, parse_json, sha256_hex
from vedette.errors import RefusedError, VedetteError
from vedette.messages.batch import parse_model

MANIFEST = "manifest.json"
"""Name of the manifest in a safety copy."""

DOCUMENTS = "documents"
"""Name of the folder of documents in a safety copy."""

MAX_MANIFEST = 64 * 1024 * 1024
"""Bytes of a manifest that are read."""

_PATH = r"^[0-9]{8}T[0-9]{6}-[0-9a-f]{8}/[A-Za-z0-9@_+=,.-]{1,120}$"
"""A part lies in the folder of its run, and nowhere else."""

Digest = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[StrictInt, Field(ge=0)]


class BackupError(VedetteError):
    """A safety copy cannot be made, or is not one; nothing that looks like one was left."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Entry):
    """One file of a safety copy, its documents apart."""

    path: Annotated[StrictStr, Field(pattern=_PATH)]
    """Where it is in the copy."""
    size: Size
    """Bytes."""
    sha256: Digest
    """SHA-256 of its bytes."""


class FleetFile(_Entry):
    """A file of the fleet's configuration or data."""

    origin: StrictStr
    """Its path relative to `vedette.yml`; absolute where it lay elsewhere."""
    part: Annotated[StrictStr, Field(pattern=_PATH)]
    """Which part it is."""
    secret: StrictBool
    """Whether it is a key, a password or an account."""
    redacted: StrictBool
    """Whether secrets within were taken out."""


class Log(_Entry):
    """Where an engine's chain stood."""

    engine: StrictStr
    """Bare JID of the engine."""
    epoch: StrictStr
    """Its epoch."""
    next_index: Size
    """Items in it."""
    head: Digest
    """Its head."""


class GraphPart(_Entry):
    """The knowledge graph in a safety copy; its state is the store's, or a moment newer."""

    dialect: Literal["sqlite", "postgresql"]
    """Which database the graph was in."""
    revision: StrictStr
    """Revision of its schema."""
    part: Annotated[StrictStr, Field(pattern=_PATH)] | None
    """Path of the part that is its database; None: it is in the store's."""
    counts: dict[StrictStr, StrictInt]
    """Rows of its main tables."""


class BackupManifest(_Entry):
    """What a safety copy holds, and from when."""

    kind: Literal["vedette-backup/1"] = "vedette-backup/1"
    """Form of this manifest."""
    made_at: Size
    """Microseconds since 1970: when the store was copied."""
    version: StrictStr
    """Release of Vedette that made it."""
    dialect: Literal["sqlite", "postgresql"]
    """Which database the store was in."""
    revision: StrictStr
    """Revision of its schema."""
    store: StrictStr
    """Path of the part that is the database."""
    documents: StrictStr
    """Path of the part that lists the documents: a line of SHA-256 and size each."""
    missing: list[Digest]
    """Documents whose file was missing or damaged when the copy was made."""
    parts: list[Part]
    """Every file but the documents."""
    files: list[FleetFile]
    """What of the parts is the fleet's."""
    secrets: StrictBool
    """Whether keys, passwords and accounts are in it."""
    logs: list[Log]
    """Where each engine's chain stood, oldest first."""
    counts: dict[StrictStr, StrictInt]
    """Rows of the main tables."""
    graph: GraphPart | None = None
    """The knowledge graph; None: there was none, as with releases before it, or it could not be copied."""
    graph_problem: StrictStr = ""
    """Why the graph that there was could not be copied; empty: it was, or there was none."""

    def sealed(self) -> bytes:
        """Return the file's bytes: canonical JSON with the SHA-256 of all of it but that."""
        fields = self.model_dump(mode="json")
        return canonical_json({**fields, "sha256": sha256_hex(canonical_json(fields))})


def read_manifest(folder: Path) -> BackupManifest:
    """Return the manifest of a safety copy in a folder.

    Raises:
        BackupError: there is none, or it is not what was written.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST + 1)
    except FileNotFoundError as error:
        raise BackupError(f"{folder}: is not a safety copy, or not a whole one: it has no {MANIFEST}") from error
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_manifest(data, place=str(path))


def parse_manifest(data: bytes, *, place: str) -> BackupManifest:
    """Return a manifest from its bytes.

    Raises:
        BackupError: they are not what was written.
    """
    try:
        fields = _object(parse_json(data))
        seal = fields.pop("sha256", None)
        if seal != sha256_hex(canonical_json(fields)):
            raise RefusedError("sha256", "is not that of the manifest: it was changed or cut")
        return parse_model(BackupManifest, fields)
    except RefusedError as error:
        raise BackupError(
            f"{place}: is not the manifest of a safety copy that this release reads: {error}"
        ) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusedError("json", "must be an object")
    return value
