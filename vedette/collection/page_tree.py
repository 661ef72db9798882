"""A page as a tree of elements, however broken it is."""

from __future__ import annotations

import lxml.html  # type: ignore[import-untyped]
from lxml import etree

from vedette.collection.content import ProcessingError

MAX_PAGE = 16 * 1024 * 1024
"""Characters of a page: parsing takes many times its size in memory."""


def parse_page(text: str) -> lxml.html.HtmlElement:
    """Return the tree of a page, however broken it is; nothing is loaded and no entity expanded but HTML's own.

    Raises:
        ProcessingError: it is too large, or no page at all.
    """
    if len(text) > MAX_PAGE:
        raise ProcessingError(f"has {len(text)} characters; pages up to {MAX_PAGE} are read")
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        # As bytes: lxml refuses a text that names an encoding.
        root = lxml.html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise ProcessingError(f"is not HTML: {error}") from error
    return root
