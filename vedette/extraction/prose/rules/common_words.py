"""Words that no name is: what a thing is, and not which one. Where the model takes them for a name, it is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_KINDS = """
malware ransomware spyware adware trojan trojans backdoor backdoors botnet botnets worm worms virus viruses rootkit
wiper wipers loader loaders dropper droppers downloader stealer stealers infostealer implant implants payload payloads
ransom campaign campaigns operation group groups gang gangs actor actors attacker attackers threat apt rat tool tools
exploit exploits family families hackers adversary adversaries team
"""
_STATES = """
former reflected stored multiple several critical severe serious high medium low remote local arbitrary
malicious crafted unknown new old data code software hardware flaw flaws bug bugs issue issues vulnerability
vulnerabilities weakness weaknesses defect defects exploit exploits patch patches attack attacks
"""
_KINDS_OF_THINGS = frozenset(_KINDS.split())
_GENERIC: Final[Mapping[str, frozenset[str]]] = {
    "MALWARE": _KINDS_OF_THINGS,
    "TOOL": _KINDS_OF_THINGS,
    "THREAT_ACTOR": _KINDS_OF_THINGS,
    "CAMPAIGN": _KINDS_OF_THINGS,
    "VULNERABILITY": frozenset(_STATES.split()),
}
_FIELDS = """
parameter parameters param params argument arguments variable variables cookie field fields header headers option
options attribute attributes element input value key
"""
_OF_PARAMETERS = frozenset(_FIELDS.split())
_NEAR: Final = 4
"""Words on either side of a parameter, one of which says that it is one."""


def is_kind(text: str) -> bool:
    """Tell whether words say what something is, "ransomware", and not which."""
    return all(word in _KINDS_OF_THINGS for word in text.split())


def is_common(label: str, words: Sequence[str], start: int, end: int) -> bool:
    """Tell whether words of a sentence are a kind of things and not the name of one.

    Args:
        label: what they are taken for.
        words: of the sentence.
        start: the first of them.
        end: behind the last.
    """
    said = words[start:end]
    if label == "PARAMETER":
        near = (*words[max(start - _NEAR, 0) : start], *words[end : end + _NEAR])
        return len(said) == 1 and said[0].isalpha() and said[0].islower() and _OF_PARAMETERS.isdisjoint(near)
    generic = _GENERIC.get(label)
    return generic is not None and all(word.islower() and word in generic for word in said)
