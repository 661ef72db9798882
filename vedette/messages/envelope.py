"""What travels around a body: FIPA performative, ontology, action; and the body's encoding."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Any

import orjson
import zstandard

from vedette.canonical import parse_json
from vedette.errors import RefusedError
from vedette.messages.limits import MAX_BODY, MAX_DECODED_BODY

ONTOLOGY = "vedette/1"
"""Metadata `ontology` of our messages; another major version is answered `not-understood`."""

ENCODING = "zstd+base64"
"""Metadata `encoding` of a compressed body; absent means plain JSON."""

_COMPRESS_ABOVE = 1024
"""Bytes of JSON above which compressing pays: below, the frame costs more than it saves."""


class Performative(StrEnum):
    """FIPA communicative acts (FIPA SC00037J) that are used."""

    INFORM = "inform"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    FAILURE = "failure"
    REQUEST = "request"
    AGREE = "agree"
    CANCEL = "cancel"
    SUBSCRIBE = "subscribe"
    NOT_UNDERSTOOD = "not-understood"


class Action(StrEnum):
    """What a message is about: metadata `action`."""

    DELIVER = "deliver"
    """A signed batch of items, and the signed receipt for it."""
    REGISTER = "register"
    """An agent's card, and the registry's answer."""
    HEARTBEAT = "heartbeat"
    """A sign of life with the presence that the agent has, for servers that lose presence."""
    RESOLVE = "resolve"
    """Which live agents have a role."""
    STATE = "state"
    """An agent's state document."""
    CONTROL = "control"
    """Pause, resume or run now."""
    QUEUE = "queue"
    """A consumer's durable queue: bind, fetch, acknowledge, reject, and what the engine hands out."""
    PROOF = "proof"
    """How far an engine's log is proved, so that senders may drop receipts."""
    HEADS = "heads"
    """Where all logs stand, signed by the registry."""
    JOB = "job"
    """Runs of one-shot jobs: taken, alive, ended, and how many agents would find work."""


def encode_body(value: Any) -> tuple[str, str | None]:
    """Return a body's text and its encoding (None: plain JSON).

    Large bodies are compressed, then base64: XML would escape every quote of plain JSON to six bytes.

    Raises:
        RefusedError: the body is larger than a stanza may carry.
    """
    data = orjson.dumps(value)
    if len(data) < _COMPRESS_ABOVE:
        return data.decode(), None
    text = base64.b64encode(zstandard.compress(data, 1)).decode()
    if len(text) > MAX_BODY:
        raise RefusedError("body", f"is {len(text)} bytes; the limit is {MAX_BODY}")
    return text, ENCODING


def decode_body(text: str, encoding: str | None) -> Any:
    """Return a body's value.

    Raises:
        RefusedError: unknown encoding, wrong base64 or JSON, or past the limits.
    """
    if len(text) > MAX_BODY:
        raise RefusedError("body", f"is {len(text)} characters; the limit is {MAX_BODY}")
    if encoding is None:
        return parse_json(text)
    if encoding != ENCODING:
        raise RefusedError("encoding", f"{encoding[:64]!r} is not known; use {ENCODING!r} or none")
    return parse_json(_decompress(text))


def _decompress(text: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= MAX_DECODED_BODY:
            raise RefusedError("body", f"unpacks to {size} bytes; the limit is {MAX_DECODED_BODY}")
        return zstandard.decompress(packed)
    except (binascii.Error, ValueError) as error:
        raise RefusedError("body", f"wrong base64: {error}") from error
    except zstandard.ZstdError as error:
        raise RefusedError("body", f"wrong zstd: {error}") from error
