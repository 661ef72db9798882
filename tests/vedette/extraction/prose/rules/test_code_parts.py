"""Functions and parameters: what stands where their names do, and is no common word."""

from __future__ import annotations

import time

import pytest

from vedette.extraction.prose.rules.code_parts import find_functions, find_parameters


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The parse_header() function overflows.", ["parse_header"]),
        ("a call of Foo::readBar(...) crashes", ["Foo::readBar"]),
        ("in the png_set_text_2 function in libpng", ["png_set_text_2"]),
        ("the getUser method", ["getUser"]),
        ("function ssl3_get_message is affected", ["ssl3_get_message"]),
        ("the `do_things` function", ["do_things"]),
        ("the main function of the group", []),
        ("This function is called by a method of theirs (see below).", []),
        ("users (all of them) and f (x)", []),
    ],
)
def test_functions_are_found(text: str, names: list[str]) -> None:
    assert [one.value or text[one.start : one.end] for one in find_functions(text)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("via the id parameter to index.php", ["id"]),
        ("the user_name parameter", ["user_name"]),
        ("via the (1) id, (2) name, or (3) user[mail] parameter to a.php", ["id", "name", "user[mail]"]),
        ("the 'sort' GET parameter", ["sort"]),
        ("via the page and order parameters", ["page", "order"]),
        ("manipulation of the argument cat_id leads to it", ["cat_id"]),
        ("an attacker uses the q query parameter", ["q"]),
        ("via a crafted parameter", []),
        ("the following parameters, the first parameter and the same parameter", []),
        ("a long argument and an environment variable", []),
        ("(1) this, (2) that, and (3) nothing of the kind", []),
        ("the parameter is not checked; the argument that they make", []),
    ],
)
def test_parameters_are_found(text: str, names: list[str]) -> None:
    found = sorted({(one.start, text[one.start : one.end]) for one in find_parameters(text)})

    assert [name for _, name in found] == names


@pytest.mark.parametrize("piece", ["(1) a, ", "a.", "a::", "the a, b ", "'a' ", "a_", "(1) a and (2) b "])
def test_the_time_grows_with_the_text_alone(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        begun = time.process_time()
        for find in (find_functions, find_parameters):
            list(find(text))
        return time.process_time() - begun

    seconds(10)
    # Ten times the text: a hundred times the time, were it quadratic.
    assert seconds(3_000) < 40 * seconds(300) + 0.5
