"""`dnsrecord`: DNS answers as a sensor saw them."""

from __future__ import annotations

from pathlib import Path

from vedette.extraction.mapped import MappedExtractor


class DnsRecord(MappedExtractor):
    """Reads DNS answers."""

    name = "dnsrecord"
    summary = "DNS answers: which name resolved to what, who asked and who answered"
    mapping = Path(__file__).with_name("dnsrecord.yml")
