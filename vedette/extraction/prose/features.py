"""What the model is given of a sentence: word pieces, the shape of each word, and whether a known name begins there.

Training and reading share it: what differs between the two is lost. The pieces are those of the encoder's uncased
WordPiece vocabulary; the shape gives case back (as token types), the names are MISP galaxy's (as an embedding).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenizers import Tokenizer

MAX_PIECES = 10
"""Pieces of a word that the model sees: those of a hash say nothing more."""

MAX_WINDOW = 256
"""Pieces of a window; where its words have more, each gets fewer."""

MAX_WORD = 64
"""Characters of a word that are cut into pieces."""

MAX_WORDS = 100
"""Words of a window; a longer sentence is read in several."""

MAX_NAME_WORDS = 6
"""Words of a name in the list of names."""

SHAPES: Final = 8
"""Shapes of a word: 0 is no word."""

NAME_KINDS: Final[Mapping[str, int]] = {
    "MALWARE": 1,
    "THREAT_ACTOR": 2,
    "VENDOR": 3,
    "TOOL": 4,
    "LOCATION": 5,
    "SECTOR": 6,
    "VULNERABILITY": 8,
    "SOFTWARE": 9,
}
"""What a known name is; 0: none."""

SEVERAL: Final = 7
"""A name that is several of these."""

NAMES: Final = 12
"""Numbers of kinds of names that the model has room for."""

_CUTS = (re.compile(r"\w+|[^\w\s]"), re.compile(r"\w+(?:[-.'\u2019]\w+)*|[^\w\s]"))
"""Two ways to cut a name: what reads a text keeps `D-Link` together, or does not."""


@dataclass(frozen=True, slots=True)
class Features:
    """A window of a sentence as the model sees it; the first four lists have one member a piece."""

    pieces: list[int]
    shapes: list[int]
    names: list[int]
    roles: list[int]
    """All 0, but in a question about a pair: see `role`."""
    first: list[int]
    """One member a word: the place of its first piece."""


class NameList:
    """Names that are known, by their words in lower case."""

    def __init__(self, names: Mapping[tuple[str, ...], int]) -> None:
        self._names = names
        self._longest: dict[str, int] = {}
        for words in names:
            self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))

    def kinds(self, words: Sequence[str]) -> list[int]:
        """Return for each word whether it is within a known name, and of which kind; the longest name wins."""
        low = [word.lower() for word in words]
        found = [0] * len(low)
        at = 0
        while at < len(low):
            for size in range(min(self._longest.get(low[at], 0), len(low) - at), 0, -1):
                kind = self._names.get(tuple(low[at : at + size]))
                # A single word in lower case is rather a common word than a name.
                if kind is not None and not (size == 1 and words[at].islower()):
                    found[at : at + size] = [kind] * size
                    at += size - 1
                    break
            at += 1
        return found


def name_forms(name: str) -> set[tuple[str, ...]]:
    """Return a name as the list has it, cut in each way; empty where it is too short or too long to be one."""
    cut = {tuple(one.findall(name.lower())) for one in _CUTS}
    return {words for words in cut if words and len(words) <= MAX_NAME_WORDS and not _is_common(words)}


def _is_common(words: tuple[str, ...]) -> bool:
    return len(words) == 1 and (len(words[0]) < 3 or words[0].isdigit())


def shape(word: str) -> int:
    """Return a word's shape: 1 lower, 2 Title, 3 UPPER, 4 miXed, 5 digits, 6 letters and digits, 7 neither."""
    if not any(one.isalpha() for one in word):
        return 5 if word.isdigit() else 7
    if any(one.isdigit() for one in word):
        return 6
    return _case(word)


def _case(word: str) -> int:
    if word.islower():
        return 1
    if word.isupper() and len(word) > 1:
        return 3
    return 2 if word[0].isupper() and (len(word) == 1 or word[1:].islower()) else 4


PAIR_LABELS: Final = ("THREAT_ACTOR", "MALWARE", "TOOL", "CAMPAIGN", "ATTACK_PATTERN")
"""Labels of which a pair is asked; others are like the first that is free."""

ROLES: Final = 2 * (len(PAIR_LABELS) + 1) + 1
"""Roles of a piece in a question about a pair; 0: none."""


def role(label: str, *, tail: bool) -> int:
    """Return what the pieces of an entity are in a question about a pair: head or tail, of a label."""
    place = PAIR_LABELS.index(label) if label in PAIR_LABELS else len(PAIR_LABELS)
    return 1 + 2 * place + int(tail)


class Featurizer:
    """Makes features of words."""

    def __init__(self, *, tokenizer: Tokenizer, names: NameList) -> None:
        self._tokenizer = tokenizer
        self._names = names
        self._kept: dict[str, list[int]] = {}
        self._begin = _id(tokenizer, "[CLS]")
        self._end = _id(tokenizer, "[SEP]")
        self._unknown = _id(tokenizer, "[UNK]")

    def of(self, words: Sequence[str], roles: Sequence[int] | None = None) -> Features:
        """Return the features of a window of words.

        Args:
            words: at most `MAX_WORDS`.
            roles: one a word, in a question about a pair.
        """
        made = Features([self._begin], [0], [0], [0], [])
        kinds = self._names.kinds(words)
        cut = _fitting([self._pieces(word) for word in words])
        for place, (word, kind, pieces) in enumerate(zip(words, kinds, cut, strict=True)):
            made.first.append(len(made.pieces))
            made.pieces.extend(pieces)
            made.shapes.extend([shape(word)] * len(pieces))
            made.names.extend([kind] * len(pieces))
            made.roles.extend([0 if roles is None else roles[place]] * len(pieces))
        made.pieces.append(self._end)
        for rest in (made.shapes, made.names, made.roles):
            rest.append(0)
        return made

    def _pieces(self, word: str) -> list[int]:
        found = self._kept.get(word)
        if found is None:
            # A lone surrogate is no character, and the tokenizer takes none.
            plain = word[:MAX_WORD].encode(errors="replace").decode()
            found = self._tokenizer.encode(plain, add_special_tokens=False).ids[:MAX_PIECES]
            found = found or [self._unknown]
            # Words repeat; a hostile text's do not, and must not fill the memory.
            if len(self._kept) < 50_000:
                self._kept[word] = found
        return found


def _fitting(pieces: list[list[int]]) -> list[list[int]]:
    """Return the pieces of each word so that a window has room for all: the longest words lose theirs."""
    for most in (5, 3, 2, 1):
        if sum(map(len, pieces)) <= MAX_WINDOW - 2:
            break
        pieces = [one[:most] for one in pieces]
    return pieces


def _id(tokenizer: Tokenizer, piece: str) -> int:
    found = tokenizer.token_to_id(piece)
    if found is None:
        raise ValueError(f"the vocabulary has no {piece}")
    return found
