"""The files beside the pages: all of them listed, and none that reaches elsewhere."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from web.static_files import static_files


def test_every_file_in_the_folder_is_listed_and_the_other_way_round() -> None:
    assert {entry.name for entry in (files("web") / "static").iterdir()} == set(static_files())


@pytest.mark.parametrize("name", sorted(static_files()))
def test_no_file_names_another_origin_or_evaluates_text(name: str) -> None:
    text = static_files()[name].body.decode()
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|new Function|document\.write|@import", text
    )
