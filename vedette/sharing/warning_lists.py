"""MISP's warning lists: what is well known and harmless, so that a rule for it would only raise false alarms.

Read from a folder of `*/list.json` (https://github.com/MISP/misp-warninglists: `type` is cidr, hostname, string,
substring or regex; `matching_attributes` are MISP's types of attributes), by default that of the package
`pymispwarninglists`. A list concerns a fact where one of its attribute types is what the fact becomes. Blocking, and
nothing is read before it is asked for.

Memory is a few megabytes: of an entry only 8 bytes are kept, its hash and its list's number. A look-up finds the hash
of something else less than once in 10^9 times; then one alarm too few is raised. Larger lists than `MAX_FILE` and
`MAX_ENTRIES` are passed over: that a site is among the million most visited does not say that it is harmless; shorter
lists of such sites are read.
"""

from __future__ import annotations

import socket
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

import re2  # type: ignore[import-untyped]

from vedette.extraction.addresses import AddressRange
from vedette.graph.canonical import as_domain
from vedette.graph.port import VertexView
from vedette.sharing.subjects import Subject, parents_of, subject_of
from vedette.sharing.warning_list_files import folder_of_package, read_lists

_NUMBERS: Final = 1 << 12
"""Room for a list's number beside the hash of an entry."""

_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "address": frozenset({"ip-src", "ip-dst", "ip-src|port", "ip-dst|port"}),
    "host": frozenset({"domain", "hostname"}),
    "url": frozenset({"url", "uri"}),
    "hash": frozenset({"md5", "sha1", "sha256", "sha512", "x509-fingerprint-sha256"}),
    "email": frozenset({"email-src", "email-dst"}),
}
"""By what a fact names: the types of attributes that it becomes."""

_HASHED: Final = (1 << 64) - _NUMBERS
"""What of a hash is kept."""

Matcher = Callable[[Subject], bool]


class WarningLists:
    """The warning lists of a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Describe them; nothing is read yet.

        Args:
            folder: with `*/list.json` in it; None: the one of the package.
        """
        self._folder = folder
        self._lock = Lock()
        self._known: _Known | None = None

    def name_of(self, vertex: VertexView) -> str:
        """Return the name of the first list, by the alphabet, that a vertex is on; empty: it is on none.

        Raises:
            ConfigurationError: the folder cannot be read, or has no lists.
        """
        return self.name_of_subject(subject_of(vertex))

    def name_of_subject(self, subject: Subject) -> str:
        """Return the same for what a vertex names."""
        return self._lists.name_of(subject) if subject.kind else ""

    @property
    def problems(self) -> Sequence[str]:
        """What of the lists was passed over, and why; empty before anything was looked up."""
        return () if self._known is None else self._known.problems

    @property
    def _lists(self) -> _Known:
        with self._lock:
            # Several investigations may be gathered at once.
            if self._known is None:
                self._known = _of_package() if self._folder is None else _Known(self._folder)
        return self._known


class _Known:
    """What is known of lists."""

    def __init__(self, folder: Path) -> None:
        self._names: list[str] = []
        self._indexes = {kind: _Index() for kind in _ATTRIBUTES}
        self._matchers: dict[str, list[tuple[int, Matcher]]] = {kind: [] for kind in _ATTRIBUTES}
        self.problems: list[str] = []
        """What was passed over, and why."""
        # One after the other: all together they are ten times as much memory as is kept.
        for entry in read_lists(folder, self.problems):
            self._add(entry)
        self._sort()

    def name_of(self, subject: Subject) -> str:
        found = [self._indexes[subject.kind].find(_keys_of(subject))]
        found += [next((number for number, fits in self._matchers[subject.kind] if fits(subject)), None)]
        numbers = [number for number in found if number is not None]
        return self._names[min(numbers)] if numbers else ""

    def _sort(self) -> None:
        """Number the lists by the alphabet."""
        order = sorted(range(len(self._names)), key=self._names.__getitem__)
        numbers = {old: new for new, old in enumerate(order)}
        self._names = [self._names[old] for old in order]
        for kind, index in self._indexes.items():
            index.close(numbers)
            matchers = {numbers[old]: fits for old, fits in self._matchers[kind]}
            self._matchers[kind] = [(number, matchers[number]) for number in sorted(matchers)]

    def _add(self, entry: Mapping[str, Any]) -> None:
        number, type = len(self._names), str(entry["type"])
        self._names.append(str(entry["name"])[:300])
        texts = [text for text in entry["list"] if isinstance(text, str) and text]
        kinds = [kind for kind, own in _ATTRIBUTES.items() if not own.isdisjoint(entry["matching_attributes"])]
        if type in _KEYS:
            for kind in kinds:
                self._indexes[kind].add(_KEYS[type](texts), number)
        elif type in _MATCHERS:
            matcher = _MATCHERS[type](texts, self.problems)
            for kind in kinds:
                self._matchers[kind].append((number, matcher))
        else:
            self.problems.append(f"{self._names[-1]}: its type {type[:40]!r} is not known")


