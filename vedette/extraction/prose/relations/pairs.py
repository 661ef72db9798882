"""Which labels a relation can lie between, and which pairs of a sentence are asked of: bounded, the nearest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vedette.extraction.prose.labels import Label, Relation
from vedette.extraction.prose.relations.mentions import Mention, Statement

MAX_STATEMENTS = 200
"""What is said by one sentence: more is a list that was read as a sentence."""

ADDRESSES: Final = frozenset[Label]({"IPV4", "IPV6", "CIDR", "DOMAIN", "URL"})
HASHES: Final = frozenset[Label]({"MD5", "SHA1", "SHA256", "SHA512"})
FILES: Final = frozenset[Label]({"FILE", "PATH"}) | HASHES
PRODUCTS: Final = frozenset[Label]({"SOFTWARE", "OS"})
VENDORS: Final = frozenset[Label]({"VENDOR", "ORG"})
VERSIONS: Final = frozenset[Label]({"VERSION", "UPDATE"})
ACTORS: Final = frozenset[Label]({"THREAT_ACTOR", "CAMPAIGN"})
MEANS: Final = frozenset[Label]({"MALWARE", "TOOL"})
FLAWS: Final = frozenset[Label]({"VULN_ID", "VULNERABILITY"})

ENDS: Final[Mapping[Relation, tuple[frozenset[Label], frozenset[Label]]]] = {
    "vendor-of": (VENDORS, PRODUCTS | {"TOOL"}),
    "version-of": (VERSIONS, PRODUCTS | MEANS),
    "not-version": (VERSIONS, PRODUCTS),
    "vulnerability-of": (frozenset({"VULNERABILITY"}), PRODUCTS),
    "cve-of": (frozenset({"VULN_ID"}), PRODUCTS | {"VULNERABILITY"}),
    "exploits": (ACTORS | MEANS, FLAWS | PRODUCTS),
    "uses": (ACTORS | {"MALWARE"}, MEANS | {"ATTACK_PATTERN", "TECHNIQUE_ID"}),
    "targets": (ACTORS | {"MALWARE"}, VENDORS | PRODUCTS | {"SECTOR", "LOC"}),
    "attributed-to": (frozenset({"CAMPAIGN", "MALWARE", "TOOL", "THREAT_ACTOR"}), frozenset({"THREAT_ACTOR", "ORG"})),
    "communicates-with": (MEANS | FILES, ADDRESSES),
    "drops": (frozenset[Label]({"MALWARE"}) | FILES, frozenset[Label]({"MALWARE"}) | FILES),
    "located-at": (frozenset({"THREAT_ACTOR", "ORG", "VENDOR"}), frozenset({"LOC"})),
}
"""The labels of the first and of the second end."""


def fits(relation: Relation, head: Mention, tail: Mention) -> bool:
    """Return whether a relation can lie between two mentions."""
    heads, tails = ENDS[relation]
    if head.entity == tail.entity or head.label not in heads or tail.label not in tails:
        return False
    # What an actor uses is another thing than an actor; a campaign is an actor's only.
    return not (relation == "attributed-to" and head.label == "THREAT_ACTOR" and tail.label == "ORG")


def bounded(statements: Iterable[Statement]) -> list[Statement]:
    """Return what a sentence says, once each; where it is too much, of those that stand nearest to each other."""
    best: dict[tuple[int, int, Relation], Statement] = {}
    for one in statements:
        key = (one.head.entity, one.tail.entity, one.relation)
        before = best.get(key)
        if before is None or before.confidence < one.confidence:
            best[key] = one
        if before is not None:
            # What either reading denies or doubts is denied or doubted.
            negated, hedged = one.negated or before.negated, one.hedged or before.hedged
            best[key] = replace(best[key], negated=negated, hedged=hedged)
    found: Sequence[Statement] = list(best.values())
    return sorted(found, key=lambda one: abs(one.head.start - one.tail.start))[:MAX_STATEMENTS]
