"""The canonical document of an investigation: all that is shared of it, gathered once, written in many forms. Pure.

Nothing in it depends on when or where it is gathered: every time is one of an observation, and every list has an
order of its own. So the same store gives the same document, and every exporter the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

from vedette.graph.port import EdgeView, VertexView

InvestigationKind = Literal["item", "target", "job", "window", "search", "neighbourhood"]
"""What an investigation is about."""


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST, 2022): who may learn of something, the freest first."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def tag(self) -> str:
        """The tag of MISP's taxonomy: `tlp:amber+strict`."""
        return f"tlp:{self.value}"

    @property
    def strictness(self) -> int:
        """How strict it is; 0 for clear."""
        return _STRICTNESS[self]


_STRICTNESS: Final = {tlp: number for number, tlp in enumerate(Tlp)}


class Pap(StrEnum):
    """Permissible Actions Protocol: what may be done with something, the freest first."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def tag(self) -> str:
        """The tag of MISP's taxonomy: `PAP:AMBER`."""
        return f"PAP:{self.value.upper()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """Something that is not shared, and why: by policy, or because the other side would not take it."""

    what: str
    """What it is, for a person: `vertex IP 192.0.2.7`, `attribute domain "local"`."""
    reason: str
    """Why, and what to do."""
    vertex: str = ""
    """Id of the vertex, where it is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A vertex of the graph, and what decides how it is shared."""

    vertex: VertexView
    """What is known of it."""
    malicious: bool = False
    """Whether somebody asserts that it is (see `vedette/sharing/verdicts.py`); alone this makes no alarm of it."""
    own: bool = False
    """Whether it is one of ours or of a victim's: a network or domain of `sharing.own`, or what a probe looked at."""
    warned: str = ""
    """Name of the warning list that it is on; empty: none."""
    confidence: float = 1.0
    """The highest of who says it, 0 to 1."""
    reviewed: bool = False
    """Whether a person has said so: decided about it, or stated it."""
    items: tuple[str, ...] = ()
    """Uuids of items that say it, latest first; a few are enough."""
    sources: tuple[str, ...] = ()
    """Routing keys of these, sorted."""

    @property
    def alarming(self) -> bool:
        """Whether another's sensors may raise an alarm for it (`to_ids`): malicious, not ours, on no warning list."""
        return self.malicious and not self.own and not self.warned


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A port of a host, as a scan found it."""

    address: str
    """IP address in canonical form."""
    port: int
    """1 to 65535."""
    protocol: str = "tcp"
    """`tcp`, `udp` or `sctp`."""
    state: str = "open"
    """As the scanner says."""
    name: str = ""
    """`https`."""
    product: str = ""
    version: str = ""
    cpe: str = ""
    """CPE 2.3 or 2.2 name, where the scanner gave one."""
    hostname: str = ""
    """The name by which the host was reached, where there was one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What a tool of a probe or job put out."""

    item: str
    """The item's uuid."""
    agent: str
    """Bare JID of who ran it."""
    tool: str
    """`nmap`, `tls-certificate`."""
    target: str
    command: tuple[str, ...] = ()
    """The exact words, where a command was run."""
    exit_code: int | None = None
    verdict: str = ""
    observed_at: int = 0
    """UTC, microseconds."""
    raw: bytes | None = None
    """The output, byte for byte; None: it was deleted, or is larger than what is shared inline."""
    sha256: str = ""
    """Of the output, hex."""
    size: int = 0
    """Bytes of the output."""
    content_type: str = ""
    file_name: str = ""
    """What the output is called as a file: `nmap-<uuid>.xml`."""
    services: tuple[Service, ...] = ()
    """What it found, by address and port."""
    vertices: tuple[str, ...] = ()
    """Ids of the facts that it says, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """A token of a time-stamping authority (RFC 3161)."""

    authority: str
    gen_time: int
    """UTC, microseconds."""
    external: bool
    """Whether it is of somebody else than this fleet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What proves that an item's bytes existed, and who observed them."""

    item: str
    """The item's uuid."""
    state: str
    """`pending`, `self-asserted`, `proved`, `strong` or `failed`."""
    statement: bytes
    """The statement that was hashed: RFC 8785 JSON."""
    statement_sha256: str
    payload_sha256: str
    agent: str
    """Bare JID of who observed it."""
    received_at: int
    """UTC, microseconds."""
    stamps: tuple[Stamp, ...] = ()
    """The tokens that count, in the order in which they came."""
    bundle: bytes | None = None
    """The zip for a third party (see docs/evidence.md); None: not asked for, or there is no token yet."""

    @property
    def bundle_name(self) -> str:
        """What the bundle is called as a file."""
        return f"vedette-{self.item}.zip"


@dataclass(frozen=True, kw_only=True)
class Investigation:
    """All that is shared of one thing that was looked into."""

    instance: uuid.UUID
    """Of this fleet: investigations of two fleets never have the same ids."""
    key: str
    """Which one it is, always the same for the same: `target:192.0.2.7`, `job:<uuid>`, `search:<name>`."""
    kind: InvestigationKind
    title: str
    """One line for a person."""
    description: str = ""
    organisation: str = ""
    """Who shares it: the fleet's `sharing.organisation`."""
    tlp: Tlp = Tlp.AMBER
    """Exactly one: the strictest of what is in it, and never freer than its default."""
    pap: Pap | None = None
    tags: tuple[str, ...] = ()
    """Others, as the configuration has them, sorted."""
    first_seen: int = 0
    """Earliest observation in it, UTC, microseconds; 0: nothing is in it."""
    last_seen: int = 0
    """Latest observation in it."""
    facts: Sequence[Fact] = ()
    """By id of the vertex."""
    edges: Sequence[EdgeView] = ()
    """Between these only; by ids and relation."""
    scans: Sequence[Scan] = ()
    """By time and uuid."""
    proofs: Sequence[Proof] = ()
    """By the items' uuids."""
    withheld: Sequence[Withheld] = field(default=())
    """What is left out, and why."""

    @cached_property
    def uuid(self) -> uuid.UUID:
        """Its id everywhere: of the MISP event, and what the STIX report's is made of."""
        return uuid.uuid5(self.instance, self.key)


MAX_FACTS: Final = 200_000
"""Facts of one investigation at most; more must be asked for in parts."""
