"""Declarative mappings: what one says, and that a wrong one is told with the file and the key."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from vedette.errors import ConfigurationError
from vedette.extraction import sources
from vedette.extraction.building import Building
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.making import MAKES
from vedette.extraction.mapped import MappedExtractor, Reader, reader
from vedette.extraction.mapping import load_mapping
from vedette.extraction.subgraph import Position, Subgraph

GOOD = """
source: Test
columns: [name, ip, port, words, when, count]
vertices:
  thing: {make: domain, of: [name]}
  address: {make: socket, of: [ip, port]}
edges:
  - {from: thing, to: address}
"""

Extract = Callable[..., Subgraph]


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """Return a function that reads a document by the text of a mapping."""

    def read(mapping: str, content: str, **meta: str) -> Subgraph:
        file = tmp_path / "test.yml"
        file.write_text(textwrap.dedent(mapping), "utf-8")
        building = Building(source="Test")
        Reader(load_mapping(file)).read(Document(content=content.encode(), meta=meta), building)
        return building.done()

    return read


def names(subgraph: Subgraph) -> list[str]:
    return [vertex.name for vertex in subgraph.vertices.values()]


def test_a_row_makes_vertices_and_relations(extract: Extract) -> None:
    subgraph = extract(GOOD, "a.example,10.0.0.1,80\nb.example,10.0.0.1,80\n")

    named = {id: vertex.name for id, vertex in subgraph.vertices.items()}
    stated = {(named[edge.out_id], named[edge.in_id]) for edge in subgraph.edges}
    assert stated >= {("a.example", "10.0.0.1:80"), ("b.example", "10.0.0.1:80")}
    assert {edge.position.label for edge in subgraph.edges} == {"row 1", "row 2"}


def test_what_is_empty_makes_nothing_and_is_no_problem(extract: Extract) -> None:
    subgraph = extract(GOOD, "a.example,,80\n")

    assert names(subgraph) == ["a.example"]
    assert not subgraph.edges
    assert not subgraph.skipped


def test_a_row_that_makes_nothing_at_all_is_said(extract: Extract) -> None:
    subgraph = extract(GOOD, "a.example,,80\n,10.0.0.1,\n,x,80\n")

    assert [(problem.position.label, problem.reason) for problem in subgraph.problems] == [
        ("row 2", "none of its columns says anything"),
        ("row 3", "'x' is no IP address"),
    ]


def test_a_type_of_ones_own_is_made(extract: Extract) -> None:
    mapping = """
    source: Test
    columns: [name, ip, words]
    vertices:
      actor: {type: Threat_Actor, of: [name], properties: {alias: {from: words, many: ";"}}}
      key: {type: Observable, observable: Windows Registry Key, of: ["{name}|{ip|words}"]}
    """

    subgraph = extract(mapping, "bear,,fancy; sofacy ;\n")

    assert [(vertex.type, vertex.observable_type, vertex.name) for vertex in subgraph.vertices.values()] == [
        ("Threat_Actor", "", "bear"),
        ("Observable", "Windows Registry Key", "bear|fancy; sofacy ;"),
    ]
    assert next(iter(subgraph.vertices.values())).properties["alias"] == ("fancy", "sofacy")


def test_cells_are_read_as_the_mapping_says(extract: Extract) -> None:
    mapping = """
    source: Test
    columns: [name, number, seconds, milliseconds, time, set, host]
    vertices:
      thing:
        make: malware
        of: [name]
        properties:
          number: {from: number, as: number, again: sum}
          seconds: {from: seconds, as: seconds, again: least}
          milliseconds: {from: milliseconds, as: milliseconds}
          time: {from: time, as: time, again: greatest}
          set: {from: set, again: union}
          words: "{set} on {@host}"
    """

    subgraph = extract(
        mapping, "m,1,1.5,7,2020-01-01,a\nm,2.5,1,9,2020-01-02 00:00:00+00,b\nm,x,x,x,x\n", host="web1"
    )

    (vertex,) = subgraph.vertices.values()
    said = {name: vertex.properties[name] for name in ("number", "seconds", "milliseconds", "time", "set", "words")}
    assert said == {
        **{"number": 3.5, "seconds": 1000, "milliseconds": 7, "time": 1577923200000, "set": ("a", "b")},
        "words": "a on web1",
    }
    assert [problem.reason for problem in subgraph.problems] == [
        *("milliseconds: 'x' is not in milliseconds", "number: 'x' is not in number"),
        *("seconds: 'x' is not in seconds", "time: 'x' is not in time"),
    ]


def test_rows_without_what_is_needed_are_bad_ones_and_others_are_left_out(extract: Extract) -> None:
    mapping = GOOD + "needs: [name]\naddresses: [ip]\nleave-out: {words: [Ignored]}\n"

    subgraph = extract(mapping, ",10.0.0.1,80\na,b,80\na,10.0.0.1,80,IGNORED\nb,10.0.0.2,80\n")

    assert [problem.reason for problem in subgraph.problems] == ["no name", "ip: 'b' is no IP address"]
    assert names(subgraph)[0] == "b"


def test_objects_are_rows_too(extract: Extract) -> None:
    mapping = """
    source: Test
    rows: json
    columns: [name, inner.ip, inner.deep.port]
    vertices:
      address: {make: socket, of: [inner.ip, inner.deep.port]}
    """

    subgraph = extract(mapping, '[{"inner": {"ip": "::1", "deep": {"port": 80}}}, {"inner": []}, 5]')

    assert "[::1]:80" in names(subgraph)
    assert [str(problem.position) for problem in subgraph.problems] == ["record 2 [49-62]", "record 3 [64-65]"]


def test_what_is_of_the_document_is_made_even_without_rows(extract: Extract) -> None:
    mapping = "source: Test\ncolumns: [a]\nvertices: {host: {make: hostname, of: ['@host']}}"

    assert names(extract(mapping, "a\n", agent="web1@example.org")) == ["web1@example.org"]
    assert not extract(mapping, "", agent="web1@example.org")


WRONG = [
    ("make: domain", "make: domian", r"vertices\.thing\.make: 'domian' is not known; did you mean 'domain'\?"),
    ("make: domain, ", "", r"vertices\.thing\.make: must be there, or else type"),
    ("make: domain, ", "make: domain, type: X, ", r"vertices\.thing\.make: must be there, or else type; not both"),
    ("of: [ip, port]", "of: [ip]", r"vertices\.address\.of: must have 2 terms"),
    ("of: [name]", "of: [nmae]", r"vertices\.thing\.of: 'nmae' is no column; did you mean 'name'\?"),
    ("of: [name]", "of: ['{nmae}']", r"vertices\.thing\.of: 'nmae' is no column"),
    ("of: [name]", "of: ['name|nmae']", r"vertices\.thing\.of: 'nmae' is no column"),
    ("of: [name]", "of: [{from: name, as: nubmer}]", r"vertices\.thing\.of\.0\.as: .*number"),
    ("of: [name]", "of: [name], properties: {a: b}", r"vertices\.thing\.properties\.a: 'b' is no column"),
    ("of: [name]", "of: [name], properties: {name: ip}", r"vertices\.thing\.properties: 'name' is what"),
    ("to: address", "to: adress", r"edges\.0: 'adress' is no vertex; did you mean 'address'\?"),
    ("to: address", "to: address, properties: {a: b}", r"edges\.0\.properties\.a: 'b' is no column"),
    ("source: Test", "source: Test\nneeds: [b]", r"needs: 'b' is no column"),
    ("source: Test", "source: Test\naddresses: [b]", r"addresses: 'b' is no column"),
    ("source: Test", "source: Test\nleave-out: {b: [c]}", r"leave-out: 'b' is no column"),
    ("source: Test", "source: Test\nsynonyms: {c: b}", r"synonyms\.c: 'b' is no column"),
    ("source: Test", "sorce: Test", r"sorce: "),
    ("source: Test", "source: Test\nseparator: ab", r"separator: "),
]


@pytest.mark.parametrize(("right", "wrong", "reason"), WRONG)
def test_a_wrong_mapping_is_told_with_its_file_and_key(tmp_path: Path, right: str, wrong: str, reason: str) -> None:
    file = tmp_path / "wrong.yml"
    file.write_text(GOOD.replace(right, wrong, 1), "utf-8")

    with pytest.raises(ConfigurationError, match=rf"wrong\.yml: {reason}"):
        load_mapping(file)


def test_another_one_adds_a_source_with_a_file_and_a_class(tmp_path: Path) -> None:
    file = tmp_path / "theirs.yml"
    file.write_text(GOOD, "utf-8")

    class Theirs(MappedExtractor):
        name = "theirs"
        summary = "A test"
        mapping = file
        source = "Another"

    subgraph = Theirs().extract(Document(content=b"a.example,10.0.0.1,80\n"))

    assert {vertex.properties["source"] for vertex in subgraph.vertices.values()} == {("Another",)}
    with pytest.raises(ExtractionError, match="none of its rows can be read"):
        Theirs().extract(Document(content=b'a,b,"c\n'))


@pytest.mark.parametrize("file", sorted(Path(sources.__file__).parent.glob("*.yml")), ids=lambda file: file.stem)
def test_the_mappings_that_come_with_vedette_are_good(file: Path) -> None:
    assert reader(file).mapping.vertices


@pytest.mark.parametrize("make", sorted(MAKES))
def test_everything_that_can_be_made_is_made_of_texts(make: str) -> None:
    building = Building(source="Test")
    texts = {"address-range": ["10.0.0.1", "10.0.0.9"], "dns-record": ["a.example", "10.0.0.9"], "port": ["80"]}
    of = texts.get(make, ["10.0.0.1", "10", "10.0.0.2", "20"][: MAKES[make].most])

    made = MAKES[make].make(building, of, Position("row 1"), {"note": "n"})

    assert building.done().vertices[made].properties["note"] == "n"
