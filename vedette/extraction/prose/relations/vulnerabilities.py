"""Which product a vulnerability is in and which identifier it has.

Like products, read from the order of names: a description says "FLAW in PRODUCT" or "PRODUCT allows FLAW", and what
stands between is files, functions and versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from vedette.extraction.prose.labels import Relation
from vedette.extraction.prose.relations.certainty import of_word
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import FLAWS, PRODUCTS
from vedette.extraction.prose.relations.products import LISTING, is_elsewhere
from vedette.extraction.prose.relations.words import NEGATIONS, base_form, listed

_INSIDE: Final = frozenset({"in", "within", "of", "affect", "impact", "inside", "against"})
_HAVING: Final = frozenset(
    {"contain", "have", "suffer", "allow", "enable", "include", "introduce", "permit", "do", "use", "expose", "cause"}
)
_HARMED: Final = frozenset({"affect", "unaffected", "vulnerable", "prone", "susceptible", "impact", "exploitable"})
_BREAKS: Final = frozenset({".", ";", "but", "however"})
_SHUN: Final = frozenset({"than", "unrelated", "different", "unlike"})
"""Before an identifier that something else has: `a different vulnerability than CVE-…`."""

_NEAR = 15
_FAR = 60
"""Words between a vulnerability and its product."""


def of_vulnerabilities(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what a sentence says of vulnerabilities, their identifiers and the products that have them."""
    products = [
        one
        for one in sentence.mentions
        if one.label in PRODUCTS and not is_elsewhere(one, sentence) and not _is_in_title(one, sentence)
    ]
    for flaw in sentence.mentions:
        if flaw.label == "VULNERABILITY":
            for product, confidence, trigger in _homes(flaw, products, sentence):
                yield _statement(flaw, product, "vulnerability-of", confidence, trigger, sentence)
        elif flaw.label == "VULN_ID" and not _is_shunned(flaw, sentence):
            for product, confidence, trigger in _homes(flaw, products, sentence):
                yield _statement(flaw, product, "cve-of", confidence, trigger, sentence)
            named = _named(flaw, sentence)
            if named is not None:
                yield Statement(head=flaw, tail=named[0], relation="cve-of", confidence=named[1])


def _statement(
    flaw: Mention, product: Mention, relation: Relation, confidence: float, trigger: int, sentence: ReadSentence
) -> Statement:
    negated, hedged = _certainty(trigger, sentence)
    return Statement(
        head=flaw, tail=product, relation=relation, confidence=confidence, negated=negated, hedged=hedged
    )


def _certainty(trigger: int, sentence: ReadSentence) -> tuple[bool, bool]:
    """Return whether the verb that says it (-1: none) is denied and whether it is doubted."""
    if trigger < 0:
        return False, False
    negated, hedged = of_word(trigger, sentence)
    # The parse of such sentences is often wrong: the words right before count too.
    return negated or any(word in NEGATIONS for word in sentence.low[max(0, trigger - 2) : trigger]), hedged


def _is_in_title(product: Mention, sentence: ReadSentence) -> bool:
    """Return whether a product is a word of what a flaw is called: `aka "Foo Denial of Service Vulnerability"`."""
    opened = max((at for at in range(product.start) if sentence.low[at] in _QUOTES), default=-1)
    return opened > 0 and sentence.low[opened - 1] in _OTHERWISE


_QUOTES: Final = frozenset({'"', "``", "''", "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"})
_OTHERWISE: Final = frozenset({"aka", "a.k.a.", "formerly"})
"""Words before another name of a product, which the flaw is not in once more."""


