"""What sharing costs where it meets the store: gathering, feeds, TAXII collections, SQL sinks, and shares that wake.

`python bench/sharing_store.py [--quick] [--postgresql]`. Each figure is taken in a process of its own, whose memory
is all that it has at most. The store is an SQLite file, or with `--postgresql` a server of our own without fsync, as
the tests have it. The peers are measured in the same run: what is gathered beside reading the same rows from the
graph, what did not change beside its first time, an SQL sink beside SQLAlchemy inserting plain rows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1]))

from figures import Figure, percentile, say
from sharing import fact, highest, investigation, timed

from registry.database import Database
from registry.graph import graph_database
from vedette.cli.loading import loading
from vedette.clock import ManualClock, SystemClock
from vedette.sharing.investigation import Investigation

FACTS = 100_000
"""That are gathered, nearly: each row of a list is one of an address, a domain, or a URL and its host."""

ROWS = 1_000
"""Of one item."""

EVENTS = 1_000
"""Of the feed, with ten facts each."""

OBJECTS = 100_000
"""Of the collection, nearly."""

BURST = 10_000
"""Items that come at once."""

TOGETHER = 100
"""Of them in a batch."""

SHARES = 20

INSTANCE = UUID("6d1f7d0e-3c1c-4a63-9a53-52c3a2f3b5d1")

Places = tuple[str, str]
"""URLs of the store and the graph."""


def fill(places: Places, folder: Path, rows: int) -> int:
    """Fill store and graph with items of lists; returns how many vertices that makes."""
    from sqlalchemy import func, select

    from registry.graph_tables import node
    from tests.registry.conftest import RECEIVED_AT
    from tests.registry.gathered import Fleet, listed

    async def work(store: Database, graph: Database) -> None:
        fleet = Fleet(database=store, graph=graph, clock=ManualClock(now=RECEIVED_AT), folder=folder)
        await fleet.kept.open()
        for number, first in enumerate(range(0, rows, ROWS), start=1):
            entries = map(_entry, range(first, min(rows, first + ROWS)))
            await fleet.feed(number, listed(*entries), stamped=False)
        await fleet.kept.stamp()

    with Database(places[0]) as store, graph_database(places[1]) as graph:
        asyncio.run(work(store, graph))
        return graph.read_sync(lambda connection: connection.scalar(select(func.count()).select_from(node)) or 0)


def _entry(number: int) -> tuple[str, str, str]:
    family = f"Family {number % 100}"
    if number % 3 == 0:
        return f"45.{number >> 16}.{number >> 8 & 255}.{number & 255}:443", "ip:port", family
    if number % 3 == 1:
        return f"host{number}.zone{number % 997}.example.org", "domain", family
    return f"http://host{number}.example.net/gate.php", "url", family


def gather(places: Places) -> tuple[float, float, float, int, float]:
    """Gather all that the items say; returns seconds, CPU, megabytes, facts, and CPU seconds of reading alone."""
    with loading():
        from registry.investigations import Investigations
        from registry.sharing_graph import said_by_items
        from registry.sharing_items import read_items, select_items
        from vedette.sharing.policy import SharingPolicy
        from vedette.sharing.selection import Selection
        from vedette.sharing.subjects import of_host
        from vedette.sharing.warning_lists import WarningLists

    with Database(places[0]) as store, graph_database(places[1]) as graph:
        selection = Selection.parse("type=document", clock=SystemClock())
        items = store.read_sync(lambda connection: read_items(connection, select_items(connection, selection)))
        lists = WarningLists()
        # They are read once in a process.
        lists.name_of_subject(of_host("example.net"))
        gathering = Investigations(
            database=store, graph=graph, clock=SystemClock(), instance=INSTANCE, warning_lists=lists
        )

        async def work() -> tuple[float, float, float, int]:
            begun, cpu = time.perf_counter(), time.process_time()
            found = await gathering.gather(selection, policy=SharingPolicy(), bundles=False)
            return time.perf_counter() - begun, time.process_time() - cpu, highest(), len(found.facts)

        seconds, cpu, memory, facts = asyncio.run(work())
        _, reading = timed(lambda: graph.read_sync(lambda connection: said_by_items(connection, list(items))))
        return seconds, cpu, memory, facts, reading


def small(number: int, *, more: int = 0) -> Investigation:
    """Return the number-th small investigation."""
    things = [
        fact("Observable", "Domain Name", f"host{number}-{one}.example.net", malicious=True)
        for one in range(10 + more)
    ]
    things.sort(key=lambda one: one.vertex.id)
    whole = investigation(0, edges=False)
    times = {"first_seen": whole.first_seen, "last_seen": whole.last_seen}
    return Investigation(
        instance=INSTANCE, key=f"target:{number}", kind="target", title=f"target {number}", facts=things, **times
    )


def feed(folder: Path, events: int) -> tuple[float, float, float, float]:
    """Publish a feed; returns CPU seconds of all of it, of the same again, and of one event that changed, and MB."""
    from vedette.sharing.feed.exporter import Feed

    path, exporter = folder / "feed", Feed()
    _, first = timed(lambda: exporter.write(map(small, range(events)), path))
    _, again = timed(lambda: exporter.write(map(small, range(events)), path))
    _, one = timed(lambda: exporter.write([small(events // 2, more=1)], path))
    return first, again, one, highest()


def collection(places: Places, facts: int) -> tuple[float, float, float, int, list[float]]:
    """Fill a collection, and again; returns CPU of both, megabytes, objects, and the seconds of each page."""
    from registry.taxii import TaxiiCollections
    from registry.taxii_reading import MAX_PAGE, TaxiiReading, Wanted
    from vedette.sharing.stix.objects import stix_objects

    found = investigation(facts, edges=True)

    async def work(store: Database) -> tuple[float, float, float, int, list[float]]:
        collections, reading = TaxiiCollections(database=store, clock=SystemClock()), TaxiiReading(database=store)
        first = await _cpu(lambda: collections.replace("bench", "one", stix_objects(found)))
        again = await _cpu(lambda: collections.replace("bench", "one", stix_objects(found)))
        memory, total, pages, after = highest(), 0, list[float](), -1
        while True:
            begun = time.perf_counter()
            page = await reading.page("bench", Wanted(after=after), limit=MAX_PAGE, bodies=True)
            pages.append(time.perf_counter() - begun)
            total += len(page.versions)
            if not page.more:
                return first, again, memory, total, pages
            after = page.versions[-1].date_added

    with Database(places[0]) as store:
        return asyncio.run(work(store))


async def _cpu(what: Callable[[], Awaitable[object]]) -> float:
    cpu = time.process_time()
    await what()
    return time.process_time() - cpu


def sink(folder: Path, url: str, facts: int) -> tuple[float, float, float, int]:
    """Fill a database; returns seconds of that, of the same again, of SQLAlchemy inserting plain rows, and rows."""
    from sqlalchemy import create_engine, text

    from tests.sharing_memory import connect
    from vedette.sharing.sinks.sql import Sql

    found = investigation(facts, edges=True)
    (folder / "url").write_text(url, encoding="utf-8")

    async def work() -> tuple[float, float, int]:
        spent, sent = [], 0
        for _ in range(2):
            destination = connect(Sql(), folder, url_file="url")
            begun = time.perf_counter()
            exported = await destination.send(found)
            spent.append(time.perf_counter() - begun)
            await destination.aclose()
            sent = max(sent, exported.sent)
        return spent[0], spent[1], sent

    first, again, rows = asyncio.run(work())
    engine = create_engine(url)
    begun = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plain (id VARCHAR(36) PRIMARY KEY, name TEXT, seen BIGINT)"))
        plain = [{"id": one.vertex.id[-36:], "name": one.vertex.name, "seen": 0} for one in found.facts]
        for start in range(0, len(plain), 500):
            connection.execute(text("INSERT INTO plain VALUES (:id, :name, :seen)"), plain[start : start + 500])
    engine.dispose()
    return first, again, (time.perf_counter() - begun) / len(plain), rows


def wake(places: Places, folder: Path, burst: int) -> tuple[float, int]:
    """Commit a burst of items and wake the shares that they match; returns CPU seconds, and exports that wait."""
    from registry.callers import Actor
    from registry.exports import Exports
    from registry.share_waking import ShareWaking
    from tests.registry.conftest import RECEIVED_AT, Sender
    from tests.registry.kept import Kept
    from vedette.configuration.sharing import SharingSection

    names = [f"share{number}" for number in range(SHARES)]
    section = SharingSection.model_validate(
        {
            "destinations": [{"name": "feed", "exporter": "feed"}],
            "shares": [
                {"name": name, "select": f"type=scan source=vedette.in.*.probe{number}.#", "to": ["feed"]}
                for number, name in enumerate(names)
            ],
        }
    )
    clock, by = ManualClock(now=RECEIVED_AT), Actor(who="bench", origin="bench")

    async def work(store: Database) -> tuple[float, int]:
        kept = Kept(database=store, clock=clock, folder=folder, sender=Sender())
        await kept.open()
        uuids: list[str] = []
        for first in range(0, burst, TOGETHER):
            numbers = range(first, min(burst, first + TOGETHER))
            items = [
                kept.sender.item(source=f"vedette.in.structured.probe{one % 40}", target=f"t{one}") for one in numbers
            ]
            uuids += await kept.commit(*items, stamped=False)
        exports = Exports(database=store, clock=clock, sharing=section)
        waking = ShareWaking(database=store, exports=exports)
        cpu = time.process_time()
        waiting = 0
        # As the agent gets them: a batch at a time.
        for start in range(0, len(uuids), TOGETHER):
            waiting = max(waiting, len(await waking.wake(uuids[start : start + TOGETHER], by=by)))
        return time.process_time() - cpu, waiting

    with Database(places[0]) as store:
        return asyncio.run(work(store))


def alone(measure: Callable[..., Any], *arguments: Any) -> Any:
    """Measure in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


