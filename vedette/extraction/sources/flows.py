"""`argus`, `situ`, `sno`: flows, as Argus prints them, as Situ scores them, and as Snort warns of them."""

from __future__ import annotations

from pathlib import Path

from vedette.extraction.mapped import MappedExtractor

_FOLDER = Path(__file__).parent


class Argus(MappedExtractor):
    """Reads flows."""

    name = "argus"
    summary = "Flows in Argus' CSV (the collector NETFLOW's): both ends, their addresses and ports"
    mapping = _FOLDER / "argus.yml"


class Situ(MappedExtractor):
    """Reads scored flows."""

    name = "situ"
    summary = "Flows with Situ's scores, as JSON objects"
    mapping = _FOLDER / "situ.yml"


class Sno(MappedExtractor):
    """Reads alerts."""

    name = "sno"
    summary = "Alerts of Snort, and the flows that they are about"
    mapping = _FOLDER / "sno.yml"
