"""`banner`, `serverbanner`, `clientbanner`: what programs say of themselves when they are spoken to, or speak."""

from __future__ import annotations

from pathlib import Path

from vedette.extraction.mapped import MappedExtractor

_FOLDER = Path(__file__).parent


class Banner(MappedExtractor):
    """Reads banners of servers as Stucco's graphs have them."""

    name = "banner"
    summary = "Banners by address and port"
    mapping = _FOLDER / "banner.yml"


class ServerBanner(MappedExtractor):
    """Reads banners of servers."""

    name = "serverbanner"
    summary = "Banners of servers by address and port, and what they name"
    mapping = _FOLDER / "serverbanner.yml"


class ClientBanner(MappedExtractor):
    """Reads banners of clients."""

    name = "clientbanner"
    summary = "Banners of clients by address and the port that they speak to, and what they name"
    mapping = _FOLDER / "clientbanner.yml"
