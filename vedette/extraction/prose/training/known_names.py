"""The list of known names: those of MISP galaxy's clusters (CC0 or 2-clause BSD), by what they name."""

from __future__ import annotations

from collections import defaultdict

from pymispgalaxies import Clusters  # type: ignore[attr-defined]

from vedette.extraction.prose.features import NAME_KINDS, SEVERAL, name_forms

_CLUSTERS = {
    "MALWARE": (
        "malpedia",
        "ransomware",
        "mitre-malware",
        "android",
        "rat",
        "botnet",
        "banker",
        "backdoor",
        "stealer",
        "cryptominers",
        "exploit-kit",
    ),
    "THREAT_ACTOR": ("threat-actor", "mitre-intrusion-set", "microsoft-activity-group"),
    "VENDOR": ("producer",),
    "TOOL": ("tool", "mitre-tool"),
    "LOCATION": ("country", "region"),
    "SECTOR": ("sector",),
    "VULNERABILITY": ("branded-vulnerability",),
}


def known_names() -> dict[tuple[str, ...], int]:
    """Return names by their words, with their kind; a name of several kinds says so."""
    kinds: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    clusters = Clusters()
    for kind, names in _CLUSTERS.items():
        for name in names:
            for value in clusters[name].values():
                meta = getattr(value, "meta", None)
                for called in (value.value, *(getattr(meta, "synonyms", None) or ())):
                    for words in name_forms(str(called)):
                        kinds[words].add(NAME_KINDS[kind])
    return {words: one.pop() if len(one) == 1 else SEVERAL for words, one in sorted(kinds.items())}
