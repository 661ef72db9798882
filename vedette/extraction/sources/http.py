"""`http`, `httpr`: HTTP requests as sensors saw them."""

from __future__ import annotations

from pathlib import Path

from vedette.extraction.mapped import MappedExtractor

_FOLDER = Path(__file__).parent


class Http(MappedExtractor):
    """Reads requests."""

    name = "http"
    summary = "HTTP requests: client, server, port, name, URI and referrer"
    mapping = _FOLDER / "http.yml"


class HttpRaw(MappedExtractor):
    """Reads requests with their raw headers."""

    name = "httpr"
    summary = "HTTP requests with their raw headers: client, server, port, name, URI and referrer"
    mapping = _FOLDER / "httpr.yml"
