"""RT agents read prose: what a report says is in the graph with its sentence; the rest is kept, or says why not.

The real weights read here; what is asserted is what patterns find, so that other weights change nothing.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry.graph import graph_database
from registry.graph_reading import GraphRead
from tests.agents.room import Room, uuid_of
from tests.agents.station import Station, Until, make_item
from tests.agents.test_rt import cells
from vedette.graph.port import KeptAnnotation
from vedette.messages.card import Role

NEWS = "vedette.in.unstructured.news"
LEAD = "The vulnerability was found by the vendor last year.\n\n"
REPORT = f"{LEAD}The Emotet malware connects to 203.0.113.7 and exploits CVE-2017-11882 on the hosts of the victims."
GERMAN = "Die Angreifer nutzen die Schadsoftware, um in die Netze der Behörden einzudringen und Daten zu stehlen."


@pytest.fixture
async def room(station: Station) -> AsyncIterator[Room]:
    path = station.folder / "graph.db"
    graph_database(f"sqlite:///{path}").migrate()
    room = Room(station, Path(path))
    yield room
    await room.close()


async def annotation(room: Room, item: str) -> KeptAnnotation:
    """Return what was read of an item."""
    with graph_database(room.url) as database:
        found = await GraphRead(database=database).annotation(item)
    assert found is not None
    return found


async def test_reports_are_read_and_what_is_in_another_language_is_kept(room: Room, until: Until) -> None:
    await room.open()
    sender = await room.station.sender()
    report, german, binary, _ = await sender.observe(
        make_item(REPORT.encode(), source=NEWS, content_type="text/plain"),
        make_item(GERMAN.encode(), source=NEWS),
        make_item(b"\x7fELF\0\0\0\0" * 40, source=NEWS),
        make_item(b"\x89PNG", source=NEWS, content_type="image/png"),
    )
    rt = await room.start()
    await until(lambda: rt.extracting.counters["acknowledged"] == 3 and rt.extracting.counters["dead letters"] == 1)

    known = await room.known("203.0.113.7")
    assert known is not None
    vertex, (mention,) = known
    assert (vertex.type, mention.origin.item, mention.origin.extractor) == ("IP", uuid_of(report), "prose")
    # The sentence, in the bytes of the document
    place = mention.position
    assert (place.label, REPORT.encode()[place.start : place.end].decode()) == ("sentence 2", REPORT[len(LEAD) :])
    assert await room.known("CVE-2017-11882") is not None

    kept = await annotation(room, uuid_of(report))
    assert (kept.read, kept.language, kept.version) == (True, "en", mention.origin.version)
    document = kept.reading.annotated()
    assert document.text == REPORT
    assert {one.name for one in document.entities} >= {"203.0.113.7", "CVE-2017-11882"}
    assert all(sentence.tokens for sentence in document.sentences)
    other = await annotation(room, uuid_of(german))
    assert (other.read, other.language, other.reading.annotated().text) == (False, "de", GERMAN)

    ((uuid, reason),) = (await room.letters()).items()
    assert uuid == uuid_of(binary)
    assert "no text" in reason
    panels = rt.state().panels
    (told,) = cells(panels, "Prose")
    assert (told["Documents"], told["Sentences"], told["In languages not read"]) == ("1", "2", "de 1")
    assert told["Least confidence"] == "0.5"
    assert "has no sentences" in cells(panels, "Not for RT")[0]["Why"]


async def test_a_killed_reader_and_a_second_agent_lose_nothing(room: Room, until: Until) -> None:
    await room.open(attempts=3)
    sender = await room.station.sender()
    await sender.observe(make_item(REPORT.encode(), source=NEWS))
    first = await room.start()
    await until(lambda: first.extracting.counters["acknowledged"] == 1)
    # The model is loaded in one process, and that one is apart from those which read columns
    (worker,) = first._outfit.extraction._reading._all
    assert not first._outfit.extraction._parsing._all
    worker.process.send_signal(signal.SIGKILL)
    await worker.process.wait()
    second = await room.start(identity=await room.station.identity("rt2", Role.RT))
    numbers = range(1, 7)
    texts = [f"The host is 198.51.100.{number} in the report of the vendor." for number in numbers]
    await sender.observe(*(make_item(text.encode(), source=NEWS) for text in texts))
    agents = (first, second)
    await until(lambda: sum(one.extracting.counters["acknowledged"] for one in agents) == 1 + len(texts))
    for number in numbers:
        known = await room.known(f"198.51.100.{number}")
        assert known is not None
        assert known[0].mentions == 1
    assert await room.letters() == {}


async def test_a_reader_killed_in_the_middle_of_a_document_reads_it_again(room: Room, until: Until) -> None:
    await room.open(attempts=3)
    rt = await room.start()
    sender = await room.station.sender()
    numbers = range(1, 121)
    sentences = [f"Report {number} of the vendor names the host 198.51.100.{number} again." for number in numbers]
    (told,) = await sender.observe(make_item("\n\n".join(sentences).encode(), source=NEWS))
    reading = rt._outfit.extraction._reading
    # It has been asked, and has not answered: whatever it is at, the document is not read yet.
    await until(lambda: any(worker.asked for worker in reading._all - set(reading._idle)))
    (worker,) = reading._all
    worker.process.send_signal(signal.SIGKILL)
    await until(lambda: rt.extracting.counters["acknowledged"] == 1)
    assert reading.killed == 1
    assert (await annotation(room, uuid_of(told))).read
    for number in (1, 120):
        known = await room.known(f"198.51.100.{number}")
        assert known is not None
        assert known[0].mentions == 1
    assert await room.letters() == {}
