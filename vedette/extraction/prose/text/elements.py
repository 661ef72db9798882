"""What HTML's elements are for, as far as it tells what is said in a page and what frames it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_INLINE_NAMES = """
a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q ruby s samp small span strike strong
sub sup time tt u var wbr img nobr data
"""
_HIDDEN_NAMES = "noscript template svg head object canvas audio video math datalist"
_EMPTY_NAMES = "area base br col embed hr img input link meta param source track wbr"
_FRAME_NAMES = "nav footer aside menu dialog button select fieldset"
_FRAME_ROLES = "navigation banner contentinfo complementary search dialog alertdialog menu menubar"
_FRAME_CALLED = """
cookie cookies consent gdpr newsletter subscribe signup sidebar breadcrumb breadcrumbs share sharing social related
recommended recommendations promo advert ad ads popup modal menu navbar nav navigation footer comments pagination
pager masthead skip hidden toc byline tags
"""
_CONTENT_CALLED = "content main article post entry body page wrapper container layout has with no"

INLINE: Final = frozenset(_INLINE_NAMES.split())
"""Go on in the line that they stand in."""
HIDDEN: Final = frozenset(_HIDDEN_NAMES.split())
"""Show nothing of their text."""
EMPTY: Final = frozenset(_EMPTY_NAMES.split())
"""Have no content, and so no end."""
HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
CELLS: Final = frozenset({"td", "th"})
ITEMS: Final = frozenset({"li", "dt", "dd"})
SIBLINGS: Final = frozenset({"p", "li", "dt", "dd", "td", "th", "tr", "option"})
"""A new one of these ends the one before, whether that says so or not."""
BODIES: Final = frozenset({"main", "article"})
"""Hold what a page is there for."""

_FRAMES = frozenset(_FRAME_NAMES.split())
_ROLES = frozenset(_FRAME_ROLES.split())
_CALLED = frozenset(_FRAME_CALLED.split())
_CALLED_CONTENT = frozenset(_CONTENT_CALLED.split())
_WHOLE = BODIES | {"html", "body"}
_WORDS = re.compile(r"[a-z]+")


def is_hidden(name: str, said: Mapping[str, str]) -> bool:
    """Tell whether an element, with what its attributes say, shows nothing."""
    if name in HIDDEN or "hidden" in said or said.get("aria-hidden") == "true":
        return True
    return "display:none" in said.get("style", "").replace(" ", "")


def frame(name: str, said: Mapping[str, str], *, in_body: bool) -> int:
    """Return how surely an element frames the page: 2 by what it is, 1 by what it is called, 0 not at all.

    Args:
        name: its name.
        said: what its attributes say.
        in_body: whether it is within what the page is there for.
    """
    if name in _FRAMES or said.get("role") in _ROLES:
        return 2
    if name in _WHOLE:
        return 0
    if name == "header":
        return int(not in_body)
    # A login or a search, but ASP.NET puts whole pages into one.
    if name == "form":
        return 1
    words = set(_WORDS.findall(f"{said.get('class', '')} {said.get('id', '')}"))
    return int(bool(words & _CALLED) and not words & _CALLED_CONTENT)
