"""`http-headers`: what a web server answers: its address, where it leads to, and the products that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.records import Record
from vedette.extraction.sources.forms import FormExtractor, place_target
from vedette.extraction.subgraph import Position
from vedette.extraction.urls import UrlError, place_url, read_url

REDIRECTS_TO = "Redirects_To"
"""From a URL to the one that its answer names."""

MAX_PRODUCTS = 20
"""Products of one header."""

_COMMENT = re.compile(r"\([^()]*\)")
_PRODUCT = re.compile(r"(?P<name>[\w!#$%&'*+.^`|~-]{1,100})(?:/(?P<version>[\w!#$%&'*+.^`|~:-]{1,100}))?")
_NAMING = frozenset({"server", "x-powered-by"})


class HttpHeaders(FormExtractor):
    """Reads the answer of a web server."""

    name = "http-headers"
    summary = "Our probe http-headers: a URL's server, its address, redirect and products"

    def state(self, building: Building, form: Record) -> None:
        """State what was answered; nothing where nobody answered."""
        status, text = form.number("status"), form.text("url")
        if status is None or not text:
            return
        position = Position("answer")
        placed = place_url(
            building,
            text,
            position,
            httpStatus=int(status),
            bodySha256=form.text("body_sha256"),
        )
        address = form.text("address")
        socket = _socket(building, text, address, position)
        building.edge(placed.uri, socket, SUB_OBSERVABLE, position)
        for number, (name, value) in enumerate(form.pairs("headers")):
            if name.casefold() in _NAMING:
                place = Position(f"headers[{number}]")
                building.say(socket, banner=[f"{name}: {value}"])
                for product, version in _products(value):
                    building.edge(socket, building.product(product, place, version=version), SUB_OBSERVABLE, place)
        location = form.text("location")
        if "://" in location:
            building.edge(placed.uri, place_url(building, location, position).uri, REDIRECTS_TO, position)


def _socket(building: Building, text: str, address: str, position: Position) -> str:
    """Return the socket that answered, with what the URL's host resolved to."""
    try:
        url = read_url(text)
    except UrlError:
        # Said when it was to be placed.
        return ""
    if not address:
        return ""
    if not url.is_address:
        place_target(building, url.host, address, position)
    return building.socket(address, url.port or 80, position, tcpState="open")


def _products(value: str) -> Iterator[tuple[str, str]]:
    """Yield names and versions of products (RFC 9110, section 10.2.4); of several words, those with a version."""
    words = _COMMENT.sub(" ", value).replace(",", " ").split()[:MAX_PRODUCTS]
    for number, word in enumerate(words):
        found = _PRODUCT.fullmatch(word)
        if found is not None and (number == 0 or found["version"]):
            yield found["name"], found["version"] or ""
