"""Authorities whose certificates name a revocation list, the lists, and a place over HTTP that has them."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.vedette.evidence.forge import ROOT, UNIT, Chain, Order, chain, token
from vedette.clock import Clock, to_datetime
from vedette.evidence.timestamping import TimestampAuthority
from vedette.evidence.token import VerifiedToken, verify_token


def listed_chain(url: str, *, start: datetime, root: int = 1) -> Chain:
    """A signer whose certificate names a distribution point."""
    points = x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)]
    )
    unit = UNIT.but(start=start, days=3_000, extra=((points, False),))
    return chain(unit, ROOT.but(start=start, days=6_000, number=root))


def revocation_list(
    of: Chain,
    *,
    made: datetime,
    revoked: datetime | None = None,
    reason: x509.ReasonFlags | None = None,
) -> bytes:
    """The root's list, with the signer revoked where that is wanted."""
    root = of.issued[-1]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.subject)
        .last_update(made)
        .next_update(made + timedelta(days=7))
    )
    if revoked is not None:
        entry = x509.RevokedCertificateBuilder().serial_number(of.signer.certificate.serial_number)
        entry = entry.revocation_date(revoked)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)


class ListedAuthority(TimestampAuthority):
    """Stamps with a chain that names a distribution point."""

    def __init__(self, of: Chain, *, clock: Clock, name: str) -> None:
        super().__init__(name=name, external=True)
        self.chain = of
        self._clock = clock
        self._serial = 0

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        self._serial += 1
        moment = to_datetime(self._clock.now()).strftime("%Y%m%d%H%M%SZ").encode()
        order = Order(imprint=imprint, imprint_digest=digest_algorithm, gen_time=moment, serial=self._serial)
        return verify_token(
            token(self.chain, order), imprint=imprint, digest_algorithm=digest_algorithm, roots=self.chain.roots
        )


class ListServer:
    """Answers every GET with what it was given, or in a way of `answer`'s choice."""

    def __init__(self) -> None:
        self.body = b""
        self.status = "200 OK"
        self.headers = ""
        self.length: int | None = None
        self.silent = False
        self.requests: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/list.crl"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head.split(b" ")[1].decode())
            if self.silent:
                await asyncio.Event().wait()
            length = len(self.body) if self.length is None else self.length
            writer.write(f"HTTP/1.1 {self.status}\r\n{self.headers}Content-Length: {length}\r\n\r\n".encode())
            writer.write(self.body)
            await writer.drain()
        writer.close()