def _homes(
    flaw: Mention, products: Sequence[Mention], sentence: ReadSentence
) -> Iterator[tuple[Mention, float, int]]:
    """Yield the products that a vulnerability is in, how sure that is, and the word that says so (-1: none)."""
    existing = _existing(flaw, sentence)
    if existing is not None:
        yield existing, 0.85, -1
        return
    products = [one for one in products if not one.start or sentence.low[one.start - 1] not in _OTHERWISE]
    after = [one for one in products if one.start >= flaw.end]
    before = [one for one in products if one.end <= flaw.start]
    found = _behind(flaw, after, sentence) or _ahead(flaw, before, sentence)
    if found is None:
        return
    first, confidence, trigger = found
    for product in _listed(_outermost(first, after, sentence), products, sentence):
        yield product, confidence, trigger


def _existing(flaw: Mention, sentence: ReadSentence) -> Mention | None:
    """Return where a flaw exists: `A race condition exists when Windows improperly handles links`."""
    if not {"exists", "exist"} & set(sentence.low[flaw.end : flaw.end + 3]):
        return None
    here = (one for one in sentence.mentions if one.label in PRODUCTS and one.start >= flaw.end)
    nearest = next(here, None)
    return nearest if nearest is not None and nearest.start - flaw.end <= _NEAR else None


def _outermost(product: Mention, after: Sequence[Mention], sentence: ReadSentence) -> Mention:
    """Return the product that another is a part of: `a flaw in nmbd in Samba` is one of Samba, as the NVD has it."""
    for other in after:
        words = _unowned(product.end, other.start, sentence)
        is_inside = "in" in words[:3] and all(word in _PARTS or word.endswith("-side") for word in words)
        if other.start >= product.end and is_inside:
            product = other
    return product


_PARTS: Final = listed(
    """
    in the component components subsystem function functions api module modules service implementation applet feature
    driver library daemon engine kernel process interface parser plugin handler control controls controller applet
    servlet class method script page form dialog tool utility package
    """
)
"""Words between a part of a product and the product."""


def _behind(flaw: Mention, after: Sequence[Mention], sentence: ReadSentence) -> tuple[Mention, float, int] | None:
    """Return the product behind a vulnerability: `FLAW in the X function in PRODUCT`, `FLAW affects PRODUCT`."""
    for product in after:
        words = sentence.low[flaw.end : product.start]
        if len(words) > _FAR or any(word in _BREAKS for word in words):
            return None
        verbs = {base_form(word): flaw.end + place for place, word in enumerate(words)}
        if verbs.keys() & _INSIDE:
            harmed = max((at for verb, at in verbs.items() if verb in _HARMED), default=-1)
            free = not (verbs.keys() & (_HAVING - {"use", "do"}))
            if harmed >= 0 or free:
                return product, 0.95 if len(words) < 12 else 0.85, harmed
        return None
    return None


def _ahead(flaw: Mention, before: Sequence[Mention], sentence: ReadSentence) -> tuple[Mention, float, int] | None:
    """Return the product before a vulnerability: `PRODUCT contains FLAW`, `PRODUCT (CVE-…)`, `the PRODUCT FLAW`."""
    for product in reversed(before):
        words = sentence.low[product.end : flaw.start]
        if len(words) > _FAR or any(word in _BREAKS for word in words):
            return None
        if not words:
            return product, 0.9, -1
        found = None if _is_object(product, before, sentence) else _had(flaw, product, words, sentence)
        if found is not None:
            return found
    return None


def _had(
    flaw: Mention, product: Mention, words: Sequence[str], sentence: ReadSentence
) -> tuple[Mention, float, int] | None:
    """Return the product, how sure it is and the verb, where the words between the two say that it has the flaw."""
    verbs = {base_form(word): product.end + place for place, word in enumerate(words)}
    if verbs.keys() & (_HAVING | _HARMED):
        harmed = [at for verb, at in verbs.items() if verb in _HARMED | {"contain", "have", "suffer"}]
        return product, 0.92 if len(words) < 20 else 0.85, (harmed or [-1])[0]
    if flaw.label == "VULN_ID" and _ASIDE_OR_BETWEEN.issuperset(_unowned(product.end, flaw.start, sentence)):
        return product, 0.85, -1
    return None


