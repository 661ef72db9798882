"""The signed batch an agent sends and the signed receipt an engine answers with."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from vedette.canonical import canonical_json, parse_json, sha256_hex
from vedette.errors import RefusedError
from vedette.messages.item import Count, Name, Text, refusal
from vedette.messages.limits import MAX_BATCH_ITEMS
from vedette.signing import SIGNATURE_SIZE, SigningKey, VerifyingKey

ModelT = TypeVar("ModelT", bound=BaseModel)
Digest = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]


ELSEWHERE = -1
"""`log_index` in a receipt for a duplicate that another engine of the same store committed."""


class Manifest(BaseModel):
    """What a batch holds, signed by the agent: nobody on the way can add, drop or change an item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-manifest/1"] = "vedette-manifest/1"
    """Says what is signed, so that the signature serves for nothing else."""
    agent: Name
    """Bare JID of the sender."""
    epoch: Name
    """Epoch of the sender's outbox; a restored or new outbox starts another."""
    first: Count
    """Lowest `origin_seq` in the batch."""
    last: Count
    """Highest `origin_seq` in the batch."""
    items: Annotated[list[tuple[Name, Digest]], Field(min_length=1, max_length=MAX_BATCH_ITEMS)]
    """Uuid and digest of each item, in the order of the batch."""


class Receipt(BaseModel):
    """What an engine committed, signed by it: the sender keeps it until the proof is in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vedette-receipt/1"] = "vedette-receipt/1"
    """Says what is signed."""
    engine: Name
    """Bare JID of the engine."""
    epoch: Name
    """Epoch of the engine's chain."""
    manifest_sha256: Digest
    """Which manifest is answered."""
    committed: list[tuple[Name, Digest, StrictInt]]
    """Uuid, digest and `log_index` of each item that is stored, now or before (a duplicate); `ELSEWHERE` as
    index says that another engine of the same store has it in its own chain."""
    refused: list[tuple[Name, Text, Text]]
    """Uuid, field and reason of each item that is not."""
    log_index: StrictInt
    """Last index of the chain after this commit."""
    head: Digest
    """Chain head after this commit: SHA-256(previous head || leaf), from 32 zero bytes."""


class Signed(BaseModel):
    """Canonical JSON with an Ed25519 signature over exactly these bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: StrictStr
    """The canonical JSON that was signed."""
    signature: StrictStr
    """Base64 of the 64-byte signature."""

    @classmethod
    def seal(cls, value: BaseModel, key: SigningKey) -> Signed:
        """Sign the canonical JSON of `value`."""
        data = canonical_json(value.model_dump(mode="json"))
        return cls(text=data.decode(), signature=base64.b64encode(key.sign(data)).decode())

    @property
    def sha256(self) -> str:
        """SHA-256 of the signed bytes, hexadecimal: what a statement and a receipt refer to."""
        return sha256_hex(self.text.encode())

    def check(self, key: VerifyingKey) -> None:
        """Check the signature.

        Raises:
            SignatureError: it does not verify with `key`.
            RefusedError: it is not base64 of 64 bytes.
        """
        try:
            raw = base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusedError("signature", "not base64") from error
        if len(raw) != SIGNATURE_SIZE:
            raise RefusedError("signature", f"must be {SIGNATURE_SIZE} bytes, not {len(raw)}")
        key.verify(raw, self.text.encode())


def open_signed(model: type[ModelT], signed: Signed, key: VerifyingKey) -> ModelT:
    """Check the signature, then parse what was signed.

    Raises:
        SignatureError: the signature does not verify with `key`.
        RefusedError: what was signed is not a valid `model`.
    """
    signed.check(key)
    return parse_model(model, parse_json(signed.text))


def parse_model(model: type[ModelT], value: Any) -> ModelT:
    """Return `value` as a `model`.

    Raises:
        RefusedError: names the first wrong field and the reason.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal(error) from error
