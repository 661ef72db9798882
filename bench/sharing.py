"""What sharing costs on our side: MISP events, STIX bundles, and an export of which nothing changed.

`python bench/sharing.py [--quick]`. Each form is made in a process of its own, whose memory is all that it has at
most: interpreter, investigation and document. The peers are the platforms' own libraries in the same run: PyMISP
building and writing an event of the same attributes, python-stix2 building and writing objects of the same types.
The server to which an event is pushed, twice, is the tests' fake one, in a process of its own; our side is what our
process uses of the CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import orjson

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1]))

from figures import Figure, say

from vedette.clock import SystemClock
from vedette.graph.identity import vertex_id, vertex_uid
from vedette.graph.port import EdgeView, VertexView
from vedette.sharing.exporter import Outfit
from vedette.sharing.investigation import Fact, Investigation

ATTRIBUTES = 10_000
"""Of the event."""

FACTS = 25_200
"""Of the bundle, so that it has 100,000 objects: half of them become an indicator, too, and all have edges."""

AT = 1_795_305_600_000_000
HOUR = 3_600_000_000

Measured = tuple[float, float, float, int]
"""Seconds, CPU seconds, megabytes at most, and things made."""


def fact(type: str, observable: str, name: str, *, malicious: bool = False) -> Fact:
    """Return a fact of this name."""
    vertex = VertexView(
        id=vertex_id(type, vertex_uid(type, observable, name)),
        type=type,
        observable_type=observable,
        name=name,
        properties={"description": (name,)},
        first_seen=AT,
        last_seen=AT + HOUR,
        mentions=2,
    )
    return Fact(
        vertex=vertex, malicious=malicious, confidence=0.75, items=(), sources=("vedette.in.structured.bench",)
    )


def thing(number: int) -> Fact:
    """Return one of four kinds of facts, every other malicious."""
    if number % 4 == 0:
        return fact("IP", "Address", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", malicious=True)
    if number % 4 == 1:
        return fact("Observable", "Domain Name", f"host{number}.example.net")
    if number % 4 == 2:
        return fact("Observable", "URI", f"http://host{number}.example.net/gate.php", malicious=True)
    return fact("Observable", "Email Address", f"user{number}@example.net")


def investigation(facts: int, *, edges: bool) -> Investigation:
    """Return one of so many facts; with edges, each is tied to one of a hundred malwares."""
    things = [thing(number) for number in range(facts)]
    families = [fact("Malware", "", f"Family {number}") for number in range(100 if edges else 0)]
    lines = [_edge(families[index % 100], one) for index, one in enumerate(things)] if edges else []
    return Investigation(
        instance=UUID("6d1f7d0e-3c1c-4a63-9a53-52c3a2f3b5d1"),
        key="search:bench",
        kind="search",
        title="bench",
        organisation="Example CSIRT",
        first_seen=AT,
        last_seen=AT + HOUR,
        facts=sorted([*families, *things], key=lambda one: one.vertex.id),
        edges=sorted(lines, key=lambda one: (one.out_id, one.in_id)),
    )


def _edge(out: Fact, into: Fact) -> EdgeView:
    return EdgeView(
        out_id=out.vertex.id,
        in_id=into.vertex.id,
        relation="Observable",
        count=1,
        first_seen=AT,
        last_seen=AT + HOUR,
        confidence=0.75,
    )


def misp_event(count: int) -> Measured:
    """Write an event of so many attributes."""
    from vedette.sharing.misp.exporter import Misp

    found = investigation(count, edges=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "event.json"
        seconds, cpu = timed(lambda: Misp().write([found], path))
        memory = highest()
        event = orjson.loads(path.read_bytes())["Event"]
    made = len(event["Attribute"]) + sum(len(one["Attribute"]) for one in event["Object"])
    return seconds, cpu, memory, made


def stix_bundle(count: int) -> Measured:
    """Write a bundle of so many facts."""
    from vedette.sharing.stix.exporter import StixExporter

    found = investigation(count, edges=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.json"
        seconds, cpu = timed(lambda: StixExporter().write([found], path))
        memory = highest()
        made = len(orjson.loads(path.read_bytes())["objects"])
    return seconds, cpu, memory, made


def pymisp_event(count: int) -> Measured:
    """Let PyMISP build and write an event of the same attributes."""
    import pymisp

    types = {"Address": "ip-dst", "Domain Name": "domain", "URI": "url", "Email Address": "email"}
    found = investigation(count, edges=False)

    def build() -> None:
        event = pymisp.MISPEvent()
        event.info = found.title
        for one in found.facts:
            event.add_attribute(types[one.vertex.observable_type], one.vertex.name, to_ids=one.malicious)
        event.to_json()

    return *timed(build), highest(), count


def stix2_objects(count: int) -> Measured:
    """Let python-stix2 build and write so many objects: addresses, indicators for them, and relationships."""
    import stix2

    def build() -> None:
        objects: list[object] = []
        for number in range(count // 3):
            address = stix2.IPv4Address(value=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            indicator = stix2.Indicator(
                pattern=f"[ipv4-addr:value = '{address.value}']",
                pattern_type="stix",
                valid_from="2026-11-22T00:00:00Z",
            )
            objects += [address, indicator, stix2.Relationship(indicator, "related-to", address)]
        stix2.Bundle(objects).serialize()

    return *timed(build), highest(), count // 3 * 3


def serve(pipe: Connection) -> None:
    """Serve a fake MISP until the other end of the pipe is closed."""
    from tests.fake_misp import serving

    with serving() as fake, contextlib.suppress(EOFError):
        pipe.send(fake.url)
        pipe.recv()


def push_again(count: int) -> tuple[float, float, int]:
    """Push an event of so many attributes, then again; returns CPU seconds of both, and what the second one wrote."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    there.close()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_pushed(investigation(count, edges=False), here.recv(), Path(folder)))
    finally:
        here.close()
        server.join()