def _unowned(start: int, end: int, sentence: ReadSentence) -> list[str]:
    """Return the words between two places that name nothing."""
    return [sentence.low[at] for at in range(start, end) if sentence.owner[at] is None]


def _is_object(product: Mention, before: Sequence[Mention], sentence: ReadSentence) -> bool:
    """Return whether a product stands in what one before it does: `Foo does not check Bar files, which allows`."""
    for subject in before:
        words = sentence.low[subject.end : product.start] if subject.end <= product.start else []
        said = max((place for place, word in enumerate(words) if word in _SAYING), default=-1)
        if said >= 0 and "," not in words[said:] and not any(word in _BREAKS for word in words):
            return True
    return False


_SAYING: Final = frozenset({"not", "n't", "fails", "fail", "improperly", "incorrectly", "when", "while", "if"})
"""Words behind which a sentence speaks of what its subject does."""

_ASIDE: Final = LISTING | listed(
    """
    ( ) [ ] vulnerability vulnerabilities flaw flaws bug bugs issue issues tracked as identified assigned id ids
    cve number zero-day 0-day n-day security - : is are was known registered under
    """
)
"""Words between a product or a vulnerability and the identifier behind it."""


def _listed(first: Mention, products: Sequence[Mention], sentence: ReadSentence) -> Iterator[Mention]:
    """Yield a product and those that stand in one list with it, versions between them or not."""
    yield first
    for step in (1, -1):
        last = first
        row = [one for one in products if (one.start > first.start if step > 0 else one.start < first.start)]
        for product in row[::step]:
            low, high = sorted((last, product), key=lambda one: one.start)
            words = _unowned(low.end, high.start, sentence)
            joined = not _JOINTS.isdisjoint(words) and _BETWEEN.issuperset(words)
            if not joined or _has_flaw(low.end, high.start, sentence):
                break
            yield product
            last = product


def _has_flaw(start: int, end: int, sentence: ReadSentence) -> bool:
    """Return whether a vulnerability stands there: `Foo (CVE-…) and Bar (CVE-…)` is no list of two products."""
    return any(one.label in FLAWS for one in sentence.mentions if start <= one.start < end)


_JOINTS: Final = frozenset({"and", ",", "or", "/", "&"})
_BETWEEN: Final = LISTING | listed(
    "( ) before prior to through earlier later and than versions version - x up from 's"
)
_ASIDE_OR_BETWEEN: Final = _ASIDE | _BETWEEN
_NAMING: Final = _ASIDE_OR_BETWEEN | {"in", "of", "affecting", "which"}
"""Words between a vulnerability and its identifier."""

_IS: Final = frozenset({"a", "an", "(", "the", "is", "as"})
"""Words between an identifier and the vulnerability behind it."""


def _is_shunned(flaw: Mention, sentence: ReadSentence) -> bool:
    """Return whether an identifier is only told apart: `a different vulnerability than CVE-2013-3197 and CVE-…`."""
    words = sentence.low[max(0, flaw.start - 12) : flaw.start]
    return any(word in _SHUN for word in words)


def _named(flaw: Mention, sentence: ReadSentence) -> tuple[Mention, float] | None:
    """Return the vulnerability that an identifier is of: `FLAW (CVE-…)`, `CVE-…, a FLAW`, `FLAW tracked as CVE-…`."""
    others = [one for one in sentence.mentions if one.label == "VULNERABILITY"]
    before = next((one for one in reversed(others) if one.end <= flaw.start), None)
    if before is not None:
        words = _unowned(before.end, flaw.start, sentence)
        if len(words) <= 8 and _NAMING.issuperset(words):
            return before, 0.9
    behind = next((one for one in others if one.start >= flaw.end), None)
    if behind is not None:
        between = sentence.low[flaw.end : behind.start]
        if len(between) <= 6 and not _IS.isdisjoint(between):
            return behind, 0.85
    return None
