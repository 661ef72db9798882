from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sharing_cases import everything, hostile, large, scanned
from tests.sharing_parts import accused, fact, investigation
from tests.timing import PATIENCE
from tests.vedette.sharing.feed.subscriber import Subscriber, living_of
from vedette.clock import ManualClock
from vedette.errors import ConfigurationError
from vedette.sharing.exporter import ComeAgainError, ExportError, Outfit
from vedette.sharing.feed.exporter import Feed
from vedette.sharing.feed.folder import HASHES, MANIFEST, FeedFolder
from vedette.sharing.investigation import Investigation
from vedette.sharing.misp.event import misp_event


def outfit(folder: Path, **settings: Any) -> Outfit:
    class Forgetful:
        async def recall(self, keys: Any) -> dict[str, str]:
            return {}

        async def remember(self, values: Any) -> None:
            raise AssertionError("the folder is all that a feed remembers")

    return Outfit(clock=ManualClock(), name="partners", settings=settings, folder=folder, memory=Forgetful())


def without(found: Investigation) -> Investigation:
    """The same, with nothing in it any more."""
    return replace(found, facts=(), edges=(), scans=(), proofs=())


def state(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix in {".json", ".csv"}}


def written(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells of each file whether it was written again: another takes its place, maybe within a clock's tick."""
    return {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.iterdir()}


def hashes(folder: Path) -> dict[str, int]:
    rows = [line.split(",") for line in (folder / HASHES).read_text().splitlines()]
    assert rows == sorted(rows, key=lambda row: (row[1], row[0]))
    return {uuid: sum(row[1] == uuid for row in rows) for _, uuid in rows}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_subscribes_over_http_and_follows_every_change(tmp_path: Path) -> None:
    feed, subscriber, found = tmp_path / "feed", Subscriber(), everything()
    less = replace(found, facts=found.facts[::2], edges=(), proofs=())
    with served(feed) as url, httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:

        def read(name: str) -> Any:
            return client.get(name).raise_for_status().json()

        Feed().write([found, scanned()], feed)
        subscriber.pull(read)
        assert sorted(subscriber.fetched) == sorted([str(found.uuid), str(scanned().uuid)])
        for now in (less, found, without(found), less):
            subscriber.fetched.clear()
            Feed().write([now], feed)
            subscriber.pull(read)
            assert subscriber.fetched == [str(found.uuid)]
            assert subscriber.living(str(found.uuid)) == living_of(misp_event(now).event)
        subscriber.fetched.clear()
        Feed().write([less, scanned()], feed)
        subscriber.pull(read)
        assert subscriber.fetched == []


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    Feed().write([everything(), scanned(), hostile()], tmp_path)
    before = written(tmp_path)
    Feed().write([everything(), scanned(), hostile()], tmp_path)
    assert written(tmp_path) == before
    Feed().write([replace(scanned(), title="Other")], tmp_path)
    assert {name for name, _ in written(tmp_path).items() - before.items()} == {
        f"{scanned().uuid}.json",
        MANIFEST,
        HASHES,
    }


def test_the_order_and_the_pieces_in_which_it_is_written_do_not_show(tmp_path: Path) -> None:
    Feed().write([everything(), scanned(), hostile()], tmp_path / "one")
    for found in (hostile(), everything(), scanned()):
        Feed().write([found], tmp_path / "other")
    assert state(tmp_path / "one") == state(tmp_path / "other")


def test_hashes_are_of_what_is_alive(tmp_path: Path) -> None:
    facts = [accused("IP", "203.0.113.1"), fact("Observable/Domain Name", "evil.example")]
    found = investigation("x", facts)
    Feed().write([found, scanned()], tmp_path)
    uuid = str(found.uuid)
    assert hashes(tmp_path)[uuid] == 2
    others = hashes(tmp_path)[str(scanned().uuid)]
    Feed().write([investigation("x", facts[:1])], tmp_path)
    assert hashes(tmp_path)[uuid] == 1
    assert hashes(tmp_path)[str(scanned().uuid)] == others


def crashed(tmp_path: Path) -> Iterator[Path]:
    """Every state in which a crash leaves a feed while an event is changed and another becomes known."""
    Feed().write([everything()], tmp_path / "before")
    new = [without(everything()), scanned()]
    Feed().write([everything()], tmp_path / "after")
    Feed().write(new, tmp_path / "after")
    before, later = state(tmp_path / "before"), state(tmp_path / "after")
    steps = [f"{everything().uuid}.json", f"{scanned().uuid}.json", HASHES, MANIFEST]
    for done in range(len(steps) + 1):
        folder = tmp_path / f"crash{done}"
        folder.mkdir()
        for name, data in (before | {name: later[name] for name in steps[:done]}).items():
            (folder / name).write_bytes(data)
        (folder / ".changing").write_text(json.dumps([str(one.uuid) for one in new]))
        (folder / ".half.0123.part").write_bytes(b"half")
        yield folder


def test_after_a_crash_the_next_writer_makes_good_whatever_it_writes(tmp_path: Path) -> None:
    expected = None
    for folder in crashed(tmp_path):
        names = set(json.loads((folder / MANIFEST).read_bytes()))
        assert names <= {file.stem for file in folder.glob("*.json")}, "the manifest never names what is not there"
        other = investigation("other", [accused("IP", "203.0.113.1")])
        Feed().write([other], folder)
        manifest = json.loads((folder / MANIFEST).read_bytes())
        events = {file.stem: json.loads(file.read_bytes())["Event"] for file in folder.glob("*-*.json")}
        assert {uuid: one["timestamp"] for uuid, one in manifest.items()} == {
            uuid: one["timestamp"] for uuid, one in events.items()
        }
        Feed().write([without(everything()), scanned()], folder)
        expected = expected or state(folder)
        assert state(folder) == expected
        assert not (folder / ".changing").exists()


@pytest.mark.parametrize("name", [MANIFEST, HASHES])
def test_an_index_that_was_removed_is_made_again(tmp_path: Path, name: str) -> None:
    Feed().write([everything(), scanned()], tmp_path)
    expected = state(tmp_path)
    (tmp_path / name).unlink()
    Feed().write([scanned()], tmp_path)
    assert state(tmp_path) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Event": 1}', '{"Event": '])
def test_a_damaged_event_is_not_overwritten_as_what_was_deleted_in_it_would_come_back(
    tmp_path: Path, text: str
) -> None:
    Feed().write([scanned()], tmp_path)
    file = tmp_path / f"{scanned().uuid}.json"
    file.write_text(text)
    with pytest.raises(ExportError, match=str(scanned().uuid)):
        Feed().write([scanned()], tmp_path)
    assert file.read_text() == text


@pytest.mark.parametrize("row", ["x\n", "\0\n", "ab,cd\n", "z" * 200_000, "\u20ac\n"])
def test_damaged_hashes_are_said_and_made_again_once_they_are_removed(tmp_path: Path, row: str) -> None:
    Feed().write([everything()], tmp_path)
    expected = (tmp_path / HASHES).read_bytes()
    (tmp_path / HASHES).write_bytes(expected + row.encode())
    with pytest.raises(ExportError, match="hashes.csv: cannot be read: row"):
        Feed().write([scanned()], tmp_path)
    (tmp_path / HASHES).unlink()
    Feed().write([], tmp_path)
    assert set(hashes(tmp_path)) == {str(everything().uuid), str(scanned().uuid)}
    assert set(expected.splitlines()) <= set((tmp_path / HASHES).read_bytes().splitlines())


def test_a_reader_sees_a_whole_feed_at_any_moment(tmp_path: Path) -> None:
    versions = [replace(everything(), facts=everything().facts[one:], edges=()) for one in range(12)]
    Feed().write(versions[:1], tmp_path)
    done, wrong = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            for uuid, said in json.loads((tmp_path / MANIFEST).read_bytes()).items():
                event = json.loads((tmp_path / f"{uuid}.json").read_bytes())["Event"]
                if int(event["timestamp"]) < int(said["timestamp"]):
                    wrong.append(uuid)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for version in versions:
            Feed().write([version, scanned()], tmp_path)
    finally:
        done.set()
        thread.join()
    assert wrong == []


def test_a_second_writer_is_told_to_come_again(tmp_path: Path) -> None:
    with FeedFolder(tmp_path).writing(), pytest.raises(ComeAgainError) as caught:
        Feed().write([scanned()], tmp_path)
    assert caught.value.seconds > 0
    assert not (tmp_path / MANIFEST).exists()
    Feed().write([scanned()], tmp_path)


def test_a_file_is_no_feed(tmp_path: Path) -> None:
    file = tmp_path / "feed"
    file.write_text("x")
    with pytest.raises(ExportError, match="no folder"):
        Feed().write([scanned()], file)


async def test_a_destination_plans_what_it_then_does(tmp_path: Path) -> None:
    destination = Feed().connect(outfit(tmp_path))
    plan = await destination.plan(everything())
    assert not (tmp_path / "feeds").exists()
    assert plan.total == len(plan.changes) > 50
    assert {str(one)[0] for one in plan.changes} == {"+"}
    assert plan.withheld
    done = await destination.send(everything(), only=plan.digest)
    assert (done.sent, done.unchanged, done.requests) == (plan.total, 0, 1)
    assert done.address == f"/feeds/partners/{everything().uuid}.json"
    again = await destination.send(everything())
    assert (again.sent, again.requests) == (0, 0)
    assert (await destination.plan(everything())).total == 0
    assert "partners" in await destination.check()
    await destination.aclose()


async def test_what_was_not_approved_is_not_published(tmp_path: Path) -> None:
    destination = Feed().connect(outfit(tmp_path))
    plan = await destination.plan(everything())
    with pytest.raises(ExportError, match="approved"):
        await destination.send(replace(everything(), title="Other"), only=plan.digest)
    assert state(tmp_path / "feeds" / "partners") == {}


async def test_a_destination_has_settings_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    destination = Feed().connect(outfit(tmp_path, path=str(path), distribution=1))
    await destination.send(scanned())
    assert json.loads((path / f"{scanned().uuid}.json").read_bytes())["Event"]["distribution"] == "1"
    with pytest.raises(ConfigurationError, match="distribution"):
        Feed().connect(outfit(tmp_path, distribution=9))


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    destination = Feed().connect(outfit(tmp_path, path="file/feed"))
    with pytest.raises(ExportError, match="file"):
        await destination.check()
    with pytest.raises(ExportError, match="file"):
        await destination.send(scanned())


def test_a_large_event_is_published_and_left_alone(tmp_path: Path) -> None:
    found = large(2_000)
    Feed().write([found], tmp_path)
    before = written(tmp_path)
    Feed().write([found], tmp_path)
    assert written(tmp_path) == before
    assert hashes(tmp_path)[str(found.uuid)] > 2_000
