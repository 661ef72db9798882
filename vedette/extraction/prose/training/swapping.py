"""Other names in the same sentences, so that the model learns how a name stands there, not which names there are."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from vedette.extraction.prose.bio import run, runs
from vedette.extraction.prose.training.sets import Tagged

_BEGIN = [
    "B",
    "C",
    "D",
    "F",
    "G",
    "H",
    "K",
    "L",
    "M",
    "N",
    "P",
    "R",
    "S",
    "T",
    "V",
    "W",
    "Z",
    "Br",
    "Cr",
    "Tr",
    "St",
    "Pl",
    "Gr",
    "Sh",
    "Fl",
    "Qu",
]
_MIDDLE = ["a", "e", "i", "o", "u", "ai", "ea", "io", "or", "an", "el", "in", "ix", "ar", "en", "yt", "on", "ur"]
_END = [
    "n",
    "x",
    "r",
    "s",
    "t",
    "l",
    "d",
    "m",
    "tec",
    "soft",
    "net",
    "ware",
    "cloud",
    "lab",
    "gate",
    "link",
    "dyn",
    "sys",
    "io",
    "ly",
    "zo",
]
_PRODUCT = [
    "Server",
    "Manager",
    "Gateway",
    "Suite",
    "Client",
    "Portal",
    "Studio",
    "Engine",
    "Desktop",
    "Controller",
    "Center",
    "Firewall",
    "Router",
    "Camera",
    "Framework",
    "Library",
    "Plugin",
    "Agent",
    "Console",
    "Appliance",
    "Browser",
    "Office",
    "Mail",
    "Connect",
    "Director",
    "Endpoint",
    "OS",
    "Kernel",
]


class Swapper:
    """Puts other names in place of some."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]], *, share: float, seed: int) -> None:
        """Describe it.

        Args:
            names: by label, the names (their words) that may stand there.
            share: of the sentences that are changed.
            seed: of what is random.
        """
        self._names = names
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 (no secret)

    def swap(self, sentence: Tagged) -> Tagged:
        """Return the sentence, or one with other names; the same name becomes the same other name."""
        if self._random.random() > self._share:
            return sentence
        words: list[str] = []
        tags: list[str] = []
        chosen: dict[tuple[str, ...], Sequence[str]] = {}
        behind = 0
        for label, start, end in runs(sentence.tags):
            pool = self._names.get(label)
            if not pool:
                continue
            old = tuple(sentence.words[start:end])
            if old not in chosen:
                chosen[old] = self._other(label, pool, old)
            words += [*sentence.words[behind:start], *chosen[old]]
            tags += [*sentence.tags[behind:start], *run(label, len(chosen[old]))]
            behind = end
        return Tagged(words=[*words, *sentence.words[behind:]], tags=[*tags, *sentence.tags[behind:]])

    def _other(self, label: str, pool: Sequence[Sequence[str]], old: Sequence[str]) -> Sequence[str]:
        dice = self._random.random()
        if dice < 0.15:
            return old
        if dice < 0.7:
            return self._random.choice(pool)
        return self._made_up(label)

    def _made_up(self, label: str) -> list[str]:
        pick = self._random.choice
        word = pick(_BEGIN) + "".join(pick(_MIDDLE) + pick("bcdfgklmnprstvz") for _ in range(pick((0, 1, 1, 2))))
        word += pick(_MIDDLE) + pick(_END)
        if label == "MALWARE":
            return [pick((word, word.upper(), f"{word}{pick(('Bot', 'RAT', 'Locker', 'Loader', 'Stealer'))}"))]
        if label == "SOFTWARE":
            return pick(([word], [word, pick(_PRODUCT)], [word, pick(_PRODUCT), pick(_PRODUCT)], [pick(_PRODUCT)]))
        if label == "VENDOR":
            return pick(([word], [word], [word, pick(("Systems", "Networks", "Software", "Technologies", "Inc."))]))
        return [word]
