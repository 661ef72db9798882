"""XML trees: names, texts and places; what is refused."""

from __future__ import annotations

import pytest

from vedette.extraction import xml_tree
from vedette.extraction.interface import ExtractionError
from vedette.extraction.xml_tree import read_xml

LAUGHS = b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]><a>&d;</a>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


def test_each_element_knows_its_bytes() -> None:
    content = b' <?xml version="1.0"?><a:b x="1>2"><c y=\'>\'/><d>hi <e>there</e> you</d><f></f></a:b>'
    places = {element.name: content[element.start : element.end] for element in read_xml(content).walk()}
    assert places["b"] == content[content.index(b"<a:b") :]
    assert places["c"] == b"<c y='>'/>"
    assert places["d"] == b"<d>hi <e>there</e> you</d>"
    assert places["f"] == b"<f></f>"


def test_texts_and_attributes_are_found_whatever_the_prefix() -> None:
    root = read_xml(b'<s:a xsi:type="Q:ThingType" z:id=" 7 "><s:b><t:c>one</t:c></s:b><b><c>two</c></b><b/></s:a>')
    assert root.type == "ThingType"
    assert root.attribute("id") == "7"
    assert root.attribute("nothing") == ""
    assert root.texts("b/c") == ["one", "two"]
    assert root.find("b/c") == "one"
    assert root.find("b/d") == ""
    assert root.whole_text == "one two"


def test_long_and_broken_up_texts_are_whole() -> None:
    content = b"<a>" + b"0123456789" * 1_000_000 + b"&amp;<b/>&#65;</a>"
    assert read_xml(content).text == "0123456789" * 1_000_000 + "&A"


def test_wide_encodings_have_no_places() -> None:
    root = read_xml('<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode("utf-16"))
    assert root.text == "é"
    assert root.position("x").start is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no element found"),
        (b"<a><b></a>", "mismatched tag"),
        (b"<a/>more", "junk"),
        (b"<a>\0</a>", "not well-formed"),
        (b'<?xml version="1.0" encoding="none-such"?><a/>', "unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "multi-byte"),
        (LAUGHS, "document type"),
        (OUTSIDE, "document type"),
        (b"<a>" * 100_000, "nested more than 200 deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        read_xml(content)


def test_a_document_has_a_bounded_number_of_elements_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "MAX_ELEMENTS", 3)
    monkeypatch.setattr(xml_tree, "MAX_DOCUMENT", 30)
    assert len(list(read_xml(b"<a><b/><c/></a>").walk())) == 3
    with pytest.raises(ExtractionError, match="more than 3 elements"):
        read_xml(b"<a><b/><c/><d/></a>")
    with pytest.raises(ExtractionError, match="more than 30 bytes"):
        read_xml(b"<a>" + b"x" * 30 + b"</a>")
