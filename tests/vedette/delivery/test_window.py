"""The sender's window and the delays between attempts."""

from __future__ import annotations

import random

from vedette.delivery.backoff import Backoff
from vedette.delivery.window import ANSWER_FIRST, ANSWER_LEAST, Flight, Window


def flight(name: str, last_seq: int, engine: str = "e@localhost") -> Flight:
    return Flight(engine=engine, manifest_sha256=name, uuids=(name,), text="", encoding=None, seqs=(last_seq,))


def test_what_is_sent_is_due_again_only_without_an_answer() -> None:
    window = Window()
    window.add(flight("a", 3))
    (due,) = window.due(0.0)
    window.sent(due, 0.0)
    assert window.due(ANSWER_FIRST - 0.1) == []
    assert window.due(ANSWER_FIRST) == [due]
    assert window.answered("a", ANSWER_FIRST) is due
    assert window.answered("a", ANSWER_FIRST) is None
    assert len(window) == 0


def test_quick_answers_shorten_the_wait_and_retries_lengthen_it() -> None:
    window = Window()
    for number in range(50):
        window.add(flight(str(number), number))
        window.sent(window.due(0.0)[0], 0.0)
        window.answered(str(number), 0.05)
    window.add(flight("slow", 99))
    (slow,) = window.due(0.0)
    window.sent(slow, 0.0)
    assert slow.due == ANSWER_LEAST
    window.sent(slow, 10.0)
    assert slow.due == 10.0 + 2 * ANSWER_LEAST


def test_the_window_is_bounded_and_knows_where_to_go_on() -> None:
    window = Window(size=2)
    window.add(flight("a", 3))
    assert window.has_room
    window.add(flight("b", 9))
    assert not window.has_room
    assert window.last_seq == 9
    assert window.seqs() == {3, 9}


def test_a_refused_batch_waits_and_a_new_connection_sends_all_again() -> None:
    window = Window()
    window.add(flight("a", 1))
    window.delayed("a", 10.0)
    assert window.due(10.0) == []
    assert window.next_due() is not None
    window.all_due()
    assert len(window.due(0.0)) == 1
    window.delayed("unknown", 0.0)


def test_delays_double_up_to_their_bound_and_start_over() -> None:
    backoff = Backoff(first=1.0, most=8.0, random=random.Random(1))
    delays = [backoff.next() for _ in range(6)]
    for delay, bound in zip(delays, [1, 2, 4, 8, 8, 8], strict=True):
        assert bound / 2 <= delay <= bound
    backoff.reset()
    assert backoff.next() <= 1.0


def test_what_goes_to_an_engine_that_is_gone_leaves_the_window() -> None:
    window = Window()
    window.add(flight("a", 1, "one@localhost"))
    window.add(flight("b", 2, "two@localhost"))
    window.keep_engines(["two@localhost"])
    assert window.seqs() == {2}
