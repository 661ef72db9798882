"""The text of a page, and what of it is said."""

from __future__ import annotations

import html
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.prose.text.page import page_of

_PAGE = """<!DOCTYPE html><html><head><title>Foo &amp; <i>friends</i></title><script>var x="<p>no</p>";</script>
<style>p {}</style></head><body class="has-sidebar">
<nav><ul><li><a href=/>Home</a></li><li><a href=/b>Blog</a></li></ul></nav>
<div class="cookie-banner"><p>Cookies are used here.</p></div><div hidden>unseen</div>
<article><header><h1>Foo&#39;s new   loader</h1></header><!-- <p>no</p> --><p>The <b>Foo
 Group</b> used <i>BLINDING</i>CAN &lt;v1&gt; against A&amp;B &mdash; hosts.</p>
<ul><li>evil[.]example</li><li><a href="vt">d41d8cd98f00b204e9800998ecf8427e</a></li>
<li><a href="x">Read about our other articles</a></ul>
<table><tr><th>Hash</th><th>Name</th></tr><tr><td>abc</td><td>def</td></tr></table>
<pre><code>$ curl http://a.example
  rm -rf /</code></pre>
<p>1.2.3.4<br>5.6.7.8<br/>evil.example</p>
<p title="a > b">Last paragraph, unclosed
<p>Second one with 3 < 4 signs.
<aside>Related</aside></article><footer>Copyright 2024</footer></body></html>"""


def test_parts_of_a_page() -> None:
    page = page_of(_PAGE)
    assert page.title == "Foo & <i>friends</i>"
    assert [(block.kind, page.text[block.start : block.end]) for block in page.blocks] == [
        ("boilerplate", "Home"),
        ("boilerplate", "Blog"),
        ("boilerplate", "Cookies are used here."),
        ("heading", "Foo's new loader"),
        ("prose", "The Foo Group used BLINDINGCAN <v1> against A&B \u2014 hosts."),
        ("list", "evil[.]example"),
        ("list", "d41d8cd98f00b204e9800998ecf8427e"),
        ("boilerplate", "Read about our other articles"),
        ("table", "Hash\tName\nabc\tdef"),
        ("code", "$ curl http://a.example\n  rm -rf /"),
        ("list", "1.2.3.4"),
        ("list", "5.6.7.8"),
        ("list", "evil.example"),
        ("prose", "Last paragraph, unclosed"),
        ("prose", "Second one with 3 < 4 signs."),
        ("boilerplate", "Related"),
        ("boilerplate", "Copyright 2024"),
    ]


def test_what_is_outside_of_an_article_frames_it() -> None:
    said = "<p>Somebody used a loader against hosts of others.</p>" * 20
    page = page_of(f"<div>Our products are good.</div><main>{said}</main><div>More of them</div>")
    assert [block.kind for block in page.blocks] == ["boilerplate", *["prose"] * 20, "boilerplate"]


def test_a_page_of_frames_alone_is_read() -> None:
    page = page_of("<div class='modal'><p>Somebody used a loader against the hosts of others.</p></div>")
    assert [block.kind for block in page.blocks] == ["prose"]


def test_mail_in_pre_is_prose_and_large_cells_are_no_table() -> None:
    mail = "Hello,\n\nthere is a flaw in Foo. It was found in\nversion 2, and nobody knows\nwhy.\n"
    assert [block.kind for block in page_of(f"<pre>{mail}</pre>").blocks] == ["prose", "prose"]
    cell = "<p>Somebody used a loader. " * 16
    page = page_of(f"<table><tr><td>{cell}<td>a</table>")
    assert {block.kind for block in page.blocks} == {"prose"}


def test_feeds_and_broken_markup() -> None:
    feed = (
        "<?xml version='1.0'?><rss><item><title>One</title><description><![CDATA[<p>It was seen.</p>]]></description>"
    )
    assert "It was seen." in page_of(feed).text
    for source in (
        "<",
        "<p",
        "<p class='",
        "</",
        "<!--",
        "<!",
        "<script>",
        "</p></p>",
        "<title>x",
        "&#x110000;&#0;&foo;",
    ):
        assert len(page_of(f"a {source} b").text) >= 1
    assert page_of("").text == ""


def test_every_word_is_where_it_is_said_to_be() -> None:
    page = page_of(_PAGE)
    pieces = page.pieces
    for place, piece in enumerate(pieces[:-1]):
        said = page.text[piece.start : pieces[place + 1].start]
        source = _PAGE[piece.source : piece.source_end]
        assert not source or html.unescape(source).split() == said.split()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "<p>",
                    "</p>",
                    "<div class=nav>",
                    "</div>",
                    "<li>",
                    "<td>",
                    "<tr>",
                    "<table>",
                    "</table>",
                    "<pre>",
                    "<br>",
                ]
            ),
            st.sampled_from(
                ["<a href='x'>", "</a>", "<!--", "-->", "<script>", "</script>", "&amp;", "&#", "<", ">", '"']
            ),
            st.text(st.characters(), max_size=8),
            st.just(" one two "),
        ),
        max_size=30,
    )
)
def test_any_markup_gives_blocks_in_order(parts: list[str]) -> None:
    page = page_of("".join(parts))
    at = 0
    for block in page.blocks:
        assert at <= block.start <= block.end <= len(page.text)
        at = block.end
    starts = [piece.start for piece in page.pieces]
    assert starts == sorted(starts)
    sources = [piece.source for piece in page.pieces]
    assert sources == sorted(sources)


_UNITS = (
    "<",
    "<a",
    "<p>",
    "<p>a",
    "<b>a",
    "<!--",
    "<!",
    '<a "',
    "<a '<b \"",
    '<a "<b ',
    "&",
    "</p>",
    "<div>a</span>",
)
_MORE_UNITS = (
    "<script>",
    "<table><tr><td>a",
    "<a b='c'>d</a> ",
    "&amp;a ",
    "<title>",
    "<pre>a\n",
    "<li>a",
    "<![CDATA[a",
)


@pytest.mark.parametrize("unit", [*_UNITS, *_MORE_UNITS])
def test_the_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        source = (unit * size)[:size]
        runs = []
        for _ in range(3):
            begun = time.process_time()
            page_of(source)
            runs.append(time.process_time() - begun)
        return min(runs)

    # Ten times the page: ten times the time, where a quadratic one takes a hundred times.
    assert seconds(15_000) <= 40 * seconds(1_500) + 0.2


def test_a_form_around_a_whole_page_is_no_frame_but_one_in_it_is() -> None:
    said = "<h1>Mal/Conficker-A</h1><p>The worm spreads by a vulnerability of the server service, and by shares.</p>"
    around = page_of(f"<body><form action='a.aspx'><nav>Home Products</nav>{said}</form></body>")
    beside = page_of(
        f"<body>{said}{'<p>It is still seen every day, in all the networks that we look at.</p>' * 4}"
        "<form>Search for threats</form></body>"
    )

    kinds = {around.text[one.start : one.end]: one.kind for one in around.blocks}
    assert (kinds["Mal/Conficker-A"], kinds["Home Products"]) == ("heading", "boilerplate")
    assert {beside.text[one.start : one.end]: one.kind for one in beside.blocks}[
        "Search for threats"
    ] == "boilerplate"
