"""Addresses of the pages of an item's text. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from pydantic import Field

TEXT: Final = "/items/{uuid}/text"
"""Where an item's text is."""

VERTEX: Final = f"{TEXT}/vertex"
"""Leads from an entity to its vertex."""

SENTENCE: Final = f"{TEXT}/sentence"
"""Where one sentence is corrected."""

UNDO: Final = f"{TEXT}/corrections/{{number}}/undo"
"""Where the form goes that takes a correction back."""

Sentence = Annotated[int, Field(ge=1, le=10_000_000)]
"""Number of a sentence, from 1."""

_LABEL: Final = re.compile(r"sentence (\d{1,8})\b")


def text_address(item: str, *, sentence: int | None = None, page: int | None = None) -> str:
    """Return where an item's text is shown: from a sentence or page on."""
    base = f"/items/{quote(item, safe='')}/text"
    if sentence is not None:
        return f"{base}?{urlencode({'sentence': sentence})}#s{sentence}"
    return base if page is None else f"{base}?{urlencode({'page': page})}"


def entity_address(item: str, entity: int) -> str:
    """Return what leads to the vertex of an entity."""
    return f"/items/{quote(item, safe='')}/text/vertex?{urlencode({'entity': entity})}"


def sentence_address(item: str, sentence: int) -> str:
    """Return where a sentence is corrected."""
    return f"/items/{quote(item, safe='')}/text/sentence?{urlencode({'sentence': sentence})}"


def sentence_of(label: str) -> int | None:
    """Return the number of the sentence that a statement's place names; None: it names none."""
    found = _LABEL.match(label)
    return int(found[1]) or None if found else None
