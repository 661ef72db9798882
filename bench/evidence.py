"""What a proof costs: statement, tree, token and record; verification; size; the local authority.

`python bench/evidence.py [--quick]`. The peer is SCANDALE's way on the same local authority in the same run:
one blocking RFC 3161 request for each item.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, cpu_seconds, say

from vedette.canonical import canonical_json, sha256_hex
from vedette.clock import SystemClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.exchange import build_query
from vedette.evidence.hashtree import HashTree
from vedette.evidence.record import build_record, verify_record
from vedette.evidence.statement import batch_statement, item_statement, leaf
from vedette.evidence.token import VerifiedToken
from vedette.evidence.verification import RememberedTokens

BATCH = 1000
"""Items in a batch, the default."""


def make_statement(number: int, payload: bytes) -> bytes:
    """Return a statement as the intake writes it, its meta made canonical here."""
    uuid = str(uuid4())
    meta = {
        "uuid": uuid,
        "ts": 1_795_305_600,
        "type": "scan",
        "source": "vedette.in.structured.bench.probe",
        "agent": "probe1@localhost",
        "origin_seq": number,
        "collected_at": 1_795_305_600_123_456,
        "target": "127.0.0.1",
        "command": ["vedette:tcp-connect", "--port", "443"],
        "exit_code": 0,
    }
    return item_statement(
        meta_json=canonical_json(meta),
        uuid=uuid,
        payload_sha256=sha256_hex(payload),
        size=len(payload),
        received_at=1_795_305_601_000_000,
        engine="aggregation@localhost",
        epoch="0" * 16,
        log_index=number,
        manifest_sha256="0" * 64,
        salt="0" * 32,
    )


async def prove(authority: LocalAuthority, payloads: list[bytes]) -> tuple[list[bytes], list[bytes], VerifiedToken]:
    """Return statements and records of one batch, and its token."""
    statements = [make_statement(number, payload) for number, payload in enumerate(payloads)]
    batch = batch_statement(
        engine="aggregation@localhost",
        epoch="0" * 16,
        number=0,
        count=len(statements),
        first_log_index=0,
        last_log_index=len(statements) - 1,
        previous_root="",
    )
    tree = HashTree([*map(leaf, statements), leaf(batch)])
    token = await authority.stamp(tree.root)
    records = [build_record(path=tree.path(number), token=token.token) for number in range(len(statements))]
    return statements, records, token


def bench_proofs(
    authority: LocalAuthority, rounds: int, peer: float
) -> tuple[list[bytes], list[bytes], VerifiedToken]:
    """Print proofs a second on one core; returns the last batch."""
    payloads = [os.urandom(1024) for _ in range(BATCH)]
    asyncio.run(prove(authority, payloads))
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        last = asyncio.run(prove(authority, payloads))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    count = rounds * BATCH
    Figure(name="proofs", value=count / seconds, unit="items/s", target=5000, cpu_s=cpu, peer=peer).emit()
    Figure(name="CPU of a proof", value=cpu / count * 1e6, unit="us/item", cpu_s=cpu).emit()
    return last


def bench_verification(
    authority: LocalAuthority, statements: list[bytes], records: list[bytes], token: VerifiedToken, count: int
) -> None:
    """Print verifications a second of records that share a batch, and the size of a record."""
    verifier, now = RememberedTokens(), SystemClock().now()
    started, cpu = time.perf_counter(), time.process_time()
    for statement, record in list(zip(statements, records, strict=True))[:count]:
        verify_record(record, statement, roots=authority.roots, strict=True, now=now, verifier=verifier)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    Figure(name="records verified", value=count / seconds, unit="records/s", target=2000, cpu_s=cpu).emit()
    over = max(map(len, records)) - len(token.token)
    Figure(name="record over its token, N = 1,000", value=over, unit="bytes", target=700, at_most=True).emit()


def one_by_one(url: str, count: int) -> float:
    """Return items a second with one blocking request each, a new connection each, as SCANDALE makes them."""
    where = urlsplit(url)
    started = time.perf_counter()
    for _ in range(count):
        imprint = hashlib.sha256(os.urandom(1024)).digest()
        query = build_query(imprint, digest_algorithm="sha256", nonce=int.from_bytes(os.urandom(8), "big"))
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        connection.request("POST", where.path or "/", query, {"Content-Type": "application/timestamp-query"})
        assert connection.getresponse().read()
        connection.close()
    return count / (time.perf_counter() - started)


async def flood(url: str, count: int, clients: int) -> None:
    """Send `count` requests over `clients` kept connections."""
    where = urlsplit(url)
    query = build_query(bytes(32), digest_algorithm="sha256", nonce=7)
    head = f"POST {where.path or '/'} HTTP/1.1\r\nHost: {where.netloc}\r\n"
    head += f"Content-Type: application/timestamp-query\r\nContent-Length: {len(query)}\r\n\r\n"
    request = head.encode() + query

    async def client() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for _ in range(count // clients):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(clients)))


def bench_authority(folder: Path, requests: int, slow: int) -> float:
    """Print requests a second of the local authority over HTTP; returns SCANDALE's items a second."""
    argv = [sys.executable, "-m", "vedette.evidence.authority", "--folder", str(folder)]
    with subprocess.Popen([*argv, "--parent-pid", str(os.getpid())], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = orjson.loads(process.stdout.readline())["url"]
        cpu = cpu_seconds([process.pid])
        started = time.perf_counter()
        asyncio.run(flood(url, requests, 8))
        seconds, cpu = time.perf_counter() - started, cpu_seconds([process.pid]) - cpu
        Figure(
            name="local authority over HTTP", value=requests / seconds, unit="requests/s", target=1000, cpu_s=cpu
        ).emit()
        peer = one_by_one(url, slow)
        process.terminate()
    return peer


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few items, for the tests")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = LocalAuthority.open(folder, clock=SystemClock(), create=True)
        say("the local authority, and SCANDALE's way on it")
        peer = bench_authority(folder, 400 if quick else 8000, 50 if quick else 500)
        say("proofs")
        statements, records, token = bench_proofs(authority, 2 if quick else 30, peer)
        say("verification")
        bench_verification(authority, statements, records, token, 200 if quick else BATCH)


if __name__ == "__main__":
    main()
