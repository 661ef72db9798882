"""Given lists of feeds of other readers, when they are imported, then they are sources, and go out again."""

from __future__ import annotations

import pytest

from vedette.collection.configuration import SourceConfiguration
from vedette.collection.opml import read_opml, write_opml
from vedette.errors import ConfigurationError

OPML = b"""<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body>
<outline text="Group"><outline type="rss" text="A &amp; B news!" xmlUrl="https://a.example/feed?x=1&amp;y=2"/></outline>
<outline xmlUrl="https://b.example/"/><outline title="again" xmlUrl="https://b.example/"/><outline text="no feed"/>
</body></opml>"""


def test_there_and_back() -> None:
    sources = [SourceConfiguration.model_validate(entry) for entry in read_opml(OPML, place="x.opml")]
    assert [(source.source_name, source.source_uri) for source in sources] == [
        ("A-B-news", "https://a.example/feed?x=1&y=2"),
        ("again", "https://b.example/"),
    ]
    assert all(source.timetable is not None and source.type == "RSS" for source in sources)
    again = read_opml(write_opml(sources, title="Vedette"), place="out")
    assert again == [entry | {"source-name": entry["source-name"]} for entry in read_opml(OPML, place="x.opml")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<opml", "is not OPML"),
        (b"<rss/>", "begins with <rss>"),
        (b"<opml><body/></opml>", "lists no feed"),
        (b'<!DOCTYPE o [<!ENTITY a "b">]><opml><body/></opml>', "is not OPML"),
        (b'<!DOCTYPE o SYSTEM "file:///etc/passwd"><opml><body/></opml>', "is not OPML"),
        (b'<?xml version="1.0" encoding="nonsense"?><opml/>', "is not OPML"),
    ],
    ids=["cut", "feed", "empty", "entity", "external", "encoding"],
)
def test_what_is_no_opml_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        read_opml(data, place="x.opml")
