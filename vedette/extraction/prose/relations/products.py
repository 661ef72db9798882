"""Whose product it is and which versions of it are meant: read from how names and numbers stand beside each other.

Texts on vulnerabilities speak in lists ("Foo before 2.4.1, 3.x before 3.0.2, and Bar 1.2 through 1.4"), which no
parser of news reads well; the words between two names say more. A version from which on it is mended ("before 2.4.1",
"fixed in 2.4.1") is a not-version: it is not affected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.pairs import PRODUCTS, VENDORS, VERSIONS
from vedette.extraction.prose.relations.polarity import bound, doubted, mended
from vedette.extraction.prose.relations.words import base_form, listed

LISTING: Final = frozenset({",", "and", "or", "&", "/", ";", "and/or", "both", "as", "well", "the", "other", "its"})
"""Words of a list of names."""

_RANGE: Final = LISTING | listed(
    """
    ( ) [ ] through to - before prior than earlier later older lower newer below possibly probably including
    all up from versions version v releases release builds build until x r2 < <= > >= = : since perhaps even
    except excluding
    branches branch series any after
    """
)
"""Words between the versions of a product."""

_KINDS: Final = listed(
    """
    firmware software plugin plug-in extension module component server client app application device devices
    router routers appliance appliances gateway package library edition driver theme add-on addon products
    product suite platform browser system systems series models agent installations hosts - running with
    """
)
"""Words between a product and its version."""

_ELSEWHERE: Final = frozenset({"on", "for", "with", "under", "using", "via", "when", "than", "by", "through"})
"""Before a product that the rest is not said of: `the Foo plugin before 1.2 for WordPress`."""

_STILL: Final = frozenset({"the", "a", "an", "certain", "both", "and", "or", "/", "32-bit", "64-bit", "r2"})
"""Words of a list of platforms; a comma may begin something else."""

_GOING_ON: Final = frozenset({",", "and", "or", "before", "prior", "through"})
_MAKERS: Final = frozenset({"by", "from", "of"})
_OWNERS: Final = frozenset({"'s", "'"})
_BESIDE_VENDOR: Final = (_OWNERS | LISTING | _KINDS) - {","}
_BESIDE_PRODUCT: Final = _RANGE | _KINDS | _OWNERS
"""Words between a vendor and its product, and between that and its next."""

_FAR = 25
"""Words between a product and a version that a verb joins."""

_EARLY: Final = ("rc", "beta", "alpha", "pre", "dev")

_SYSTEMS: Final = {
    "windows": "microsoft",
    "macos": "apple",
    "mac": "apple",
    "ios": "apple",
    "ipados": "apple",
    "android": "google",
    "linux": "",
    "solaris": "oracle",
    "unix": "",
    "freebsd": "",
}
"""Whose the systems are that stand in everybody's lists."""


