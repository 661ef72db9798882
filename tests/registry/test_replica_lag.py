"""How far a replica is behind, by our own clock."""

from __future__ import annotations

from registry.replica_lag import KEPT, ReplicaLag


def test_it_is_as_old_as_the_first_thing_that_it_lacks() -> None:
    lag = ReplicaLag()
    assert lag.seconds(now=0.0, written=100, replayed=100) == 0.0
    assert lag.seconds(now=1.0, written=200, replayed=100) == 0.0
    assert lag.seconds(now=2.0, written=300, replayed=150) == 1.0
    assert lag.seconds(now=3.0, written=300, replayed=200) == 1.0
    assert lag.seconds(now=4.0, written=300, replayed=299) == 2.0
    assert lag.seconds(now=5.0, written=300, replayed=300) == 0.0


def test_a_store_in_which_nothing_happens_has_no_lag() -> None:
    lag = ReplicaLag()
    for now in range(0, 100_000, 1_000):
        assert lag.seconds(now=float(now), written=7, replayed=7) == 0.0


def test_a_replica_that_is_ahead_of_what_was_asked_is_not_behind() -> None:
    assert ReplicaLag().seconds(now=1.0, written=10, replayed=12) == 0.0


def test_after_another_store_took_over_the_old_ones_end_is_not_waited_for() -> None:
    lag = ReplicaLag()
    lag.seconds(now=0.0, written=1_000, replayed=500)
    assert lag.seconds(now=1.0, written=600, replayed=600) == 0.0


def test_a_long_absence_is_remembered_in_little() -> None:
    lag = ReplicaLag()
    for now in range(KEPT + 100):
        assert lag.seconds(now=float(now), written=now + 1, replayed=0) == now
    # All that it has come to know late is rather taken for old.
    assert lag.seconds(now=KEPT + 100.0, written=KEPT + 100, replayed=KEPT + 99) >= 1.0
    assert lag.seconds(now=KEPT + 101.0, written=KEPT + 101, replayed=KEPT + 101) == 0.0
