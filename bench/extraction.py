"""How fast large feeds become subgraphs, and how much memory that takes: NVD's XML and JSON, EPSS, Argus' flows.

`python bench/extraction.py [--quick]`. Each document is made here and read in a process of its own. NVD's entries
have the density of the real feed: a median of 10 and a mean of 30 products. Memory is what the process grows by at
most, for each byte of the document: it has the subgraph in it. Each flow has ports of its own, the worst case.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say

from vedette.extraction.interface import Document, ExtractorCatalogue

SPREAD = math.sqrt(2 * math.log(3))
"""Of a lognormal distribution whose mean is three times its median."""

ENTRIES_A_SECOND = 800.0
"""72,000 entries in a tenth of the quarter of an hour in which they must be in the graph."""

MEMORY = 10.0
"""Bytes of memory for each byte of a document."""


def products(chance: random.Random) -> list[tuple[str, str, str]]:
    """Return vendor, product and version of what an entry concerns."""
    count = min(2_000, max(1, round(10 * math.exp(SPREAD * chance.gauss(0, 1)))))
    vendor, product = f"vendor{int(chance.paretovariate(1)) % 20_000}", chance.randrange(20)
    return [(vendor, f"product{product}", f"{number // 10}.{number % 10}") for number in range(count)]


def nvd_xml(chance: random.Random, entries: int) -> bytes:
    """Return a feed of the XML 2.0."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<nvd xmlns="n" xmlns:vuln="v" xmlns:cvss="c">\n']
    for number in range(entries):
        listed = "".join(
            f"<vuln:product>cpe:/a:{vendor}:{product}:{version}</vuln:product>\n"
            for vendor, product, version in products(chance)
        )
        parts.append(
            f'<entry id="CVE-2031-{number:05}">\n<vuln:vulnerable-software-list>\n{listed}'
            f"</vuln:vulnerable-software-list><vuln:cve-id>CVE-2031-{number:05}</vuln:cve-id>\n"
            "<vuln:published-datetime>2031-02-03T04:05:06.700-04:00</vuln:published-datetime>\n"
            "<vuln:cvss><cvss:base_metrics><cvss:score>7.5</cvss:score></cvss:base_metrics></vuln:cvss>\n"
            f'<vuln:cwe id="CWE-{number % 300 + 1}"/>\n'
            + "".join(
                '<vuln:references xml:lang="en" reference_type="UNKNOWN"><vuln:source>CONFIRM</vuln:source>\n'
                f'<vuln:reference href="https://vendor.example/{number}/{index}">x</vuln:reference></vuln:references>\n'
                for index in range(4)
            )
            + f"<vuln:summary>{'Something falls on somebody. ' * 12}</vuln:summary>\n</entry>\n"
        )
    return "".join([*parts, "</nvd>\n"]).encode()


def nvd_json(chance: random.Random, entries: int) -> bytes:
    """Return an answer of the CVE API 2.0."""
    return orjson.dumps({"vulnerabilities": [{"cve": _cve(chance, number)} for number in range(entries)]})


def _cve(chance: random.Random, number: int) -> dict[str, object]:
    matches = [
        {
            "vulnerable": True,
            "criteria": f"cpe:2.3:a:{vendor}:{product}:{version}:*:*:*:*:*:*:*",
            "matchCriteriaId": "7C8F21A8-4D2E-4E5F-9F0B-8E0F6F1C5D2A",
        }
        for vendor, product, version in products(chance)
    ]
    score = {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8}
    return {
        "id": f"CVE-2031-{number:05}",
        "published": "2031-02-03T04:05:06.700",
        "lastModified": "2031-02-03T04:05:06.700",
        "vulnStatus": "Analyzed",
        "descriptions": [{"lang": "en", "value": "Something falls on somebody. " * 12}],
        "metrics": {"cvssMetricV31": [{"type": "Primary", "cvssData": score}]},
        "weaknesses": [{"type": "Primary", "description": [{"lang": "en", "value": f"CWE-{number % 300 + 1}"}]}],
        "configurations": [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": matches}]}],
        "references": [{"url": f"https://vendor.example/{number}/{index}", "source": "x"} for index in range(4)],
    }


def epss(chance: random.Random, rows: int) -> bytes:
    """Return a day's scores."""
    head = "#model_version:v2031.03.01,score_date:2031-03-01T00:00:00+0000\ncve,epss,percentile\n"
    lines = (f"CVE-2031-{number:05},{chance.random():.5f},{chance.random():.5f}\n" for number in range(rows))
    return (head + "".join(lines)).encode()


def argus(chance: random.Random, rows: int) -> bytes:
    """Return flows between a few thousand addresses."""
    lines = (
        f"1373553586.136399, e s,6,10.0.{chance.randrange(8)}.{chance.randrange(256)},"
        f"{chance.randrange(1024, 65536)},->,192.0.2.{chance.randrange(256)},"
        f"{chance.choice((22, 53, 80, 443))},10,1000,REQ\n"
        for _ in range(rows)
    )
    return ("StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n" + "".join(lines)).encode()


def measure(source: str, file: str) -> tuple[float, float]:
    """Return the seconds that reading a document takes, and the bytes that the process grows by at most."""
    content = Path(file).read_bytes()
    extractor = ExtractorCatalogue().extractor(source)
    # Its modules are imported by now; what is highest is counted from here (proc(5), clear_refs).
    Path("/proc/self/clear_refs").write_text("5")
    before = _highest()
    begun = time.process_time()
    subgraph = extractor.extract(Document(content=content))
    seconds = time.process_time() - begun
    assert subgraph.vertices
    assert not subgraph.skipped
    return seconds, _highest() - before


def _highest() -> float:
    """Return the most bytes of memory that this process had."""
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.partition("VmHWM:")[2].split()[0])


def run(
    name: str,
    source: str,
    make: Callable[[random.Random, int], bytes],
    entries: int,
    target: float | None = None,
    memory_target: float | None = None,
) -> None:
    """Make a document, measure, and print the figures."""
    content = make(random.Random(7), entries)
    with tempfile.NamedTemporaryFile(suffix=f".{name}") as file:
        file.write(content)
        file.flush()
        say(f"{name}: {entries} entries, {len(content) / 1e6:.1f} MB")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(measure, (source, file.name))
    Figure(name=f"{name}_entries", value=entries / seconds, unit="entries/s", target=target, cpu_s=seconds).emit()
    growth = memory / len(content)
    Figure(name=f"{name}_memory", value=growth, unit="bytes a byte", target=memory_target, at_most=True).emit()


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small documents")
    share = 0.02 if parser.parse_args().quick else 1.0
    run("nvd_xml", "nvd", nvd_xml, round(10_000 * share), ENTRIES_A_SECOND, MEMORY)
    run("nvd_json", "nvd", nvd_json, round(5_000 * share), ENTRIES_A_SECOND, MEMORY)
    run("epss", "epss", epss, round(250_000 * share))
    run("argus", "argus", argus, round(200_000 * share))


if __name__ == "__main__":
    main()
