"""Which extractor reads an item: by its routing key, else by what else the item says of itself. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vedette.errors import RefusedError
from vedette.extraction.interface import ExtractorCatalogue
from vedette.routing import RoutingKey, parse_key

MAX_WORD = 255
"""Characters of a word that is looked up; a longer one names nothing."""

_ALIASES = {
    "1d4_us": "1d4",
    "as2org": "caida",
    "as_org2info": "caida",
    "cif_1d4": "1d4",
    "cisa_kev": "kev",
    "clean_mx": "cleanmx",
    "client_banner": "clientbanner",
    "connections": "hone",
    "cpe_dictionary": "cpe",
    "cve_list": "cve",
    "cvelist": "cve",
    "cvelistv5": "cve",
    "dns_record": "dnsrecord",
    "emerging_threats": "emergingthreats",
    "enterprise_attack": "attack",
    "f_secure": "fsecure",
    "flows": "argus",
    "geoip2": "geoip",
    "geolite": "geoip",
    "geolite2": "geoip",
    "http_data": "http",
    "http_data_r": "httpr",
    "ics_attack": "attack",
    "ip2org": "caida",
    "known_exploited_vulnerabilities": "kev",
    "login_event": "login_events",
    "logins": "login_events",
    "malware_domain_list": "malwaredomainlist",
    "maxmind": "geoip",
    "mdl": "malwaredomainlist",
    "mitre_attack": "attack",
    "mobile_attack": "attack",
    "netflow": "argus",
    "nmap_scan": "nmap",
    "nvdcve": "nvd",
    "package_list": "installed_package",
    "packages": "installed_package",
    "packages_changes": "packages",
    "pfx2as": "caida",
    "securityfocus": "bugtraq",
    "server_banner": "serverbanner",
    "service_list": "servicelist",
    "services": "servicelist",
    "services_changes": "services",
    "stix1": "stix",
    "stix2": "stix",
    "taxii": "stix",
    "threat_fox": "threatfox",
    "url_haus": "urlhaus",
    "zeus_tracker": "zeustracker",
}
"""What sources, formats and collectors are called elsewhere, and which extractor reads them; may lead on once."""

_FORMS = ("xml", "json", "csv", "tsv", "txt", "text", "html", "rss", "feed")
"""Last words that say how something is written: `nvd-xml` is what `nvd` reads."""

PROSE = "prose"
"""The extractor that reads sentences."""

_NO_SENTENCES = frozenset(
    {
        "audio",
        "font",
        "image",
        "model",
        "video",
        "application/gzip",
        "application/vnd.microsoft.portable-executable",
        "application/vnd.tcpdump.pcap",
        "application/x-7z-compressed",
        "application/x-dosexec",
        "application/x-tar",
        "application/zip",
    }
)
"""Content types, and first words of them, of what nobody reads."""

_CONTENT_TYPES = {
    "application/stix+json": "stix",
    "application/stix+xml": "stix",
    "application/vnd.oasis.stix+json": "stix",
    "application/vnd.oasis.stix+xml": "stix",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which extractor reads an item, and why."""

    extractor: str | None
    """Its name; None: none does, which is no error."""
    reason: str
    """What led to it, or why there is none, in words for a person."""


def choose(meta: Mapping[str, Any], *, known: Collection[str] | None = None) -> Choice:
    """Return which extractor reads an item.

    Asked are, in this order: the routing key's source name; its data name; the item's format; its type, where it
    has no routing key; the collector that brought it; the content type. The first that names an extractor decides.

    Args:
        meta: the item's meta, with the item's `format` in it; any values may be there.
        known: names of extractors; those that are installed without it.
    """
    key = _key(meta)
    names = {_plain(name): name for name in (ExtractorCatalogue().names if known is None else known)}
    if key is not None and key.kind == "unstructured":
        return _choose_prose(key, meta, names)
    asked = []
    for what, word in _words(meta, key):
        name = _find(word, names)
        if name is not None:
            return Choice(extractor=name, reason=f"{what} {word!r}")
        asked.append(f"{what} {word!r}")
    return Choice(
        extractor=None, reason=f"no extractor for {', '.join(asked)}" if asked else "it does not say what it is"
    )


def _choose_prose(key: RoutingKey, meta: Mapping[str, Any], names: Mapping[str, str]) -> Choice:
    """Return whether sentences are read: of whatever may have some, by its content type."""
    media = str(meta.get("content_type") or "").partition(";")[0].strip().lower()
    if PROSE not in names:
        return Choice(extractor=None, reason=f"{key} is unstructured: sentences, not columns")
    if media.partition("/")[0] in _NO_SENTENCES or media in _NO_SENTENCES:
        return Choice(extractor=None, reason=f"{key} is unstructured, and {media[:MAX_WORD]} has no sentences")
    return Choice(extractor=names[PROSE], reason=f"{key} is unstructured: sentences")


def find(word: str, known: Collection[str]) -> str | None:
    """Return the extractor that a word names: a name, another name for it, or either with its form behind it."""
    return _find(word, {_plain(name): name for name in known})


def _key(meta: Mapping[str, Any]) -> RoutingKey | None:
    try:
        return parse_key(str(meta.get("source") or ""))
    except RefusedError:
        return None


def _words(meta: Mapping[str, Any], key: RoutingKey | None) -> Iterator[tuple[str, str]]:
    """Yield what is asked, in order, and what it is called in messages."""
    said: list[tuple[str, object]] = []
    if key is not None:
        said.append(("source name", key.source))
        # A probe's data name is its own, and says nothing of what it sends.
        if key.data_name != str(meta.get("agent") or "").partition("@")[0]:
            said.append(("data name", key.data_name))
            said += [("data name", word) for word in key.data_name.split(".") if word != key.data_name]
    said.append(("format", meta.get("format")))
    if key is None:
        said.append(("type", meta.get("type")))
    said += [("collector", meta.get("collector")), ("content type", meta.get("content_type"))]
    for what, word in said:
        if isinstance(word, str) and 0 < len(word) <= MAX_WORD:
            yield what, word


def _find(word: str, names: Mapping[str, str]) -> str | None:
    media = _CONTENT_TYPES.get(word.partition(";")[0].strip().lower())
    # A version behind a slash, as in `dns/1`, is no part of a form's name.
    plain = _plain(media or word.partition("/")[0])
    stem, _, form = plain.rpartition("_")
    for name in (plain, stem) if form in _FORMS else (plain,):
        other = _ALIASES.get(name, name)
        for called in (name, other, _ALIASES.get(other, other)):
            if called in names:
                return names[called]
    return None


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(".", "_").replace(" ", "_")
