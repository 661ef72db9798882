"""The item: SCANDALE's standard form, one standardized result or document with its metadata."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, model_validator

from vedette.canonical import MAX_SAFE_INTEGER, canonical_json, sha256, sha256_hex
from vedette.errors import RefusedError, UnsupportedVersionError
from vedette.messages.limits import MAX_META, MAX_PAYLOAD, MAX_TEXT

_USUAL_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""What `str(UUID(...))` looks like; each such text is a UUID."""

ITEM_MAJOR = 1
"""The major version of the item form that this release understands."""

DOCUMENT_FIELD = "payload.document"
"""Where an engine points that refuses an item because it does not have the document: upload it (again)."""

Name = Annotated[StrictStr, Field(min_length=1, max_length=MAX_TEXT)]
Text = Annotated[StrictStr, Field(max_length=MAX_TEXT)]
Count = Annotated[StrictInt, Field(ge=0, le=MAX_SAFE_INTEGER)]
Instant = Annotated[StrictInt, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]


class Meta(BaseModel):
    """What is said about an item; unknown fields are kept as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)

    uuid: Name
    """The item's identity: a UUID."""
    ts: Instant
    """Seconds since 1970 at the agent, as SCANDALE has it."""
    type: Name
    """What kind of item it is, such as `scan` or `document`."""
    source: Text | None = None
    """Routing key `<prefix>.in.<structured|unstructured>.<source-name>[.<data-name>]`."""
    agent: Text | None = None
    """Bare JID of the agent that observed it."""
    origin_seq: Count | None = None
    """Gapless number within the epoch of the agent's key, set by its outbox."""
    collected_at: Instant | None = None
    """Microseconds since 1970 at the agent."""
    target: Annotated[StrictStr, Field(max_length=8 * MAX_TEXT)] | None = None
    """What was looked at."""
    command: Annotated[list[StrictStr], Field(max_length=4096)] | None = None
    """The exact argv, or the built-in tool's name and arguments."""
    exit_code: StrictInt | None = None
    """The command's exit code; negative is a signal."""
    verdict: Text | None = None
    """`as expected` or `deviates`, where an expected value is configured."""
    content_type: Text | None = None
    """MIME type of the decoded payload."""
    content_encoding: Text | None = None
    """Encoding of the payload, such as gzip, where its bytes are encoded."""
    priority: StrictInt | None = None
    """Stucco's priority; larger is more urgent."""
    sha256: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the decoded payload, hexadecimal."""
    size: Count | None = None
    """Bytes of the decoded payload."""
    sealed: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Random: says that the item travels sealed, and makes its digest say nothing of what is in it."""

    @model_validator(mode="after")
    def _uuid_is_one(self) -> Meta:
        if _USUAL_UUID.fullmatch(self.uuid):
            return self
        try:
            usual = str(UUID(self.uuid))
        except ValueError as error:
            raise ValueError(f"uuid: {self.uuid[:64]!r} is not a UUID") from error
        # Another spelling of a uuid would be another item.
        if self.uuid != usual:
            raise ValueError(f"uuid: {self.uuid[:64]!r} must be written as {usual!r}")
        return self


class Payload(BaseModel):
    """The content: base64 bytes, or a reference to the document service (claim check)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    raw: StrictStr | None = None
    """Base64 of the bytes."""
    document: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Id of a stored document: the SHA-256 of its bytes."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Payload:
        if (self.raw is None) == (self.document is None):
            raise ValueError("exactly one of raw and document is needed")
        return self


class Item(BaseModel):
    """One standardized result or document, as it travels and as `/items/` shows it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    version: Name
    """Version of this form; the part before the dot must be 1."""
    format: Name
    """Format of the payload, such as `nmap-xml`."""
    meta: Meta
    """What is said about it."""
    payload: Payload
    """Its content."""


class ReceivedItem:
    """An item that passed validation, with the bytes and digests that evidence is made of."""

    __slots__ = ("data", "digest", "item", "meta_json", "payload", "payload_sha256")

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        """The item as it came, unknown fields included."""
        self.item = validate_item(data)
        """The same, validated."""
        self.payload = decode_payload(self.item.payload)
        """Decoded bytes; None where a document is referred to."""
        self.payload_sha256 = self._payload_digest()
        """SHA-256 of the decoded bytes, hexadecimal."""
        self.meta_json = canonical_json(data["meta"])
        """Canonical JSON of the whole meta, unknown fields included."""
        if len(self.meta_json) > MAX_META:
            raise RefusedError("meta", f"is {len(self.meta_json)} bytes; the limit is {MAX_META}")
        self.digest = item_digest(self.meta_json, self.payload_sha256)
        """What a manifest lists for this item: 32 bytes."""

    @property
    def uuid(self) -> str:
        """The item's uuid as it was written."""
        return self.item.meta.uuid

    def _payload_digest(self) -> str:
        digest = self.item.payload.document or "" if self.payload is None else sha256_hex(self.payload)
        claimed = self.item.meta.sha256
        if claimed is not None and claimed != digest:
            raise RefusedError("meta.sha256", f"says {claimed}, but the payload's is {digest}")
        if self.payload is not None and self.item.meta.size not in (None, len(self.payload)):
            raise RefusedError("meta.size", f"says {self.item.meta.size}, but the payload has {len(self.payload)}")
        return digest


def item_digest(meta_json: bytes, payload_sha256: str) -> bytes:
    """Return SHA-256 over canonical `{"meta": …, "payload_sha256": …}`, as manifests list it.

    The joined bytes are canonical JSON themselves, because both parts are and the keys are in order.
    """
    return sha256(b'{"meta":' + meta_json + b',"payload_sha256":"' + payload_sha256.encode() + b'"}')


def decode_payload(payload: Payload) -> bytes | None:
    """Return the decoded bytes, or None where a document is referred to.

    Raises:
        RefusedError: wrong base64, or too large to travel inline.
    """
    if payload.raw is None:
        return None
    try:
        data = base64.b64decode(payload.raw, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError("payload.raw", f"wrong base64: {error}") from error
    if len(data) > MAX_PAYLOAD:
        raise RefusedError("payload.raw", f"is {len(data)} bytes; inline payloads are limited to {MAX_PAYLOAD}")
    return data


def validate_item(data: Any) -> Item:
    """Return the typed item.

    Raises:
        UnsupportedVersionError: the major version is not ours.
        RefusedError: names the first wrong field and the reason.
    """
    try:
        item = Item.model_validate(data)
    except ValidationError as error:
        raise refusal(error) from error
    if item.version.split(".")[0] != str(ITEM_MAJOR):
        raise UnsupportedVersionError("version", f"{item.version[:64]!r} is not supported; send version {ITEM_MAJOR}")
    return item


def refusal(error: ValidationError) -> RefusedError:
    """Return the first problem of a validation as field and reason, without the input itself."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "item"
    return RefusedError(field, first["msg"].removeprefix("Value error, "))
