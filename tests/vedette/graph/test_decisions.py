"""Which nodes are the same: the rules, on values alone."""

from __future__ import annotations

from vedette.graph.decisions import MOST_CLAIMING, Known, Pair, group, judge, judge_names

UIDS = {number: bytes([number]) for number in range(200)}


def alias(text: str, holder: int | None, *claiming: int) -> Known:
    return Known(text=text, rule="alias", holder=holder, claiming=frozenset(claiming))


def states(*known: Known) -> dict[Pair, str]:
    return {nodes: verdict.state for (nodes, _), verdict in judge(known, UIDS).items()}


def test_the_only_one_that_is_known_by_a_name_is_the_same_as_its_holder() -> None:
    assert states(alias("zbot", 2, 1)) == {(1, 2): "same"}


def test_of_several_that_are_known_by_a_name_a_person_chooses() -> None:
    assert states(alias("zbot", 3, 1, 2)) == {(1, 3): "review", (2, 3): "review"}


def test_of_several_those_are_the_same_that_know_each_other() -> None:
    assert states(alias("zbot", 3, 1, 2), alias("zeus", 1, 3)) == {(1, 3): "same", (2, 3): "review"}


def test_two_that_are_known_by_a_name_that_nobody_has_are_reviewed() -> None:
    assert states(alias("zbot", None, 1, 2)) == {(1, 2): "review"}
    assert states(alias("trojan", None, *range(9))) == {}


def test_nodes_that_share_an_identifying_value_are_the_same_unless_it_is_everybodys() -> None:
    def shared(count: int) -> dict[Pair, str]:
        return states(Known(text="sha256:00", rule="key", holder=None, claiming=frozenset(range(count))))

    assert shared(1) == {}
    assert shared(3) == {(0, 1): "same", (0, 2): "same"}
    assert len(shared(MOST_CLAIMING)) == MOST_CLAIMING - 1
    assert shared(MOST_CLAIMING + 1) == {}


def names(scores: dict[Pair, float]) -> dict[Pair, str]:
    return dict(judge_names(scores, scores, same=0.9, uids=UIDS))


def test_names_that_are_alike_are_the_same_and_the_next_best_is_reviewed() -> None:
    assert names({(1, 2): 0.95, (2, 3): 0.8}) == {(1, 2): "same", (2, 3): "review"}
    # 2 is alike 1 and 3, which are not alike each other.
    assert names({(1, 2): 0.95, (2, 3): 0.92}) == {(1, 2): "same", (2, 3): "review"}
    assert names({(1, 2): 0.95, (2, 3): 0.92, (1, 3): 0.91}) == dict.fromkeys(((1, 2), (2, 3), (1, 3)), "same")


def test_a_tie_does_not_depend_on_numbers() -> None:
    scores = {(1, 2): 0.95, (2, 3): 0.95}
    turned = {1: b"c", 2: b"b", 3: b"a"}

    assert names(scores) == {(1, 2): "review", (2, 3): "same"}
    assert judge_names(scores, scores, same=0.9, uids=turned) == {(1, 2): "same", (2, 3): "review"}


def test_vertices_are_what_pairs_connect_and_the_least_uid_stands_for_them() -> None:
    uids = {1: b"c", 2: b"b", 3: b"a", 4: b"d"}

    assert group(uids, [(1.0, (1, 2)), (0.9, (2, 3))], ()) == {1: 3, 2: 3, 3: 3, 4: 4}


def test_what_is_apart_is_never_in_one_group_and_the_stronger_pair_stays() -> None:
    pairs = [(0.9, (2, 3)), (1.0, (1, 2))]

    assert group(dict(UIDS), pairs, [(1, 3)])[3] == 3
    assert group(dict(UIDS), [(1.0, (2, 3)), (0.9, (1, 2))], [(1, 3)]) == {**{n: n for n in UIDS}, 3: 2}


def test_what_is_named_by_an_id_has_its_aliases_for_names() -> None:
    def named_by_id(known: Known, *ids: int) -> dict[Pair, str]:
        return {nodes: verdict.state for (nodes, _), verdict in judge([known], UIDS, by_id=ids).items()}

    assert named_by_id(alias("aurora", None, 1, 2, 3), 1, 2, 3) == {(1, 2): "same", (1, 3): "same"}
    assert named_by_id(alias("aurora", None, 1, 2, 3), 1, 2) == {(1, 2): "same", (1, 3): "review", (2, 3): "review"}
    assert named_by_id(alias("aurora", 4, 1, 2, 3), 1, 2) == dict.fromkeys(((1, 4), (2, 4), (3, 4)), "same")
