"""Applies a policy: what may leave stays, everything else becomes a reason why it does not. Pure.

1. Items are judged first: what only items say that may not leave is not known to an investigation at all.
2. Then facts, by type, marking, confidence and review; accounts leave only where the policy's `types` name them, and
   an address with a password in it never does.
3. Properties whose name says that they hold a secret never leave, whatever the policy says.
4. A tool's output, and a bundle with an item's payload, leaves only whole: where something that is read of it may
   not leave, or it names a stricter marking anywhere, it does not either.
5. An investigation is marked once, with the strictest of what is in it; one whose default is stricter than the
   ceiling is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from vedette.errors import RefusedError
from vedette.extraction.subgraph import Value
from vedette.graph.port import EdgeView, VertexView
from vedette.routing import matches
from vedette.sharing.investigation import Fact, Scan, Service, Tlp, Withheld
from vedette.sharing.markings import strictest, tlp_of_vertex, tlp_within
from vedette.sharing.policy import SharingPolicy

PROVED: Final = frozenset({"proved", "strong"})
"""States of items that an authority outside of this fleet has stamped."""

ACCOUNTS: Final = frozenset(
    {
        "Account",
        "Unix User Account",
        "User Account",
        "User Session",
        "Windows Computer Account",
        "Windows User Account",
    }
)
"""Types of observables that are people's, or machines', accounts."""

_SECRET_NAME: Final = re.compile(
    r"pass(?:word|wd|phrase)|\bpwd|secret|credential|authoriz|cookie|token|(?:api|private|access)[_-]?key",
    re.IGNORECASE,
)
_VERBATIM: Final = frozenset({"banner", "rawHeader", "scripts"})
_SECRET_TEXT: Final = re.compile(r"\b(?:(?:proxy-)?authorization|(?:set-)?cookie)\s{0,4}:", re.IGNORECASE)
_GIVEN: Final = re.compile(r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key)[=:][^/\s]", re.IGNORECASE)
_WITH_PASSWORD: Final = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^/?#@\s]{0,300}:[^/?#@\s]{1,300}@", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedItem:
    """What decides of an item whether it may leave."""

    uuid: str
    source: str
    """Its routing key; empty: none."""
    tlp: Tlp | None = None
    """How its meta marks it."""
    state: str = "pending"
    """How far it is proved."""
    words: tuple[str, ...] = ()
    """Its target and command, which its statement holds, too."""


class Judge:
    """Judges the parts of one investigation by one policy, and keeps what was left out and why."""

    def __init__(self, policy: SharingPolicy) -> None:
        """Begin an investigation.

        Raises:
            RefusedError: it would be marked stricter than may go there, whatever is in it.
        """
        if policy.tlp.strictness > policy.ceiling.strictness:
            least, most = (one.value.upper() for one in (policy.tlp, policy.ceiling))
            raise RefusedError(
                "tlp",
                f"everything is at least TLP:{least}, and only TLP:{most} may go there;"
                " lower the policy's tlp, or raise its ceiling",
            )
        self.policy = policy
        """What it judges by."""
        self._left_out: dict[tuple[str, str], tuple[int, Withheld]] = {}
        self._names: set[str] = set()
        self.cut: set[str] = set()
        """Ids of the vertices of which something, or all, was left out."""
        self.tlp = policy.tlp
        """The strictest of all that was let go so far."""

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What was left out: one line for all of a kind that were for the same reason."""
        return tuple(
            first if count == 1 else Withheld(what=f"{count} times {kind}", reason=reason)
            for (kind, reason), (count, first) in sorted(self._left_out.items())
        )

    def withhold(self, kind: str, what: str, reason: str, *, vertex: str = "") -> None:
        """Keep that something is left out.

        Args:
            kind: names all such things, in the singular.
            what: names this one.
            reason: why, and what to do.
            vertex: its id, where it is a vertex.
        """
        count, first = self._left_out.get((kind, reason), (0, Withheld(what=what, reason=reason, vertex=vertex)))
        self._left_out[kind, reason] = count + 1, first

    def keeps_item(self, item: SharedItem) -> bool:
        """Tell whether what an item says may leave."""
        reason = self._objection_to_item(item)
        if reason:
            self.withhold("item", f"item {item.uuid}", reason)
            return False
        self._mark(item.tlp)
        return True

    def fact(self, fact: Fact) -> Fact | None:
        """Return a fact as it may leave; None: it may not."""
        vertex, tlp = fact.vertex, tlp_of_vertex(fact.vertex)
        reason = self._objection_to_fact(fact, tlp)
        if reason:
            kind = name_of_type(vertex)
            shown = _WITH_PASSWORD.sub("…@", vertex.name)[:200]
            self.withhold(f"vertex of type {kind}", f"vertex {kind} {shown}", reason, vertex=vertex.id)
            self._names.add(vertex.name)
            self.cut.add(vertex.id)
            return None
        self._mark(tlp)
        properties = self._without_secrets(vertex.properties)
        if properties is not vertex.properties:
            self.cut.add(vertex.id)
        return (
            fact if properties is vertex.properties else replace(fact, vertex=replace(vertex, properties=properties))
        )

    def edges(self, edges: Iterable[EdgeView], known: Mapping[str, Fact]) -> list[EdgeView]:
        """Return the edges between facts that leave; those to others go with these."""
        kept = []
        for edge in edges:
            if edge.out_id not in known or edge.in_id not in known:
                continue
            if edge.confidence < self.policy.least_confidence:
                self.withhold("edge", f"edge {edge.relation}", self._too_unsure)
            else:
                kept.append(edge)
        return kept

    def cut_items(self, of_items: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Return the items of whose vertices, by item, something was left out: their payloads may not leave."""
        return frozenset(item for item, ids in of_items.items() if not self.cut.isdisjoint(ids))

    def objection_to_payload(self, payload: bytes, *, cut: bool) -> str:
        """Return why an item's payload may not leave as a whole; empty: it may.

        Args:
            payload: its bytes.
            cut: whether something of what is read of it is left out.
        """
        tlp = tlp_within(payload)
        reason = "something that it says may not go there" if cut else self._too_strict(tlp)
        if not reason:
            self._mark(tlp)
        return reason

    def scan(self, scan: Scan, known: Mapping[str, Fact], cut: Collection[str] = ()) -> Scan:
        """Return a scan as it may leave: the facts and services that do, and the output where all of it may.

        Args:
            scan: with everything.
            known: the facts that leave, by id.
            cut: uuids of the items of which something is left out.
        """
        vertices = tuple(id for id in scan.vertices if id in known)
        services = tuple(one for one in scan.services if self._names.isdisjoint(_names_of(one)))
        if len(services) < len(scan.services):
            reason = "they are of what may not go there"
            self.withhold("services of an output", f"services of item {scan.item}", reason)
        raw, reason = scan.raw, ""
        if raw is not None:
            whole = "the policy's raw is false"
            reason = self.objection_to_payload(raw, cut=scan.item in cut) if self.policy.raw else whole
        if reason:
            self.withhold("output of a tool", f"output of item {scan.item}", reason)
            raw = None
        return replace(scan, vertices=vertices, services=services, raw=raw)

    def _mark(self, tlp: Tlp | None) -> None:
        self.tlp = strictest((self.tlp, tlp)) or self.tlp

    def _objection_to_item(self, item: SharedItem) -> str:
        policy = self.policy
        if policy.sources and not any(matches(pattern, item.source) for pattern in policy.sources):
            return "its source is none of the policy's sources"
        if policy.proved and item.state not in PROVED:
            return "it is not proved by an authority outside of this fleet; wait, or see: vedette evidence"
        if any(_WITH_PASSWORD.search(word) or _GIVEN.search(word) for word in item.words):
            return "there is a password in its target or command; let the tool read it from a file"
        return self._too_strict(item.tlp)

    def _objection_to_fact(self, fact: Fact, tlp: Tlp | None) -> str:
        policy, vertex = self.policy, fact.vertex
        named = names_of_type(vertex)
        if vertex.observable_type in ACCOUNTS and name_of_type(vertex) not in policy.types:
            return "accounts are shared only where the policy's types name them"
        if policy.types and named.isdisjoint(policy.types):
            return "its type is none of the policy's types"
        if not named.isdisjoint(policy.without):
            return "its type is one that the policy leaves out (without)"
        if "@" in vertex.name and _WITH_PASSWORD.search(vertex.name):
            return "there is a password in its address"
        if policy.reviewed and not fact.reviewed:
            return "no person has said or decided anything about it (reviewed)"
        return self._too_unsure if fact.confidence < policy.least_confidence else self._too_strict(tlp)

    @property
    def _too_unsure(self) -> str:
        return f"nobody is so sure of it as the policy wants (least_confidence: {self.policy.least_confidence:g})"

    def _too_strict(self, tlp: Tlp | None) -> str:
        if tlp is None or tlp.strictness <= self.policy.ceiling.strictness:
            return ""
        return f"it is TLP:{tlp.value.upper()}, and only TLP:{self.policy.ceiling.value.upper()} may go there"

    def _without_secrets(self, properties: Mapping[str, Value]) -> Mapping[str, Value]:
        """Return properties without those that look like secrets; the very same where there is none."""
        secret = [name for name, value in properties.items() if _is_secret(name, value)]
        for name in secret:
            self.withhold(f"property {name[:60]}", f"property {name[:60]}", "it may hold a secret")
        return properties if not secret else {key: value for key, value in properties.items() if key not in secret}


def name_of_type(vertex: VertexView) -> str:
    """Return how a policy names a vertex' type: `IP`, `Observable/Domain Name`."""
    return f"Observable/{vertex.observable_type}" if vertex.type == "Observable" else vertex.type


def names_of_type(vertex: VertexView) -> frozenset[str]:
    """Return all words for a vertex' type: `Observable` is every kind of observable."""
    return frozenset({vertex.type, name_of_type(vertex)})


def _names_of(service: Service) -> tuple[str, ...]:
    return service.address, service.hostname, f"{service.address}:{service.port}"


def _is_secret(name: str, value: Value) -> bool:
    if _is_secret_name(name):
        return True
    if not isinstance(value, tuple):
        return _holds_secret(name, str(value))
    return any(_holds_secret(name, str(text)) for text in value)


def _holds_secret(name: str, text: str) -> bool:
    if "@" in text and _WITH_PASSWORD.search(text) is not None:
        return True
    return name in _VERBATIM and _SECRET_TEXT.search(text) is not None


@lru_cache(maxsize=10_000)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
