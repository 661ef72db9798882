"""TLP markings as items and facts carry them: texts of STIX, of MISP's taxonomy, and plain colours. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from vedette.extraction.stix.vocabulary import MARKINGS
from vedette.graph.port import VertexView
from vedette.sharing.investigation import Tlp

MARKING_PROPERTIES: Final = ("marking", "markings", "tags", "labels", "tlp")
"""Properties of vertices in which documents mark what they say."""

_COLOURS: Final[Mapping[str, Tlp]] = {**{one.value: one for one in Tlp}, "white": Tlp.CLEAR}
_STIX_IDS: Final[Mapping[bytes, Tlp]] = {
    id.encode(): tlp
    for id, name in MARKINGS.items()
    if (tlp := _COLOURS[name.removeprefix("TLP:").lower()]).strictness > Tlp.GREEN.strictness
}
_META_FIELDS: Final = ("tlp", "marking", "markings", "tags")
_BEGIN: Final = re.compile(r"tlp[ :=_-]")
_FORM: Final = re.compile(r"tlp[ :=_-]{1,3}([a-z]{1,12}(?:[+ _-]strict)?)")
_WITHIN: Final = re.compile(rb"(?i)\btlp[ :=_-]{1,3}(?:amber(?:[+ _-]strict)?|red)\b")


@lru_cache(maxsize=1_000)
def tlp_of_text(text: str) -> Tlp | None:
    """Return what a text marks; None: nothing. A TLP that nobody knows is taken for the strictest.

    `TLP:WHITE` (TLP 1), `tlp:amber+strict` (MISP's taxonomy) and `TLP AMBER STRICT` are read; what begins like one
    and goes on, as in `TLP:RED, only for you`, may say anything.
    """
    plain = unicodedata.normalize("NFKC", text[:80]).strip().lower()
    if _BEGIN.match(plain) is None:
        return None
    found = _FORM.fullmatch(plain)
    colour = "" if found is None else re.sub(r"[ _-]strict", "+strict", found[1])
    return _COLOURS.get(colour, Tlp.RED)


def tlp_within(content: bytes) -> Tlp | None:
    """Return the strictest marking that a document names anywhere, if it is stricter than GREEN; None: none is.

    A document of many things, each with its own marking, goes nowhere as a whole where one of them may not.
    """
    named = {_read(found) for found in _WITHIN.findall(content)}
    return strictest([*named, *(tlp for id, tlp in _STIX_IDS.items() if id in content)])


def _read(found: bytes) -> Tlp | None:
    return tlp_of_text(found.decode())


def strictest(found: Iterable[Tlp | None]) -> Tlp | None:
    """Return the strictest marking; None where there is none."""
    return max((one for one in found if one is not None), key=lambda one: one.strictness, default=None)


def tlp_of_vertex(vertex: VertexView) -> Tlp | None:
    """Return how what documents say of a vertex is marked; None: it is not."""
    return tlp_of_properties(vertex.properties)


def tlp_of_properties(properties: Mapping[str, Any]) -> Tlp | None:
    """Return how what is said of a vertex or an edge is marked; None: it is not."""
    return strictest(
        tlp_of_text(text if name != "tlp" else f"tlp:{text}" if ":" not in text else text)
        for name in MARKING_PROPERTIES
        if name in properties
        for text in _texts(properties[name])
    )


def tlp_of_meta(meta: Mapping[str, Any]) -> Tlp | None:
    """Return how an item is marked by its meta: `tlp` (a colour, or `tlp:amber`), `marking`, or one of its `tags`."""
    found: list[Tlp | None] = []
    for name in _META_FIELDS:
        for text in _texts(meta.get(name)):
            plain = name == "tlp" and not text.lower().startswith("tlp")
            found.append(tlp_of_text(f"tlp:{text}" if plain else text))
    return strictest(found)


def _texts(value: object) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list | tuple) else (value,)) if isinstance(one, str)]
