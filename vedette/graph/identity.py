"""Which vertex a name is: an id made of type and canonical name, the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

_NAMESPACE: Final = UUID("c7a2f2a4-6f4c-5c0e-9a0b-5d1f6a2f3e71").bytes
"""Of Vedette's vertices; RFC 9562, section 5.5."""

_UUID_CHARACTERS: Final = 36


def vertex_uid(type: str, observable_type: str, canonical: str) -> bytes:
    """Return the 16 bytes of a version 5 UUID (RFC 9562) of a vertex.

    Args:
        type: its `vertexType`.
        observable_type: its `observableType`, or empty.
        canonical: its name in canonical form.
    """
    name = f"{type}\0{observable_type}\0{canonical}".encode("utf-8", "surrogatepass")
    # What uuid.uuid5 does, without an object for each of millions of names.
    digest = bytearray(hashlib.sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def vertex_id(type: str, uid: bytes) -> str:
    """Return a vertex' id as text, in Stucco's form: `stucco:TYPE-UUID`."""
    # As UUID's text, without an object for each of thousands.
    digits = uid.hex()
    return f"stucco:{type}-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_vertex_id(text: str) -> bytes | None:
    """Return the 16 bytes of an id; only its UUID counts. None: it has none."""
    try:
        return UUID(text[-_UUID_CHARACTERS:]).bytes if len(text) >= _UUID_CHARACTERS else None
    except ValueError:
        return None