@contextlib.contextmanager
def places_of(folder: Path, *, postgresql: bool) -> Iterator[Callable[[], Places]]:
    """Give what makes a new store and a new graph."""
    with contextlib.ExitStack() as stack:
        server = None
        if postgresql:
            from tests.registry.postgresql import running_postgres

            server = stack.enter_context(running_postgres())

        def url() -> str:
            name = f"b{uuid4().hex}"
            if server is None:
                return f"sqlite:///{folder / name}.db"
            from tests.registry.postgresql import postgres_sql, postgres_url

            postgres_sql(server, f"CREATE DATABASE {name}")
            return postgres_url(server, name)

        def make() -> Places:
            places = url(), url()
            for database in (Database(places[0]), graph_database(places[1])):
                database.migrate()
            return places

        yield make


def run_gather(places: Places, folder: Path, rows: int) -> None:
    """Print what it costs to gather, beside reading what it is made of."""
    begun = time.perf_counter()
    vertices = alone(fill, places, folder, rows)
    say(f"{vertices} vertices merged in {time.perf_counter() - begun:.0f} s")
    seconds, cpu, memory, facts, reading = alone(gather, places)
    say(f"gathered {facts} facts in {seconds:.1f} s, {memory:.0f} MB")
    Figure(name="sharing_gather", value=facts / cpu, unit="facts/CPU s", cpu_s=cpu, peer=facts / reading).emit()
    Figure(name="sharing_gather_memory", value=memory, unit="MB").emit()


