from __future__ import annotations

import pytest

from vedette.pieces import pieces


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3])])
def test_a_list_comes_in_pieces_and_in_its_order(count: int, sizes: list[int]) -> None:
    whole = list(range(count))
    found = list(pieces(whole, 3))
    assert [len(piece) for piece in found] == sizes
    assert [one for piece in found for one in piece] == whole