@cache
def _of_package() -> _Known:
    """Return the lists of the package, which do not change while the process lives."""
    return _Known(folder_of_package())


class _Index:
    """The hashes of entries, each with its list's number, in order."""

    def __init__(self) -> None:
        self._entries = array("Q")

    def add(self, keys: Iterable[object], number: int) -> None:
        self._entries.extend(hash(key) & _HASHED | number for key in keys)

    def close(self, numbers: Mapping[int, int]) -> None:
        """Sort it, once all lists have their numbers."""
        entries = (entry & _HASHED | numbers[entry % _NUMBERS] for entry in self._entries)
        self._entries = array("Q", sorted(entries))

    def find(self, keys: Iterable[object]) -> int | None:
        """Return the smallest number of a list that has one of these; None: none has."""
        found, entries = None, self._entries
        for key in keys:
            wanted = hash(key) & _HASHED
            place = bisect_left(entries, wanted)
            if place < len(entries) and entries[place] < wanted + _NUMBERS:
                number = entries[place] - wanted
                found = number if found is None else min(found, number)
        return found


# What is looked up ---------------------------------------------------------------------


def _keys_of(subject: Subject) -> Iterator[object]:
    if subject.kind == "address" and subject.addresses is not None:
        yield from _networks_around(subject.addresses)
    for text in _texts(subject):
        yield "is", text
    for parent in parents_of(subject.host):
        yield "below", parent


def _networks_around(addresses: AddressRange) -> Iterator[object]:
    """Yield the keys of all networks that hold a range whole."""
    start, most = int(addresses.start), addresses.start.max_prefixlen
    for host_bits in range((start ^ int(addresses.end)).bit_length(), most + 1):
        yield addresses.start.version, most - host_bits, start >> host_bits


def _network_key(text: str) -> object | None:
    """Return the key of a list's network, or address; None: it is none."""
    plain, _, length = text.strip().partition("/")
    version, family = (6, socket.AF_INET6) if ":" in plain else (4, socket.AF_INET)
    try:
        # There are a hundred thousand of them: `ipaddress` would take a second.
        packed = socket.inet_pton(family, plain)
        prefix = int(length) if length else 8 * len(packed)
    except (OSError, ValueError):
        return None
    host_bits = 8 * len(packed) - prefix
    return (version, prefix, int.from_bytes(packed) >> host_bits) if 0 <= host_bits <= 8 * len(packed) else None


def _texts(subject: Subject) -> tuple[str, ...]:
    """Return what is compared as text: of an address or a host its name."""
    if subject.kind == "address" and subject.addresses is not None:
        return (str(subject.addresses.start),) if subject.addresses.start == subject.addresses.end else ()
    return (subject.host,) if subject.kind == "host" else tuple(text.lower() for text in subject.values)


def _network_keys(texts: Iterable[str]) -> Iterator[object]:
    return (key for text in texts if (key := _network_key(text)) is not None)


def _host_keys(texts: Iterable[str]) -> Iterator[object]:
    return (("below", as_domain(text.lstrip("*."))) for text in texts)


def _text_keys(texts: Iterable[str]) -> Iterator[object]:
    return (("is", text.lower()) for text in texts)


_KEYS: Final[Mapping[str, Callable[[Iterable[str]], Iterator[object]]]] = {
    "cidr": _network_keys,
    "hostname": _host_keys,
    "string": _text_keys,
}
"""By type of list: what entries are looked up by."""


def _parts_matcher(texts: Iterable[str], _problems: list[str]) -> Matcher:
    words = [text.lower() for text in texts]
    return lambda subject: any(word in text for text in _texts(subject) for word in words)


def _forms_matcher(texts: Iterable[str], problems: list[str]) -> Matcher:
    """Return what matches regular expressions, which lists write as PHP does (`/…/i`)."""
    forms = [form for text in texts if (form := _form(text, problems)) is not None]
    return lambda subject: any(form.search(text) for text in _texts(subject) for form in forms)


def _form(text: str, problems: list[str]) -> Any:
    """Return a regular expression; None: it cannot be used."""
    body, flags = text, ""
    if text.startswith("/") and text.rfind("/") > 0:
        body, flags = text[1 : text.rfind("/")], text[text.rfind("/") + 1 :]
    try:
        return re2.compile(f"(?i){body}" if "i" in flags else body)
    except re2.error:
        problems.append(f"{text[:200]!r}: the regular expression cannot be used")
        return None


_MATCHERS: Final[Mapping[str, Callable[[Iterable[str], list[str]], Matcher]]] = {
    "regex": _forms_matcher,
    "substring": _parts_matcher,
}
"""By type of list: what entries are tried by, one after the other; these lists are short."""