def run_feed(folder: Path, events: int) -> None:
    """Print what a feed costs: made, made again without a change, and with one event that changed."""
    first, again, one, memory = alone(feed, folder, events)
    Figure(name="sharing_feed", value=first, unit="CPU s").emit()
    Figure(name="sharing_feed_unchanged", value=again, unit="CPU s", peer=first).emit()
    Figure(name="sharing_feed_one", value=one * 1_000, unit="CPU ms", peer=first * 1_000).emit()
    Figure(name="sharing_feed_memory", value=memory, unit="MB").emit()


def run_collection(places: Places, objects: int) -> None:
    """Print what it costs to fill a collection of the TAXII server, and to read it page by page."""
    first, again, memory, total, pages = alone(collection, places, objects // 4)
    say(f"collection of {total} objects: {first:.1f} CPU s, again {again:.1f}, {len(pages)} pages")
    Figure(name="taxii_fill", value=total / first, unit="objects/CPU s", cpu_s=first).emit()
    Figure(name="taxii_fill_unchanged", value=again, unit="CPU s", peer=first).emit()
    Figure(name="taxii_fill_memory", value=memory, unit="MB").emit()
    Figure(name="taxii_page_p95", value=percentile(pages, 0.95) * 1_000, unit="ms", cpu_s=sum(pages)).emit()


def run_sink(folder: Path, url: str, facts: int) -> None:
    """Print how many rows a second the SQL sink writes, beside SQLAlchemy without us."""
    first, again, plain, rows = alone(sink, folder, url, facts)
    Figure(name="sql_sink", value=rows / first, unit="rows/s", peer=1 / plain).emit()
    Figure(name="sql_sink_unchanged", value=again, unit="s", peer=first).emit()


def run_wake(places: Places, folder: Path, burst: int) -> None:
    """Print what it costs to find the shares that a burst of items belongs to."""
    cpu, waiting = alone(wake, places, folder, burst)
    say(f"{burst} items woke {waiting} of {SHARES} shares in {cpu:.1f} CPU s")
    Figure(name="sharing_wake", value=burst / cpu, unit="items/CPU s", cpu_s=cpu).emit()


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few facts")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL, where it is installed")
    arguments = parser.parse_args()
    share = 0.02 if arguments.quick else 1.0
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        make = stack.enter_context(places_of(folder, postgresql=arguments.postgresql))
        run_gather(make(), folder, round(FACTS * 0.6 * share))
        run_feed(folder, round(EVENTS * share))
        run_collection(make(), round(OBJECTS * share))
        run_sink(folder, make()[0], round(FACTS * share))
        run_wake(make(), folder, round(BURST * share))


if __name__ == "__main__":
    main()
