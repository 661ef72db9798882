"""What the model's spans become before they are entities: trimmed, checked, called by the label that fits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from vedette.extraction.prose.labels import Label
from vedette.extraction.prose.ports import Span
from vedette.extraction.prose.rules.common_words import is_common
from vedette.extraction.prose.rules.systems import is_system, is_update, may_be_system
from vedette.extraction.prose.rules.versions import is_score, is_version, joins_versions

LEAST: Final = 0.3
"""Confidence below which a span is not looked at."""

_ARTICLES: Final = frozenset(
    {"the", "a", "an", "this", "that", "'s", "\N{RIGHT SINGLE QUOTATION MARK}s", "and", "or", "of"}
)
_PRODUCTS: Final = frozenset({"SOFTWARE", "OS"})
_MAKERS_AND_PRODUCTS: Final = _PRODUCTS | {"VENDOR", "ORG"}
_NUMBERS: Final = frozenset({"VERSION", "UPDATE"})
_WITH_DIGITS: Final = frozenset({"VULN_ID", "VERSION"})


def refined(spans: Sequence[Span], words: Sequence[str]) -> Iterator[Span]:
    """Yield what is left of a sentence's spans, in order.

    Of a product's name its versions and updates are parted, a range of versions becomes its single numbers, an
    operating system is called so and nothing else is, articles and signs at the ends are no part of a name, and a
    common word is none. Two products side by side are one whose name the model has cut, as are `Linux` and `kernel`.

    Args:
        spans: the model's.
        words: of the sentence.
    """
    last: Span | None = None
    for one in _each(spans, words):
        label = _joint_label(last, one, words) if last is not None else None
        if last is not None and label is not None:
            last = replace(last, end=one.end, label=label, confidence=(last.confidence + one.confidence) / 2)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _joint_label(one: Span, other: Span, words: Sequence[str]) -> Label | None:
    """Return what two spans are together; None: they are two."""
    if one.end != other.start or other.label not in _PRODUCTS:
        return None
    if one.label == other.label == "SOFTWARE":
        return "SOFTWARE"
    # "Debian" is a vendor as well, "Windows" has a name behind it at times.
    is_one = is_system(" ".join(words[one.start : one.end])) and is_system(" ".join(words[one.start : other.end]))
    return "OS" if is_one and one.label in _MAKERS_AND_PRODUCTS else None


def _each(spans: Sequence[Span], words: Sequence[str]) -> Iterator[Span]:
    for span in spans:
        if span.confidence < LEAST:
            continue
        if span.label == "VERSION":
            yield from _versions(span, words)
        elif span.label in _PRODUCTS:
            yield from _product(span, words)
        else:
            yield from _named(span, words)


def _versions(span: Span, words: Sequence[str]) -> Iterator[Span]:
    if is_update(" ".join(words[span.start : span.end])):
        yield replace(span, label="UPDATE")
        return
    for place in range(span.start, span.end):
        if is_version(words[place]) and not is_score(words, place):
            yield replace(span, start=place, end=place + 1)


def _product(span: Span, words: Sequence[str]) -> Iterator[Span]:
    """Yield a product's name and, apart, the versions and the update behind it."""
    update = _update_from(words, span.start + 1, span.end)
    end = _numbers_from(words, span.start + 1, update)
    for one in _named(replace(span, end=end), words):
        name = " ".join(words[one.start : one.end])
        yield replace(one, label=_product_label(one, name))
    yield from _versions(replace(span, start=end, end=update, label="VERSION"), words)
    if update < span.end:
        yield replace(span, start=update, label="UPDATE")


def _product_label(span: Span, name: str) -> Label:
    """Return what a product is: the model calls many programs an operating system."""
    if is_system(name):
        return "OS"
    return "OS" if span.label == "OS" and may_be_system(name) else "SOFTWARE"


def _update_from(words: Sequence[str], start: int, end: int) -> int:
    """Return where the update begins that some words end with; `end`: they end with none."""
    for begin in range(max(start, end - 3), end):
        if is_update(" ".join(words[begin:end])):
            return begin
    return end


def _numbers_from(words: Sequence[str], start: int, end: int) -> int:
    """Return where the versions begin that some words end with, and what joins them: `2.0 through 2.14.1`."""
    begin = at = end
    while at > start and (is_version(words[at - 1]) or joins_versions(words[at - 1])):
        at -= 1
        if is_version(words[at]):
            begin = at
    while start < begin < end and joins_versions(words[begin - 1]):
        begin -= 1
    return begin


def _named(span: Span, words: Sequence[str]) -> Iterator[Span]:
    start, end = span.start, span.end
    while start < end and _is_no_name(words[start]):
        start += 1
    while start < end and _is_no_name(words[end - 1]) and not (words[end - 1] == ")" and "(" in words[start:end]):
        end -= 1
    name = words[start:end]
    needed = str.isdigit if span.label in _WITH_DIGITS else str.isalpha
    if any(needed(one) for word in name for one in word) and not is_common(span.label, words, start, end):
        yield replace(span, start=start, end=end)


def _is_no_name(word: str) -> bool:
    return word.lower() in _ARTICLES or not any(one.isalnum() for one in word)
