"""What a sentence says in words and pairs of words: the features by which techniques are told beside the network.

Learning and reading share it. Numbers are alike, and so is what no dictionary has (hashes, encoded text).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

LONGEST: Final = 20
"""Characters of a word; what is longer is no word of a language."""

MOST: Final = 400
"""Words of a sentence that are looked at."""

_NUMBER = re.compile(r"\d+")


def terms(words: Sequence[str]) -> list[str]:
    """Return the words of a sentence in lower case, without signs, and each pair of neighbours."""
    found = [_alike(word) for word in words[:MOST] if any(one.isalnum() for one in word[: LONGEST + 1])]
    return found + [f"{one} {other}" for one, other in pairwise(found)]


def _alike(word: str) -> str:
    return "<long>" if len(word) > LONGEST else _NUMBER.sub("0", word.lower())
