"""Tags of MISP's galaxies: for names that are exactly those of one of its clusters, or of one technique of ATT&CK.

A cluster's own name comes before synonyms of others; what more than one cluster is called is no tag, as nobody knows
which is meant. Source: https://github.com/MISP/misp-galaxy, as the package `pymispgalaxies` carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from vedette.sharing.misp.templates import package_data, read_data

ACTORS: Final = ("threat-actor", "mitre-intrusion-set")
MALWARE: Final = ("mitre-malware", "malpedia")
TECHNIQUES: Final = ("mitre-attack-pattern",)
TOOLS: Final = ("mitre-tool",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What the clusters of a galaxy are called, whatever the case; None: more than one of them."""

    own: Mapping[str, str | None]
    """Cluster by its own name, with and without the number that MITRE puts behind, and by that number."""
    synonyms: Mapping[str, str | None]
    """Cluster by what it is called as well."""

    def cluster(self, name: str) -> str | None:
        """Return the one cluster of a name; None: there is none, or there are several."""
        key = name.strip().casefold()
        return self.own[key] if key in self.own else self.synonyms.get(key)


def galaxy_tags(galaxies: Iterable[str], name: str, aliases: Iterable[str] = ()) -> list[str]:
    """Return the tags of a thing.

    Args:
        galaxies: where it may be.
        name: what it is called.
        aliases: what else; they count where its name is no cluster's, and all that are one's must be the same one's.

    Raises:
        ExportError: the package cannot be read.
    """
    others = list(aliases)
    found = {galaxy: _cluster(names_in(galaxy), name, others) for galaxy in galaxies}
    return [f'misp-galaxy:{galaxy}="{cluster}"' for galaxy, cluster in found.items() if cluster]


def _cluster(names: Names, name: str, aliases: Iterable[str]) -> str | None:
    own = names.cluster(name)
    if own is not None:
        return own
    found = {cluster for alias in aliases if (cluster := names.cluster(alias)) is not None}
    return found.pop() if len(found) == 1 else None


@cache
def names_in(galaxy: str) -> Names:
    """Return the names of a galaxy's clusters; only these are kept of it.

    Raises:
        ExportError: the package cannot be read.
    """
    data = read_data(package_data("pymispgalaxies") / "misp-galaxy" / "clusters" / f"{galaxy}.json")
    own: dict[str, str | None] = {}
    synonyms: dict[str, str | None] = {}
    for cluster in data["values"]:
        value, meta = str(cluster["value"]), cluster.get("meta") or {}
        if '"' in value:
            # A tag could not be read back.
            continue
        for name in _own_names(value, meta):
            _enter(own, name, value)
        for name in meta.get("synonyms") or ():
            _enter(synonyms, str(name), value)
    return Names(own=own, synonyms=synonyms)


def _own_names(value: str, meta: Mapping[str, Any]) -> set[str]:
    """Return the own names: of `Phishing - T1566`, with the number in `meta`, also `Phishing` and `T1566`."""
    number = str(meta.get("external_id") or "")
    plain = value.removesuffix(f" - {number}") if number else value
    return {value, plain, number} - {""}


def _enter(names: dict[str, str | None], name: str, value: str) -> None:
    key = name.strip().casefold()
    names[key] = value if names.get(key, value) == value else None
