"""Sentences about vulnerabilities that are made up, with all of our labels: for what no data set labels."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from vedette.extraction.prose.bio import run
from vedette.extraction.prose.training.sets import NOTHING, Tagged

_WORDS = Path(__file__).with_suffix(".yml")
_PLACE = re.compile(r"\{([A-Z]+)\}")


def written(count: int, names: dict[str, Sequence[Sequence[str]]], *, seed: int) -> list[Tagged]:
    """Return sentences that are made of templates.

    Args:
        count: how many.
        names: by label, names that may stand there: VENDOR, SOFTWARE, MALWARE, THREAT_ACTOR, TOOL, ORG, SECTOR, LOC.
        seed: of what is random.
    """
    writer = _Writer(names, random.Random(seed))  # noqa: S311 (no secret)
    return [writer.sentence() for _ in range(count)]


class _Writer:
    def __init__(self, names: dict[str, Sequence[Sequence[str]]], dice: random.Random) -> None:
        self._dice = dice
        self._words = words = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
        self._makers: dict[str, tuple[str, Callable[[], Sequence[str]]]] = {
            "F": ("VULNERABILITY", lambda: dice.choice(words["terms"]).split()),
            "V": ("VERSION", self._version),
            "U": ("UPDATE", lambda: dice.choice(words["updates"]).split()),
            "ID": ("VULN_ID", self._id),
            "FU": ("FUNCTION", self._function),
            "FI": ("FILE", self._file),
            "P": (
                "PARAMETER",
                lambda: [
                    dice.choice((dice.choice(self._words["things"]), f"{dice.choice(self._words['things'])}_id"))
                ],
            ),
            "OS": ("OS", lambda: dice.choice(dice.choice(list(words["systems"].values()))).split()),
            "OV": ("VENDOR", lambda: dice.choice(list(words["systems"])).split()),
            "C": ("CAMPAIGN", lambda: ["Operation", *dice.choice(names["MALWARE"])[:1]]),
        }
        for place, label in (
            ("VE", "VENDOR"),
            ("S", "SOFTWARE"),
            ("M", "MALWARE"),
            ("A", "THREAT_ACTOR"),
            ("T", "TOOL"),
            ("O", "ORG"),
            ("SE", "SECTOR"),
            ("L", "LOC"),
        ):
            self._makers[place] = (label, lambda label=label: dice.choice(names[label]))  # type: ignore[misc]

    def sentence(self) -> Tagged:
        words: list[str] = []
        tags: list[str] = []
        for part in self._dice.choice(self._words["templates"]).split():
            place = _PLACE.fullmatch(part)
            if place is None:
                words.append(part)
                tags.append(NOTHING)
                continue
            label, make = self._makers[place[1]]
            made = make()
            words += made
            tags += run(label, len(made))
        return Tagged(words=words, tags=tags)

    def _version(self) -> list[str]:
        dice = self._dice
        numbers = ".".join(
            str(dice.choice((0, 1, 2, 3, 5, 8, 10, 11, 14, 20))) for _ in range(dice.choice((1, 2, 2, 3, 3, 4)))
        )
        return [
            dice.choice(
                (
                    numbers,
                    numbers,
                    numbers,
                    f"{numbers}{dice.choice('abcpx')}{dice.randint(1, 9)}",
                    "2.x",
                    "2016",
                    "10",
                    "7.2(1)",
                    f"v{numbers}",
                )
            )
        ]

    def _id(self) -> list[str]:
        dice = self._dice
        return [
            dice.choice(
                (
                    f"CVE-{dice.randint(1999, 2026)}-{dice.randint(1000, 49999)}",
                    f"MS{dice.randint(8, 17):02}-{dice.randint(1, 120):03}",
                )
            )
        ]

    def _function(self) -> list[str]:
        dice = self._dice
        verb, thing = dice.choice(self._words["verbs"]), dice.choice(self._words["things"])
        return [
            dice.choice(
                (f"{verb}_{thing}", f"{verb}{thing.title()}", f"{verb}_{thing}()", f"{verb.title()}{thing.title()}")
            )
        ]

    def _file(self) -> list[str]:
        dice = self._dice
        name = f"{dice.choice((*self._words['verbs'], *self._words['things']))}.{dice.choice(self._words['endings'])}"
        return [
            dice.choice((name, name, f"lib/{name}", f"/{dice.choice(self._words['things'])}/{name}", f"admin/{name}"))
        ]
