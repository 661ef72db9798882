from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sharing_cases import everything, scanned
from tests.vedette.sharing.feed.subscriber import Subscriber, living_of
from vedette.sharing.feed.exporter import Feed
from vedette.sharing.feed.folder import MANIFEST
from vedette.sharing.misp.event import misp_event

ROOT = Path(__file__).resolve().parents[4]

WRITER = """
import itertools, sys
from dataclasses import replace
from pathlib import Path
from tests.sharing_cases import everything, scanned
from vedette.sharing.feed.exporter import Feed
for turn in itertools.count():
    found = everything()
    Feed().write([replace(found, facts=found.facts[turn % 7 :], edges=()), scanned()], Path(sys.argv[1]))
    print(turn, flush=True)
"""
"""Writes a feed again and again, each time another."""


@pytest.mark.long
def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_feed(tmp_path: Path) -> None:
    chance, subscriber = random.Random(9), Subscriber()
    for _ in range(40):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        assert writer.stdout is not None
        with writer, writer.stdout as said:
            said.readline()
            try:
                writer.wait(chance.random() / 4)
            except subprocess.TimeoutExpired:
                writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        for uuid, entry in json.loads((tmp_path / MANIFEST).read_bytes()).items():
            event = json.loads((tmp_path / f"{uuid}.json").read_bytes())["Event"]
            assert int(event["timestamp"]) >= int(entry["timestamp"])
        subscriber.pull(lambda name: json.loads((tmp_path / name).read_bytes()))
    Feed().write([everything(), scanned()], tmp_path)
    subscriber.pull(lambda name: json.loads((tmp_path / name).read_bytes()))
    for found in (everything(), scanned()):
        assert subscriber.living(str(found.uuid)) == living_of(misp_event(found).event)
