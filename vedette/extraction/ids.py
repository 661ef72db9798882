"""Ids of vertices in Stucco's form, `stucco:TYPE-UUID`: the same for the same thing, on every machine."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

MAX_WORD = 60
"""Characters of a type that are in an id."""

_NAMESPACE = uuid.UUID("6d7a6f0e-6ad6-5b0c-9b0e-0f3f7d1a8c55").bytes
_WORDS = {
    "Address": "ip",
    "AddressRange": "addressRange",
    "DNS Record": "dnsRecord",
    "Domain Name": "dnsName",
    "HTTP Session": "httpRequest",
    "Network Flow": "flow",
    "Product": "software",
    "Socket Address": "address",
    "User Account": "account",
    "Whois": "organization",
    "AS": "as",
    "URI": "uri",
}
"""Stucco's word in an id where it is not made of the type."""


def stucco_id(type: str, observable: str, name: str) -> str:
    """Return the id of a thing of a type, `observableType` and name: a UUID of version 5 (RFC 9562 section 5.5)."""
    # uuid.uuid5 takes four times as long, for each of millions.
    said = f"{type}\n{observable}\n{name}".encode(errors="replace")
    made = hashlib.sha1(_NAMESPACE + said, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(made[16], 16) & 3]
    word = _word(type, observable)
    return f"stucco:{word}-{made[:8]}-{made[8:12]}-5{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"


@lru_cache(maxsize=1_000)
def _word(type: str, observable: str) -> str:
    kind = observable or type
    plain = "".join(char for char in kind[:MAX_WORD] if char.isascii() and (char.isalnum() or char == "_"))
    return _WORDS.get(type) or _WORDS.get(kind) or plain[:1].lower() + plain[1:] or "thing"
