"""What Stucco's clients ask, and what nobody should."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.errors import RefusedError
from vedette.graph.port import VertexFilter
from vedette.graph.stucco_question import DAY, MAX_OFFSET, PageWanted, VertexReference, reference_of, search_of


def ask(question: Any, **more: Any) -> Any:
    return search_of(orjson.dumps(question).decode(), **more)


def test_description_and_source_document_contain_all_else_is_equal() -> None:
    found = ask({"vertexType": "IP", "description": "bad", "sourceDocument": "x", "ipInt": 7, "observableType": "A"})
    assert found.wanted == VertexFilter(
        type="IP",
        observable_type="A",
        equals={"ipInt": "7"},
        contains={"description": "bad", "sourceDocument": "x"},
    )
    assert ask({"name": "n", "text": "some words"}).wanted == VertexFilter(name="n", text="some words")


def test_days_count_back_from_now() -> None:
    assert ask({"days": "2"}, now=10 * DAY).wanted.since == 8 * DAY


@pytest.mark.parametrize("page", [{"page": 3, "pageSize": 7}, {"page": "3", "pageSize": "7"}])
def test_a_page_is_a_number_or_a_text_in_the_search(page: dict[str, Any]) -> None:
    assert ask(page).page == PageWanted(number=3, size=7)
    assert ask(page).page.offset == 21


def test_a_page_may_stand_beside_the_search() -> None:
    assert search_of("", page="3", size="7").page == PageWanted(number=3, size=7)
    assert search_of("{}").page.number == 0


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("{", "q"),
        ("[]", "q"),
        ("1", "q"),
        ('"x"', "q"),
        ("{}" * 10_000, "q"),
        ('{"name": {}}', "name"),
        ('{"name": ""}', "name"),
        ('{"name": null}', "name"),
        ('{"name": true}', "name"),
        ('{"name": ["a", "b"]}', "name"),
        ('{"name": "a\\u0000b"}', "name"),
        ('{"text": 1.5e400}', "q"),
        ('{"a b": "x"}', "q"),
        ('{"": "x"}', "q"),
        ('{"page": -1}', "page"),
        ('{"page": 1.5}', "page"),
        ('{"page": true}', "page"),
        ('{"page": 99999999999999999999}', "page"),
        ('{"pageSize": 0}', "pageSize"),
        ('{"pageSize": 1001}', "pageSize"),
        ('{"page": ' + str(MAX_OFFSET) + "}", "page"),
        ('{"days": 0}', "days"),
        ('{"days": "many"}', "days"),
    ],
)
def test_what_is_no_search_is_refused_by_field(question: str, field: str) -> None:
    with pytest.raises(RefusedError) as refused:
        search_of(question)
    assert refused.value.field == field


def test_a_path_names_a_vertex_by_id_or_by_type_and_name() -> None:
    assert reference_of("stucco:IP-1") == VertexReference(id="stucco:IP-1")
    assert reference_of("vertexType=IP&name=10.0.0.1&id=7") == VertexReference(type="IP", name="10.0.0.1", id="7")
    encoded = quote("vertexType=IP&name=10.0.0.1&id=7", safe="")
    assert reference_of(encoded) == VertexReference(type="IP", name="10.0.0.1", id="7")


def test_an_encoded_separator_belongs_to_the_name_and_so_does_one_that_leads_to_nothing() -> None:
    assert reference_of("vertexType=URI&name=http%3A%2F%2Fa%2F%3Fx%3D1%26id%3D2&id=3") == VertexReference(
        type="URI", name="http://a/?x=1&id=2", id="3"
    )
    assert reference_of("name=a&b=c&id=3") == VertexReference(name="a&b=c", id="3")


@pytest.mark.parametrize("path", ["", "vertexType=IP", "name=&id=", "name=%00", "name=" + "x" * 3000, "%00"])
def test_a_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(RefusedError):
        reference_of(path)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60).filter(lambda text: "\0" not in text))
def test_every_name_comes_through_encoded(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    if name:
        sent = f"vertexType=x&name={quote(name, safe='')}&id=1"
        assert reference_of(sent) == VertexReference(type="x", name=name, id="1")
