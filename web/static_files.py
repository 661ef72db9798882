"""The files that pages need beside HTML: a fixed list, so that no path is ever looked up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_CONTENT_TYPES = {
    "base.css": "text/css",
    "parts.css": "text/css",
    "agent.css": "text/css",
    "forms.css": "text/css",
    "docs.css": "text/css",
    "console.css": "text/css",
    "tour.css": "text/css",
    "jobs.css": "text/css",
    "items.css": "text/css",
    "graph.css": "text/css",
    "text.css": "text/css",
    "vedette.svg": "image/svg+xml",
    "live.js": "text/javascript",
    "list.js": "text/javascript",
    "timeline.js": "text/javascript",
    "copy.js": "text/javascript",
    "job.js": "text/javascript",
    "job_new.js": "text/javascript",
    "setup.js": "text/javascript",
    "graph.js": "text/javascript",
    "graph_canvas.js": "text/javascript",
    "graph_layout.js": "text/javascript",
    "text.js": "text/javascript",
}


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """One file as it is served."""

    content_type: str
    """MIME type, without a charset: all of them are UTF-8."""
    body: bytes
    """The content."""


@cache
def static_files() -> dict[str, StaticFile]:
    """Return every static file by its name."""
    folder = files("web") / "static"
    return {
        name: StaticFile(content_type=content_type, body=(folder / name).read_bytes())
        for name, content_type in _CONTENT_TYPES.items()
    }
