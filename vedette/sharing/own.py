"""What is ours, or a victim's: networks and domains of the configuration, and whatever our tools looked at. Pure.

It is shared as what was observed, and never such that another's sensors raise an alarm for it. Addresses are compared
as ranges that overlap: a rule for a network that holds one of ours would be a rule for ours. So would be one for a
domain above one of ours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Self

from vedette.errors import RefusedError
from vedette.extraction.addresses import AddressError, AddressRange
from vedette.graph.port import VertexView
from vedette.sharing.subjects import Subject, of_host, of_target, parents_of, subject_of


class Ranges:
    """Ranges of addresses, joined where they overlap."""

    def __init__(self, ranges: Iterable[AddressRange]) -> None:
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for one in sorted(ranges, key=lambda one: (one.start.version, int(one.start), int(one.end))):
            starts = self._starts.setdefault(one.start.version, [])
            ends = self._ends.setdefault(one.start.version, [])
            if ends and int(one.start) <= ends[-1] + 1:
                ends[-1] = max(ends[-1], int(one.end))
            else:
                starts.append(int(one.start))
                ends.append(int(one.end))

    def overlap(self, wanted: AddressRange) -> bool:
        """Tell whether an address of a range is in one of these."""
        starts = self._starts.get(wanted.start.version, [])
        place = bisect_right(starts, int(wanted.end)) - 1
        return place >= 0 and self._ends[wanted.start.version][place] >= int(wanted.start)


class Own:
    """Networks and domains that are ours or a victim's."""

    def __init__(self, subjects: Iterable[Subject] = ()) -> None:
        """Describe them by what they name."""
        known = list(subjects)
        self._ranges = Ranges(one.addresses for one in known if one.addresses is not None)
        self._names = frozenset(one.host for one in known if one.host)
        self._above = frozenset(
            parent for name in self._names for parent in parents_of(name) if "." in parent and parent != name
        )

    @classmethod
    def of(cls, *, networks: Iterable[str] = (), domains: Iterable[str] = (), targets: Iterable[str] = ()) -> Self:
        """Return what these say.

        Args:
            networks: addresses, CIDR or `start-end`, of the configuration.
            domains: names of the configuration; what is below them is ours, too.
            targets: what tools looked at: addresses, networks, hosts, `host:port`, URLs.

        Raises:
            RefusedError: a network or domain of the configuration is none.
        """
        found = [*map(_network, networks), *map(_domain, domains)]
        return cls([*found, *map(of_target, targets)])

    def holds(self, vertex: VertexView) -> bool:
        """Tell whether a vertex is, or is at, one of them."""
        return self.holds_subject(subject_of(vertex))

    def holds_subject(self, subject: Subject) -> bool:
        """Tell whether what a fact names is, or is at, one of them."""
        if subject.addresses is not None and self._ranges.overlap(subject.addresses):
            return True
        if not subject.host:
            return False
        return subject.host in self._above or any(parent in self._names for parent in parents_of(subject.host))


def _network(text: str) -> Subject:
    try:
        return Subject(kind="address", addresses=AddressRange.parse(text))
    except AddressError as error:
        raise RefusedError("networks", str(error)) from error


def _domain(text: str) -> Subject:
    found = of_host(text.removeprefix("*.").strip("."))
    if not found.host:
        raise RefusedError("domains", f"{text[:60]!r} is no domain")
    return found
