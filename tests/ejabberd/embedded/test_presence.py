"""Presence is true: who is seen is there, who is gone is seen gone (RFC 6121 sections 3 and 4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from tests.timing import PATIENCE, bound

PING = "localhost"

DYING = """
import asyncio, sys
from pathlib import Path
from slixmpp import ClientXMPP

async def main():
    jid, password, ca_file, port = sys.stdin.readline().split()
    client = ClientXMPP(jid, password)
    client.ca_certs, client.enable_direct_tls = Path(ca_file), False
    client.connect("127.0.0.1", int(port))
    await client.wait_until("session_start", 90)
    client.send_presence(pshow="away", pstatus="working", ppriority=3)
    print("up", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def _befriend(watcher: Any, seen: Any, until: Any) -> None:
    watcher.send_presence_subscription(seen.boundjid.bare)
    await until(lambda: seen.seen("subscribe", watcher.boundjid.bare))
    seen.send_presence(pto=watcher.boundjid.bare, ptype="subscribed")
    await until(lambda: watcher.seen("available", seen.boundjid.bare))


async def test_a_subscription_shows_presence_at_once_and_each_change(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    assert a.seen("subscribed", "b@localhost")
    b.send_presence(pshow="dnd", pstatus="outbox full", ppriority=7)
    await until(lambda: any(stanza["show"] == "dnd" for stanza in a.presences))
    last = a.presences[-1]
    assert (last["status"], last["priority"], str(last["from"])) == ("outbox full", 7, "b@localhost/main")
    b.send_presence(ptype="unavailable", pstatus="bye")
    await until(lambda: a.seen("unavailable", "b@localhost"))
    assert a.presences[-1]["status"] == "bye"


async def test_one_who_is_not_subscribed_sees_nothing(connect: Any) -> None:
    a, b = await connect("a"), await connect("b")
    b.send_presence(pstatus="secret")
    a.send_presence(pto="b@localhost", ptype="probe")
    await b.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    await a.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    assert a.seen("available", "b@localhost") == []


async def test_a_subscriber_that_comes_late_sees_who_is_there(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    a.kill()
    b.send_presence(pshow="away", pstatus="still here")
    late = await connect("a", resource="late")
    await until(lambda: late.seen("available", "b@localhost"))
    assert late.seen("available", "b@localhost")[0]["status"] == "still here"


async def test_a_request_to_one_who_is_away_waits_for_them(connect: Any, until: Any) -> None:
    a = await connect("a")
    a.send_presence_subscription("b@localhost")
    await a.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    b = await connect("b")
    await until(lambda: b.seen("subscribe", "a@localhost"))
    b.send_presence(pto="a@localhost", ptype="subscribed")
    await until(lambda: a.seen("available", "b@localhost"))


async def test_a_request_to_nobody_is_refused(connect: Any, until: Any) -> None:
    a = await connect("a")
    a.send_presence_subscription("nobody@localhost")
    await until(lambda: a.seen("unsubscribed", "nobody@localhost"))


async def test_an_approval_that_nobody_asked_for_gives_nothing(connect: Any) -> None:
    a, b = await connect("a"), await connect("b")
    b.send_presence(pto="a@localhost", ptype="subscribed")
    b.send_presence(pstatus="changed")
    await b.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    await a.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    assert a.presences == a.seen("available", "a@localhost")


async def test_who_is_refused_does_not_learn_that_somebody_was_there(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    a.send_presence_subscription(pto="b@localhost", ptype="subscribe")
    await until(lambda: b.seen("subscribe", "a@localhost"))
    b.send_presence_subscription(pto="a@localhost", ptype="unsubscribed")
    await until(lambda: a.seen("unsubscribed", "b@localhost"))
    # And one who takes the wish back before the answer
    a.send_presence_subscription(pto="b@localhost", ptype="subscribe")
    a.send_presence_subscription(pto="b@localhost", ptype="unsubscribe")
    await until(lambda: b.seen("unsubscribe", "a@localhost"))
    await a.plugin["xep_0199"].ping("localhost", timeout=PATIENCE)
    assert not a.seen("unavailable", "b@localhost")


async def test_subscriptions_outlive_the_server(server: Any, connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    await server.embedded.stop()
    await server.embedded.start()
    again = await connect("a")
    await connect("b")
    await until(lambda: again.seen("available", "b@localhost"))


async def test_cancelling_hides_again(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    b.send_presence(pto="a@localhost", ptype="unsubscribed")
    await until(lambda: a.seen("unsubscribed", "b@localhost") and a.seen("unavailable", "b@localhost"))
    count = len(a.presences)
    b.send_presence(pstatus="unseen")
    await b.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    await a.plugin["xep_0199"].ping(PING, timeout=PATIENCE)
    assert len(a.presences) == count


async def test_the_roster_shows_both_directions(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    await _befriend(b, a, until)
    roster = (await a.get_roster())["roster"]["items"]
    assert {str(jid): item["subscription"] for jid, item in roster.items()} == {"b@localhost": "both"}
    await a.update_roster("b@localhost", name="Bee", groups=["probes"])
    item = (await a.get_roster())["roster"]["items"]["b@localhost"]
    assert (item["name"], item["groups"], item["subscription"]) == ("Bee", ["probes"], "both")
    await a.del_roster_item("b@localhost")
    await until(lambda: b.seen("unavailable", "a@localhost"))
    assert (await a.get_roster())["roster"]["items"] == {}


async def test_a_killed_process_is_seen_gone_within_two_seconds(server: Any, connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    b.kill()
    process = subprocess.Popen([sys.executable, "-c", DYING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert process.stdin is not None
    assert process.stdout is not None
    password, ca_file = server.passwords["b"], server.embedded.ca_file
    process.stdin.write(f"b@localhost/dying {password} {ca_file} {server.embedded.port}\n".encode())
    process.stdin.close()
    await until(lambda: a.seen("available", "b@localhost/dying"))
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    await until(lambda: a.seen("unavailable", "b@localhost/dying"))
    assert time.monotonic() - killed < bound(2.0)
    process.wait()
    process.stdout.close()
    a.send_message("b@localhost/dying", "to nobody")
    await a.plugin["xep_0199"].ping(PING, timeout=PATIENCE)


async def test_directed_presence_is_taken_back(connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    b.send_presence(pto="a@localhost", pstatus="only you")
    await until(lambda: a.seen("available", "b@localhost"))
    b.kill()
    await until(lambda: a.seen("unavailable", "b@localhost"))


async def test_a_removed_account_leaves_no_trace_in_rosters(server: Any, connect: Any, until: Any) -> None:
    a, b = await connect("a"), await connect("b")
    await _befriend(a, b, until)
    server.accounts.remove("b")
    await until(lambda: a.seen("unavailable", "b@localhost"))
    await until(lambda: a.seen("unsubscribed", "b@localhost"))
    assert (await a.get_roster())["roster"]["items"] == {}