async def _pushed(found: Investigation, url: str, folder: Path) -> tuple[float, float, int]:
    from tests.fake_misp import KEY
    from tests.sharing_memory import KeptMemory
    from vedette.sharing.misp.destination import MispDestination

    (folder / "key").write_text(f"{KEY}\n", encoding="ascii")
    settings = {"url": url, "key_file": "key", "time_limit": 600}
    outfit = Outfit(clock=SystemClock(), name="bench", settings=settings, folder=folder, memory=KeptMemory())
    spent = []
    for _ in range(2):
        # A process of its own would begin so, each time.
        destination = MispDestination(outfit)
        begun, cpu = time.perf_counter(), time.process_time()
        exported = await destination.send(found)
        spent.append(time.process_time() - cpu)
        say(
            f"MISP push: {exported.requests} requests that write, {time.perf_counter() - begun:.2f} s with the server"
        )
        await destination.aclose()
    return spent[0], spent[1], exported.requests


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that something takes, and those of CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - begun, time.process_time() - cpu


def highest() -> float:
    """Return the most megabytes of memory that this process had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def alone(measure: Callable[[int], Measured], count: int) -> Measured:
    """Measure in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (count,))


def run_misp(count: int) -> None:
    """Print what an event costs, beside PyMISP."""
    seconds, cpu, memory, made = alone(misp_event, count)
    say(f"MISP event: {made} attributes in {seconds:.2f} s, {memory:.0f} MB")
    peer, _, peer_memory, _ = alone(pymisp_event, count)
    say(f"PyMISP: {count} attributes in {peer:.2f} s, {peer_memory:.0f} MB")
    target = 5.0 * count / ATTRIBUTES
    Figure(name="misp_event", value=seconds, unit="s", target=target, at_most=True, cpu_s=cpu, peer=peer).emit()
    Figure(name="misp_event_memory", value=memory, unit="MB", peer=peer_memory).emit()


def run_push(count: int) -> None:
    """Print what a first push and one of which nothing changed cost us."""
    first, again, requests = push_again(count)
    Figure(name="misp_push", value=first, unit="CPU s").emit()
    target = 1.0 * count / ATTRIBUTES
    Figure(name="misp_unchanged", value=again, unit="CPU s", target=target, at_most=True, cpu_s=again).emit()
    Figure(name="misp_unchanged_requests", value=requests, unit="requests", target=0, at_most=True).emit()


def run_stix(facts: int, peer_objects: int) -> None:
    """Print what a bundle costs, beside python-stix2."""
    seconds, cpu, memory, made = alone(stix_bundle, facts)
    say(f"STIX bundle: {made} objects in {seconds:.2f} s, {memory:.0f} MB")
    peer, _, _, peer_made = alone(stix2_objects, peer_objects)
    say(f"python-stix2: {peer_made} objects in {peer:.2f} s")
    Figure(name="stix_bundle", value=seconds, unit="s", target=10.0, at_most=True, cpu_s=cpu).emit()
    Figure(name="stix_bundle_memory", value=memory, unit="MB", target=300.0, at_most=True).emit()
    Figure(name="stix_objects", value=made / seconds, unit="objects/s", peer=peer_made / peer).emit()


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few facts")
    quick = parser.parse_args().quick
    share = 0.05 if quick else 1.0
    run_misp(round(ATTRIBUTES * share))
    run_push(round(ATTRIBUTES * share))
    run_stix(round(FACTS * share), 300 if quick else 3_000)


if __name__ == "__main__":
    main()
