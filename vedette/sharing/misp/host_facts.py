"""Files, accounts, products and what else is on hosts, as MISP has them; functions as in `network_facts`. Pure."""

from __future__ import annotations

from typing import Final

from vedette.extraction.platform_names import PlatformName, PlatformNameError
from vedette.sharing.investigation import Fact
from vedette.sharing.misp.composing import Composing, Part, Said
from vedette.sharing.misp.network_facts import first, whole
from vedette.sharing.misp.values import UnfitValueError, canonical_value

_HASHES: Final = ("md5", "sha1", "sha256", "sha384", "sha512")
_BY_LENGTH: Final = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


def add_file(to: Composing, fact: Fact, said: Said) -> str:
    """Add a file: its names, hashes and size."""
    vertex = fact.vertex
    hashes = {name: text for name in _HASHES for text in vertex.texts(name)[:1]}
    named_by = _hash_type(vertex.name)
    if named_by:
        hashes.setdefault(named_by, vertex.name)
    names = [name for name in (vertex.name, *vertex.texts("fileName")) if not _hash_type(name)]
    parts = [
        *(Part(name, text, alarm=True) for name, text in hashes.items()),
        Part("ssdeep", first(vertex, "ssdeep")),
        *(Part("filename", name) for name in dict.fromkeys(names)),
        Part("path", first(vertex, "path")),
        Part("size-in-bytes", whole(first(vertex, "size"))),
        Part("mimetype", first(vertex, "mimeType")),
    ]
    return to.object("file", vertex.name, parts, said)


def add_hash(to: Composing, fact: Fact, said: Said) -> str:
    """Add the hash of a file."""
    type = _hash_type(fact.vertex.name)
    if not type:
        to.withhold(said.what, "it is no MD5, SHA-1 or SHA-2 in hexadecimal", said.vertex)
        return ""
    return to.attribute(type, fact.vertex.name, said)


def add_product(to: Composing, fact: Fact, said: Said) -> str:
    """Add a piece of software."""
    vertex = fact.vertex
    parts = vertex.name.split(":")
    # `cpe:part:vendor:product:version:…`, as the graph calls what has no CPE name.
    old = parts + [""] * 5 if parts[0] == "cpe" and not vertex.name.startswith(("cpe:/", "cpe:2.3:")) else [""] * 5
    name = first(vertex, "product") or old[3]
    version, vendor = first(vertex, "version") or old[4], first(vertex, "vendor") or old[2]
    return add_software(to, vertex.name, said, name=name, version=version, vendor=vendor)


def add_software(to: Composing, called: str, said: Said, *, name: str, version: str = "", vendor: str = "") -> str:
    """Add a piece of software; of the same one there is one object.

    Args:
        to: the event.
        called: its CPE name where it has one, or what else it is called.
        said: what holds for it.
        name: of the product, where it is known apart.
        version: likewise.
        vendor: likewise.
    """
    try:
        cpe = canonical_value("cpe", called)
        platform = PlatformName.parse(cpe)
    except (UnfitValueError, PlatformNameError):
        cpe, platform = "", PlatformName(part="a")
    parts = [
        # Of the same CPE name others may say the rest in other words.
        Part("name", name or platform.plain("product") or called, yields=True),
        Part("version", version or platform.plain("version"), yields=True),
        Part("vendor", vendor or platform.plain("vendor"), yields=True),
        Part("cpe", cpe),
    ]
    return to.object("software", cpe or "\n".join((called, version)), parts, said)


def add_account(to: Composing, fact: Fact, said: Said) -> str:
    """Add an account; what opens it is never shared."""
    vertex = fact.vertex
    parts = [
        Part("username", first(vertex, "userName") or vertex.name),
        Part("user-id", first(vertex, "uid")),
        Part("display-name", first(vertex, "fullName")),
    ]
    return to.object("user-account", vertex.name, parts, said)


def add_process(to: Composing, fact: Fact, said: Said) -> str:
    """Add a process, or a service of a host."""
    vertex = fact.vertex
    parts = [
        Part("name", vertex.name),
        Part("pid", first(vertex, "pid", "processPid")),
        Part("command-line", first(vertex, "processArgs")),
        Part("current-directory", first(vertex, "processPath")),
    ]
    return to.object("process", vertex.name, parts, said)


def add_registry_key(to: Composing, fact: Fact, said: Said) -> str:
    """Add a key of a Windows registry."""
    hive = first(fact.vertex, "hive")
    name = fact.vertex.name
    whole_name = f"{hive}\\{name}" if hive and not name.upper().startswith(("HK", hive.upper())) else name
    return to.attribute("regkey", whole_name, said)


def add_mutex(to: Composing, fact: Fact, said: Said) -> str:
    """Add a mutex."""
    return to.attribute("mutex", fact.vertex.name, said)


def _hash_type(text: str) -> str:
    """Return which hash a text is by its length; empty where it is none."""
    type = _BY_LENGTH.get(len(text.strip()), "")
    try:
        return type if type and canonical_value(type, text) else ""
    except UnfitValueError:
        return ""