def of_products(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield what a sentence says of vendors, products and versions."""
    yield from _vendors(sentence)
    yield from _versions(sentence)


def is_elsewhere(product: Mention, sentence: ReadSentence) -> bool:
    """Return whether a product is only where something runs or what it is made for, alone or in a list of such."""
    at = product.start - 1
    later = product.label
    while at >= 0:
        owner = sentence.owner[at]
        if owner is not None and owner.label in PRODUCTS | VENDORS | VERSIONS:
            later = owner.label if owner.label in PRODUCTS else later
            at = owner.start - 1
        elif owner is None and (
            sentence.low[at] in _STILL or (sentence.low[at] == "," and _is_row(at, later, sentence))
        ):
            at -= 1
        else:
            return sentence.low[at] in _ELSEWHERE
    return False


def _is_row(comma: int, later: Label, sentence: ReadSentence) -> bool:
    """Return whether a comma stands between systems: `on Windows XP SP2, Windows 7, and Linux`."""
    earlier = next((one for one in reversed(sentence.mentions) if one.end <= comma and one.label in PRODUCTS), None)
    if later != "OS" or earlier is None or earlier.label != "OS":
        return False
    between = range(earlier.end, comma)
    return all(sentence.owner[at] is not None or sentence.low[at] in _STILL for at in between)


def _is_vendor(word: int, sentence: ReadSentence) -> bool:
    owner = sentence.owner[word]
    return owner is not None and owner.label in VENDORS


def _vendors(sentence: ReadSentence) -> Iterator[Statement]:
    """Yield vendor-of: `Microsoft Windows 7 and Office`, `Adobe's Reader`, `Reader by Adobe`."""
    vendor: Mention | None = None
    confidence = 0.0
    last: Mention | None = None
    for mention in sentence.mentions:
        if mention.stands_in:
            continue
        gap = sentence.between(last, mention) if last is not None else []
        if mention.label in VENDORS:
            if last is not None and last.label in PRODUCTS and _is_by(gap):
                yield Statement(head=mention, tail=last, relation="vendor-of", confidence=0.85)
            vendor, confidence = mention, 0.95 if mention.label == "VENDOR" else 0.8
        elif mention.label in PRODUCTS and vendor is not None:
            confidence = _vendor_still(gap, vendor, last, mention, sentence, confidence)
            if confidence:
                yield Statement(head=vendor, tail=mention, relation="vendor-of", confidence=confidence)
            else:
                vendor = None
        elif mention.label not in VERSIONS:
            vendor = None
        last = mention


def _is_by(gap: Sequence[str]) -> bool:
    """Return whether the words behind a product lead to its maker: `Reader by Adobe`."""
    return 0 < len(gap) <= 3 and gap[-1] in _MAKERS


def _vendor_still(
    gap: Sequence[str],
    vendor: Mention,
    last: Mention | None,
    product: Mention,
    sentence: ReadSentence,
    confidence: float,
) -> float:
    """Return how sure it is that a product is still of the vendor that was named before it; 0: it is not."""
    if last is vendor:
        if not gap or (len(gap) == 1 and gap[0] in _OWNERS):
            return confidence
        return 0.75 * confidence if _BESIDE_VENDOR.issuperset(gap) else 0.0
    if not gap or not _BESIDE_PRODUCT.issuperset(gap) or gap[-1] in _ELSEWHERE:
        return 0.0
    first = sentence.low[product.start]
    own = "".join(sentence.low[vendor.start : vendor.end])
    if first in _SYSTEMS and _SYSTEMS[first] not in own:
        return 0.0
    return max(confidence - 0.05, 0.6)


def _versions(sentence: ReadSentence) -> Iterator[Statement]:
    for run in _runs(sentence):
        found = _owner(run, sentence)
        if found is None:
            continue
        product, confidence = found
        whole_run_mended = mended(product, run, sentence)
        start = product.end if product.end <= run[0].start else 0
        for named in _chains(run):
            before = sentence.low[max(start, named[0].start - 4) : named[0].start]
            for version in named:
                not_version = bound(before) and (version is named[-1] or _is_early(named[-1], sentence))
                yield Statement(
                    head=version,
                    tail=product,
                    relation="not-version" if whole_run_mended or not_version else "version-of",
                    confidence=confidence,
                    hedged=doubted(before[-3:]),
                )
            start = named[-1].end


def _chains(run: Sequence[Mention]) -> list[list[Mention]]:
    """Return each version with the updates that stand right behind it: `2010`, `R3` and `SP1` are one."""
    chains: list[list[Mention]] = []
    for one in run:
        if chains and one.label == "UPDATE" and one.start == chains[-1][-1].end:
            chains[-1].append(one)
        else:
            chains.append([one])
    return chains


def _is_early(update: Mention, sentence: ReadSentence) -> bool:
    """Return whether an update comes out before its version does: `1.2 RC1`, but not `1.2 SP1`."""
    return sentence.low[update.start].startswith(_EARLY)


def _runs(sentence: ReadSentence) -> list[list[Mention]]:
    """Return the versions that stand in one list."""
    runs: list[list[Mention]] = []
    last: Mention | None = None
    for mention in sentence.mentions:
        if mention.label in VERSIONS:
            joined = (
                last is not None
                and last.label in VERSIONS
                and all(word in _RANGE for word in sentence.between(last, mention))
            )
            if joined:
                runs[-1].append(mention)
            else:
                runs.append([mention])
        last = mention
    return runs


def _owner(run: Sequence[Mention], sentence: ReadSentence) -> tuple[Mention, float] | None:
    """Return the product that versions are of, and how sure that is."""
    products = [one for one in sentence.mentions if one.label in PRODUCTS]
    after = next((one for one in products if one.start >= run[-1].end), None)
    if after is not None and _is_of(sentence.low[run[-1].end : after.start], run[-1], after, sentence):
        return after, 0.9
    parted: dict[bool, list[Mention]] = {False: [], True: []}
    for one in reversed([one for one in products if one.end <= run[0].start]):
        parted[_is_aside(one, run[0], sentence)].append(one)
    return _owner_before(parted[False], run[0], sentence) or _owner_before(parted[True], run[0], sentence)


def _owner_before(
    products: Sequence[Mention], version: Mention, sentence: ReadSentence
) -> tuple[Mention, float] | None:
    """Return the product before a version that it is of, of those that are given, the nearest first."""
    far = 1.0
    for product in products:
        gap = _plain(sentence, product.end, version.start)
        if is_elsewhere(product, sentence) and not all(word in ("version", "versions", "v") for word in gap):
            # A platform has no bounds but those that stand right behind it; a list may go on behind it.
            if not any(word in _GOING_ON for word in gap):
                return None
            far = 0.85
            continue
        if all(word in _RANGE or word in _KINDS or (far < 1 and word in _ELSEWHERE) for word in gap):
            return product, 0.95 * far
        return (product, 0.75 * far) if len(gap) <= _FAR and _is_said(gap) else None
    return None


def _is_aside(product: Mention, version: Mention, sentence: ReadSentence) -> bool:
    """Return whether a product stands in brackets that close before a version: `Foo (aka Bar) before 1.2`."""
    before, between = sentence.low[: product.start], sentence.low[product.end : version.start]
    opened = before.count("(") > before.count(")")
    return opened and between.count(")") > between.count("(")


def _is_of(gap: Sequence[str], last: Mention, product: Mention, sentence: ReadSentence) -> bool:
    """Return whether versions are of the product behind them: `versions 1.2 and 1.3 of the Foo`."""
    between = [at for at in range(last.end, product.start) if not _is_vendor(at, sentence)]
    plain = [sentence.low[at] for at in between]
    return bool(plain) and "of" in plain and all(word in _RANGE | _KINDS | _OWNERS | {"of"} for word in plain)


def _is_said(gap: Sequence[str]) -> bool:
    """Return whether the words between a product and a version speak of versions."""
    verbs = {base_form(word) for word in gap}
    return bool(
        verbs
        & {
            "version",
            "versions",
            "fix",
            "patch",
            "resolve",
            "address",
            "update",
            "upgrade",
            "release",
            "affect",
            "vulnerable",
        }
    )


def _plain(sentence: ReadSentence, start: int, end: int) -> list[str]:
    """Return words without other names and without what stands in brackets: `Foo (aka Bar) before 1.2`."""
    kept: list[str] = []
    outside: list[str] = []
    depth = 0
    for at in range(start, end):
        word = sentence.low[at]
        depth += word == "("
        if sentence.owner[at] is None and word not in ("(", ")"):
            kept.append(word)
            if depth == 0:
                outside.append(word)
        depth -= word == ")" and depth > 0
    # A bracket that does not close before the version holds it: `Foo (version 1.2)`.
    return outside if depth == 0 else kept
