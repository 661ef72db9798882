"""Where a browser is sent after a login: never to another site, however the address is written."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vedette.access.local_path import local_path

BASE = "https://hub.example/login"


@pytest.mark.parametrize("path", ["/", "/account", "/v1/items?type=scan&cursor=a%2Fb", "/a//b", "/x#y", "/?next=//e"])
def test_a_path_of_ours_is_followed(path: str) -> None:
    assert local_path(path, otherwise="/account") == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "account",
        "?x",
        "/ä",
        "/\0",
        "/a\r\nSet-Cookie: x=y",
        "/" + "a" * 600,
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert local_path(text, otherwise="/account") == "/account"


@given(st.text(alphabet="/\\:.?#@%\t\r\n abehtps1", max_size=20).map("/".__add__) | st.text(max_size=20))
@example("/\\/evil")
def test_no_text_leads_away(text: str) -> None:
    target = local_path(text, otherwise="/account")
    # What a browser makes of it: backslashes are slashes, tabs and line ends are not there (WHATWG URL, 4.4).
    read = target.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    assert urlsplit(urljoin(BASE, read)).netloc == "hub.example"
    assert urlsplit(urljoin(BASE, read)).scheme == "https"
