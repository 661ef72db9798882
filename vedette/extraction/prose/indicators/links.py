"""URLs, with a scheme and without, and e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.ending import trimmed
from vedette.extraction.prose.indicators.file_names import ends_as_file
from vedette.extraction.prose.indicators.found import Found
from vedette.extraction.prose.indicators.host_names import DOTTED, kind_of
from vedette.extraction.prose.indicators.suffixes import has_suffix
from vedette.extraction.urls import UrlError, read_url
from vedette.graph.canonical import canonical

MAX_URL: Final = 4_000
"""Characters of a URL; what is longer is data, and no place."""

_REST: Final = r"[^\s<>\"`\u00ab\u00bb\u201c-\u201f\u3001\u3002\uff0c]"
_WITH_SCHEME: Final = re.compile(rf"(?<![^\W_])([a-z][a-z0-9+-]{{1,15}})://{_REST}++", re.IGNORECASE)
_WITHOUT_SCHEME: Final = re.compile(
    rf"(?<![\w@/\\.:-])((?:\d{{1,3}}\.){{3}}\d{{1,3}}(?=[:/])|{DOTTED}(?=[:/]))(?::\d{{1,5}})?/{_REST}++",
    re.IGNORECASE,
)
_SEVERAL: Final = re.compile(r"\]\(|[,;|](?=[a-z]{2,6}://)|(?<=[^=?&/:])(?=https?://)", re.IGNORECASE)
"""Where another one begins: a Markdown link's address after its text, a list without spaces, two stuck together."""

_WEB: Final = frozenset({"http", "https", "ftp", "ftps"})
_NO_HOSTS: Final = frozenset({"file", "about", "chrome", "jar", "res", "view-source", "ms-settings"})
_NETWORK_OR_PORT: Final = re.compile(r"[^/]*/(?:\d{1,3}|tcp|udp|(?:\d{1,3}\.){3}\d{1,3})", re.IGNORECASE)
_HOST_WITH_PORT: Final = re.compile(r"[\w.-]+:\d{1,5}")
_ANOTHER_HOST: Final = re.compile(r"[^/]*/(?:www\.)?[\w-]{1,63}\.(?:com|net|org)")
_EMAIL: Final = re.compile(rf"(?<![\w.+%@/-])([\w.+%'-]{{1,64}}+)@({DOTTED})(?!:[\w~/])")
_INNER_MAIL: Final = frozenset({"local", "internal", "lan", "corp", "localdomain"})


def find_urls(plain: PlainText) -> Iterator[Found]:
    """Yield the URLs of a text; one without a scheme must have a path and a host of which no doubt is left."""
    for match in _WITH_SCHEME.finditer(plain.text):
        yield from _several(plain, match)
    for match in _WITHOUT_SCHEME.finditer(plain.text):
        written = trimmed(match[0][:MAX_URL])
        if _is_place(plain, match, written):
            yield Found(match.start(), match.start() + len(written), "URL", _with_small_host(written))


def find_emails(plain: PlainText) -> Iterator[Found]:
    """Yield the e-mail addresses of a text."""
    for match in _EMAIL.finditer(plain.text):
        local, host = match[1].lstrip(".'-"), match[2].rstrip("-_")
        start, end = match.end(1) - len(local), match.start(2) + len(host)
        if local and _takes_mail(host, was_defanged=plain.was_defanged(start, end)):
            yield Found(start, end, "EMAIL", canonical("email", f"{local}@{host}"))


def _takes_mail(host: str, *, was_defanged: bool) -> bool:
    labels = host.lower().split(".")
    if has_suffix(labels) or labels[-1] in _INNER_MAIL:
        return True
    # `icon@2x.png` is a file.
    return was_defanged and labels[-1].isalpha() and not ends_as_file(host)


def _several(plain: PlainText, match: re.Match[str]) -> Iterator[Found]:
    """Yield the URLs of a row of characters without white space: mostly one."""
    at = match.start()
    while True:
        row = plain.text[at : min(match.end(), at + MAX_URL)]
        scheme = row.find("://")
        if scheme < 0:
            return
        other = _SEVERAL.search(row, scheme + 3)
        written = trimmed(row if other is None else row[: other.start()])
        value = _url(written)
        if value:
            yield Found(at, at + len(written), "URL", value)
        if other is None or at + other.end() >= match.end():
            return
        at += other.end()


def _url(written: str) -> str:
    """Return a URL's canonical form; empty where it is none that leads to a host."""
    scheme, _, rest = written.partition("://")
    if scheme.lower() in _NO_HOSTS or not rest:
        return ""
    try:
        url = read_url(written)
    except UrlError:
        return ""
    ending = url.host.rpartition(".")[2]
    if not url.is_address and (len(ending) < 2 or ending.isdigit()):
        return ""
    if "." not in url.host and not url.is_address and not _is_inner(scheme.lower(), url.host, rest):
        return ""
    return canonical("url", written)


def _is_inner(scheme: str, host: str, rest: str) -> bool:
    """Tell whether a host of one word is one: `localhost`, or a name with a port or a path behind it."""
    return scheme in _WEB and (host == "localhost" or len(rest.rstrip("/")) > len(host))


def _is_place(plain: PlainText, match: re.Match[str], written: str) -> bool:
    """Tell whether a host and a path without a scheme are a URL, and no network, list or path of a file."""
    host = match[1]
    if len(written.rstrip("/")) <= len(host) or _HOST_WITH_PORT.fullmatch(written.rstrip("/")):
        return False
    if _NETWORK_OR_PORT.fullmatch(written) or _ANOTHER_HOST.fullmatch(written):
        return False
    start, end = match.span(1)
    if not host.replace(".", "").isdigit():
        was = plain.was_defanged(start, end)
        before = plain.text[max(0, start - 40) : start]
        return kind_of(host, before=before, following="/", was_defanged=was) == "host"
    try:
        return read_url(written).is_address
    except UrlError:
        return False


def _with_small_host(written: str) -> str:
    host, slash, rest = written.partition("/")
    name, colon, port = host.partition(":")
    return f"{canonical('domain', name)}{colon}{port}{slash}{rest}"
