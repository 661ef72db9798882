"""`SYSLOG`: listens for messages over UDP, TCP or TLS (RFC 5426, 6587, 5425)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from vedette.collection.collectors.syslog_intake import Intake, Stream, UdpPort
from vedette.collection.configuration import SourceConfiguration
from vedette.collection.desk import Desk
from vedette.collection.interface import Collector

MAX_CONNECTIONS = 500
"""Senders that are listened to at a time."""

FORM = "syslog/1"
"""The items' format: a JSON object a line, `raw` with what was understood of it, when it came and from whom."""

_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}


class Syslog(Collector):
    """Listens where others send their logs to."""

    summary = "Syslog messages (RFC 5424 and 3164) that are sent to a port: udp://, tcp:// or tls://"

    def lasts(self, source: SourceConfiguration) -> bool:
        """Return True: it listens."""
        return True

    def objection(self, source: SourceConfiguration) -> str | None:
        """Return what is wrong with the address or the certificate's files."""
        try:
            where = urlsplit(source.source_uri)
            port = where.port
        except ValueError:
            return "source-URI: is no address, such as udp://127.0.0.1:514"
        if where.scheme not in _PORTS or not where.hostname or where.path.strip("/") or port is None:
            return "source-URI: must be udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"
        if (where.scheme == "tls") != (source.certificate_file is not None):
            return "certificate-file: is for tls://, which needs it"
        if source.cron:
            return "cron: it listens all the time; leave it out"
        return None

    async def collect(self, desk: Desk) -> None:
        """Listen until the run is ended; what came is committed at least once a second."""
        if not desk.lasting:
            desk.report.fail(f"{desk.source.source_uri}: listens as long as its collector runs, not once")
            desk.report.complete = False
            return
        where = urlsplit(desk.source.source_uri)
        intake = Intake(desk, form=FORM)
        try:
            context = await asyncio.to_thread(_context, desk) if where.scheme == "tls" else None
            async with _listening(where, intake, context) as port:
                host = f"[{where.hostname}]" if ":" in (where.hostname or "") else where.hostname
                desk.report.uri = f"{where.scheme}://{host}:{port}"
                await intake.commit_as_it_comes()
        except OSError as error:
            desk.report.fail(f"{desk.source.source_uri}: {error.strerror or error}")
            desk.report.complete = False


@contextlib.asynccontextmanager
async def _listening(where: SplitResult, intake: Intake, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Listen, and yield the port.

    Raises:
        OSError: the port is taken, or may not be listened on.
    """
    loop = asyncio.get_running_loop()
    if where.scheme == "udp":
        transport, _ = await loop.create_datagram_endpoint(
            lambda: UdpPort(intake), local_addr=(where.hostname or "", where.port or 0)
        )
        try:
            yield int(transport.get_extra_info("sockname")[1])
        finally:
            transport.close()
        return
    streams: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(streams) >= MAX_CONNECTIONS:
            intake.refuse(f"more than {MAX_CONNECTIONS} senders at a time")
            writer.close()
            return
        streams.add(task)
        task.add_done_callback(streams.discard)
        await Stream(intake, reader, writer, transport=where.scheme).listen()

    server = await asyncio.start_server(connected, where.hostname, where.port or 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        ending = list(streams)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


def _context(desk: Desk) -> ssl.SSLContext:
    """Return what a TLS listener shows, and whom it lets in.

    Raises:
        OSError: a file cannot be read, or is no certificate or key.
    """
    source = desk.source
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # RFC 9662 section 4: 1.2 is what every sender has.
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def path(file: Path | None) -> str | None:
        return None if file is None else str(desk.folder / file)

    context.load_cert_chain(path(source.certificate_file) or "", path(source.certificate_key_file))
    if source.client_ca_file is not None:
        context.load_verify_locations(path(source.client_ca_file))
        context.verify_mode = ssl.CERT_REQUIRED
    return context
