"""Local servers that behave like the public authorities that have a profile: form of token, chain, roots, manners."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from tests.timing import PATIENCE
from tests.vedette.evidence.forge import MIDDLE, ROOT, UNIT, Chain, Order, chain, token
from tests.vedette.fetching.origin import Answer, Origin, reply
from vedette.evidence import der
from vedette.evidence.exchange import Failure, read_query, rejection
from vedette.evidence.timestamping import REPLY_TYPE


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How an authority answers."""

    kind: str = "rsa2048"
    root_kind: str = "rsa2048"
    root_number: int = 1
    middle: bool = True
    embed_root: bool = False
    status: int = 0
    policy: str = "1.3.6.1.4.1.32473.1"
    insists: bool = False
    """Whether another policy that is asked for is refused."""
    roots_der: bool = False
    order: dict[str, object] = field(default_factory=dict)


ACCURATE = der.sequence(der.integer(1))
FINE = der.sequence(der.encode(0x80, b"\x01\xf4"), der.encode(0x81, b"\x64"))
ORDERED = b"\x01\x01\xff"

MANNERS = {
    "freetsa": Manner(
        kind="p384",
        middle=False,
        embed_root=True,
        policy="1.2.3.4.1",
        insists=True,
        order={"digest": "sha512", "ordering": ORDERED},
    ),
    "digicert": Manner(policy="2.16.840.1.114412.7.1", order={"digest": "sha384"}),
    "sectigo": Manner(roots_der=True, order={"digest": "sha384", "ess": ("v1", "v2")}),
    "globalsign": Manner(roots_der=True, order={"accuracy": ACCURATE, "ess": ("v2",), "digest": "sha512"}),
    "apple": Manner(roots_der=True, status=1, order={"accuracy": FINE, "ess": ("v1",)}),
    "certum": Manner(
        kind="p256", root_kind="p521", roots_der=True, order={"accuracy": ACCURATE, "ordering": ORDERED}
    ),
}
"""What each is known for; the rest of its ways does not matter to a client."""


class Mimic:
    """An authority at `/tsr` with its root at `/root`."""

    def __init__(self, origin: Origin, manner: Manner) -> None:
        start = datetime.now(UTC) - timedelta(days=10)
        between = [MIDDLE.but(start=start, kind=manner.root_kind)] if manner.middle else []
        self.origin = origin
        self.manner = manner
        self.chain: Chain = chain(
            UNIT.but(start=start, kind=manner.kind, number=3),
            *between,
            ROOT.but(start=start, kind=manner.root_kind, number=manner.root_number),
        )
        self.busy = 0
        origin.answers["/tsr"] = self._stamp
        origin.answers["/root"] = reply(self.root_file)

    @property
    def url(self) -> str:
        return self.origin.url("/tsr")

    @property
    def root_file(self) -> bytes:
        root = self.chain.issued[-1].certificate
        return root.public_bytes(Encoding.DER if self.manner.roots_der else Encoding.PEM)

    async def _stamp(self, writer: asyncio.StreamWriter) -> None:
        if self.busy:
            self.busy -= 1
            await reply(b"slowly", status="429 Too Many Requests", Retry_After="15")(writer)
            return
        await self._answer(self.origin.requests[-1].body)(writer)

    def _answer(self, request: bytes) -> Answer:
        query, manner = read_query(request), self.manner
        if manner.insists and query.policy not in {None, manner.policy}:
            return reply(rejection(Failure.unacceptedPolicy, "not ours"), Content_Type=REPLY_TYPE)
        embed = self.chain.issued if manner.embed_root else self.chain.issued[:-1]
        order = Order(
            imprint=query.imprint,
            imprint_digest=query.digest_algorithm,
            nonce=query.nonce,
            policy=query.policy or manner.policy,
            gen_time=datetime.now(UTC).strftime("%Y%m%d%H%M%SZ").encode(),
            embed=tuple(sorted(issued.der for issued in embed)) if query.cert_req else (),
        ).but(**manner.order)
        made = der.sequence(der.sequence(der.integer(manner.status)), token(self.chain, order))
        return reply(made, Content_Type=REPLY_TYPE)


@contextmanager
def running(manner: Manner) -> Iterator[Mimic]:
    """A mimic on a thread of its own, for commands that run to their end."""
    loop, origin = asyncio.new_event_loop(), Origin()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(origin.start(), loop).result(timeout=PATIENCE)
        yield Mimic(origin, manner)
    finally:
        asyncio.run_coroutine_threadsafe(origin.stop(), loop).result(timeout=PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=PATIENCE)
        loop.close()
