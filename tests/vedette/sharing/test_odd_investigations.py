"""Investigations as nobody expects them: each form has a file for them, the same one twice, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.sharing_cases import empty, scanned
from tests.sharing_parts import edge, fact, investigation, proof, scan
from vedette.graph.ontology import ontology
from vedette.sharing.exporter import ExporterCatalogue
from vedette.sharing.investigation import Fact, Investigation, Service, Stamp, Withheld

FORMS: Final = ("csv", "feed", "misp", "ndjson", "stix")

KINDS: Final = (*ontology().kinds, "Strange", "Observable/Strange")
"""Every type of vertex that the graph knows, and two that it does not."""

LAST: Final = 253_402_300_799_000_000
"""The last second of the year 9999, in microseconds."""


def named(name: str, *, at: int | None = None, bare: bool = False) -> Investigation:
    """A fact of each type with this name, accused of everything, tied to the next one."""
    times = {} if at is None else {"first": at, "last": at}
    found: dict[str, Fact] = {}
    for kind in KINDS:
        made = replace(fact(kind, name, **times), malicious=True)
        found[made.vertex.id] = replace(made, vertex=replace(made.vertex, properties={})) if bare else made
    facts = list(found.values())
    edges = [edge(one, "Sub-Observable", other) for one, other in pairwise(facts)]
    # Titles are of selections, which have characters that can be printed only.
    return investigation("search:odd", facts, edges, title=name if name.isprintable() else "odd")


def at(moment: int) -> Investigation:
    """Everything at one time."""
    stamped = replace(proof(), received_at=moment, stamps=(Stamp(authority="a", gen_time=moment, external=True),))
    whole = named("192.0.2.7", at=moment)
    return replace(whole, scans=[replace(scan(whole.facts), observed_at=moment)], proofs=[stamped])


def bare_scan() -> Investigation:
    """A scan of which nothing is known but that it was."""
    ran = replace(scan(), raw=None, sha256="", size=0, services=(), command=(), exit_code=None, verdict="")
    return investigation("item:bare", scans=[replace(ran, content_type="", file_name="")])


def odd_services() -> Investigation:
    """A scan that found what is no service."""
    services = (
        Service(address="no address", port=0),
        Service(address="192.0.2.7", port=70_000, protocol="xyz"),
        Service(address="2001:db8::1", port=443, state="", name="n" * 2_000, hostname="h" * 2_000, cpe="cpe:none"),
    )
    return investigation("item:services", scans=[replace(scan(), services=services)])


def failed_proof() -> Investigation:
    """An item that cannot be proved."""
    failed = replace(proof(state="pending"), state="failed", statement=b"")
    return investigation("item:unproved", proofs=[failed])


def dangling() -> Investigation:
    """Edges to what is not there, and to itself."""
    known, other = fact("IP", "192.0.2.1"), fact("IP", "192.0.2.2")
    return investigation(
        "search:edges", [known], [edge(known, "UsesIP", other), edge(known, "UsesIP", known)], title=" "
    )


ODD: Final[dict[str, Callable[[], Investigation]]] = {
    "empty": empty,
    "only withheld": lambda: replace(empty(), withheld=(Withheld(what="vertex IP 192.0.2.1", reason="policy"),)),
    "only scans": lambda: replace(scanned(), facts=(), edges=(), proofs=()),
    "bare scan": bare_scan,
    "odd services": odd_services,
    "failed proof": failed_proof,
    "dangling edges": dangling,
    "no properties": lambda: named("192.0.2.7", bare=True),
    "no name": lambda: named("", bare=True),
    "blank": lambda: named(" "),
    "dots": lambda: named("..."),
    "long": lambda: named("a" * 2_000),
    "long domain": lambda: named("a." * 1_000 + "b"),
    "many digits": lambda: named("9" * 2_000),
    "control characters": lambda: named("a\x00b\r\n\u202ec"),
    "beyond U+FFFF": lambda: named("\N{PILE OF POO}" * 1_000),
    "all addresses": lambda: named("0.0.0.0-255.255.255.255"),
    "half a character": lambda: named("\ud800"),
    "1970": lambda: at(0),
    "before 1970": lambda: at(-1),
    "9999": lambda: at(LAST),
    "no calendar": lambda: at(2**63 - 1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ODD)
def test_every_form_has_a_file_for_it_and_the_same_one_twice(name: str, form: str, tmp_path: Path) -> None:
    exporter, found = ExporterCatalogue().exporter(form), ODD[name]()
    written = []
    for turn in ("first", "second"):
        path = tmp_path / f"{turn}{exporter.suffix}"
        exporter.write([found], path)
        files = path.iterdir() if path.is_dir() else [path]
        written.append({one.name.removeprefix(turn): one.read_bytes() for one in files})
    assert written[0] == written[1]
    assert any(written[0].values())
