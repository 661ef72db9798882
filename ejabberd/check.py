"""Looking at an XMPP server from outside, as a client would: reachable, verified, and not wider open than meant."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree.ElementTree import Element, XMLPullParser

from vedette.clock import MICROSECONDS, Clock, SystemClock
from vedette.errors import ConfigurationError, ConnectionFailedError

TIMEOUT = 10.0
"""Seconds for each step."""

EXPIRES_SOON = 30 * 86_400 * MICROSECONDS
"""A certificate with less left (microseconds) is a problem."""

MAX_ANSWER = 256 * 1024
"""Bytes read of a server's answers at most."""

_STREAMS = "http://etherx.jabber.org/streams"
_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_REGISTER = "{http://jabber.org/features/iq-register}register"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which server to look at."""

    domain: str
    """The XMPP domain, which the certificate must name."""
    host: str
    """Where to connect."""
    port: int
    """Where to connect."""
    ca_file: Path
    """PEM of the CA that the certificate must come from."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found."""

    address: str
    """Host and port."""
    tls: str
    """Negotiated version and cipher."""
    certificate_expires: int
    """Microseconds since 1970, UTC."""
    mechanisms: tuple[str, ...]
    """SASL mechanisms offered inside TLS."""
    problems: tuple[str, ...]
    """What is not as it should be; empty when all is well."""


def check_server(target: Target, *, clock: Clock | None = None) -> Report:
    """Connect, verify TLS, read the stream features and judge them.

    Raises:
        ConnectionFailedError: no connection, no XMPP, or a certificate that does not verify.
        ConfigurationError: the CA file cannot be read.
    """
    address = f"{target.host}:{target.port}"
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(str(target.ca_file), "", f"cannot be read as a CA file: {error}") from error
    try:
        with socket.create_connection((target.host, target.port), timeout=TIMEOUT) as plain:
            before = _open(plain, target.domain)
            _start_tls(plain, before)
            with context.wrap_socket(plain, server_hostname=target.domain) as secure:
                return _judge(address, before, _open(secure, target.domain), secure, clock or SystemClock())
    except ssl.SSLCertVerificationError as error:
        raise ConnectionFailedError(
            f"{address}: the certificate is not to be trusted: {error.verify_message}"
        ) from error
    except OSError as error:
        raise ConnectionFailedError(f"{address}: cannot connect: {error}") from error


def _judge(address: str, before: Element, inside: Element, secure: ssl.SSLSocket, clock: Clock) -> Report:
    certificate = secure.getpeercert() or {}
    expires = int(ssl.cert_time_to_seconds(str(certificate.get("notAfter")))) * MICROSECONDS
    mechanisms = tuple(sorted(entry.text or "" for entry in inside.iter(f"{{{_SASL}}}mechanism")))
    problems = []
    if before.find(f".//{{{_SASL}}}mechanism") is not None:
        problems.append("offers login without TLS")
    if any(features.find(_REGISTER) is not None for features in (before, inside)):
        problems.append("lets strangers register accounts")
    if not mechanisms:
        problems.append("offers no way to log in")
    if expires - clock.now() < EXPIRES_SOON:
        problems.append("its certificate expires within 30 days; run `vedette xmpp init` again and restart it")
    version, cipher = secure.version() or "?", (secure.cipher() or ("?",))[0]
    return Report(
        address=address,
        tls=f"{version} {cipher}",
        certificate_expires=expires,
        mechanisms=mechanisms,
        problems=tuple(problems),
    )


def _open(connection: socket.socket, domain: str) -> Element:
    header = f"<stream:stream to='{domain}' version='1.0' xmlns='jabber:client' xmlns:stream='{_STREAMS}'>"
    connection.sendall(f"<?xml version='1.0'?>{header}".encode())
    return _read(connection, f"{{{_STREAMS}}}features")


def _start_tls(connection: socket.socket, features: Element) -> None:
    if features.find(f"{{{_TLS}}}starttls") is None:
        raise ConnectionFailedError("the server offers no STARTTLS")
    connection.sendall(f"<starttls xmlns='{_TLS}'/>".encode())
    _read(connection, f"{{{_TLS}}}proceed")


def _read(connection: socket.socket, wanted: str) -> Element:
    parser: XMLPullParser[Element] = XMLPullParser(["end"])
    total = 0
    while total < MAX_ANSWER:
        data = connection.recv(4096)
        if not data:
            break
        total += len(data)
        try:
            parser.feed(data)
            elements: list[Any] = [event[-1] for event in parser.read_events()]
        except SyntaxError as error:
            raise ConnectionFailedError(f"the server does not speak XMPP: {error}") from error
        for element in elements:
            if element.tag == wanted:
                return cast("Element", element)
            if element.tag == f"{{{_STREAMS}}}error":
                condition = element[0].tag.rpartition("}")[2] if len(element) else "unknown"
                raise ConnectionFailedError(f"the server refuses the stream: {condition}")
    raise ConnectionFailedError("the server closed the stream before it answered")
