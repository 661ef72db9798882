"""One client's stream: pyjabber's protocol, parser and negotiation, with their defects mended.

Only the server's own process imports this, after `imports.prepare`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import uuid4
from xml import sax
from xml.etree.ElementTree import Element, SubElement
from xml.sax import expatreader
from xml.sax.handler import LexicalHandler, feature_external_ges, property_lexical_handler

from pyjabber import AppConfig
from pyjabber.network.parsers.XMLParser import XMLParser
from pyjabber.network.protocols.XMLProtocol import XMLProtocol
from pyjabber.stream.negotiators.StreamNegotiator import StreamNegotiator
from pyjabber.stream.utils.Enums import Signal, Stage

from ejabberd.embedded.address import Address
from ejabberd.embedded.login import Login
from ejabberd.embedded.router import Router
from ejabberd.embedded.sessions import Session
from ejabberd.embedded.stanza import CLIENT, STREAMS, result, stream_error, to_bytes
from vedette.errors import RefusedError

MAX_STANZA = 1024 * 1024
"""Bytes of one stanza; a stream that sends more is closed (RFC 6120 section 13.12)."""

MAX_DEPTH = 64
"""Elements inside each other."""

MAX_UNSENT = 32 * 1024 * 1024
"""Bytes waiting for a client that does not read; then its stream is closed."""

LOGIN_SECONDS = 30.0
"""How long a connection may take to log in and bind."""

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"

_log = logging.getLogger(__name__)


class StreamRefusedError(Exception):
    """A stream must end; `condition` is the stream error (RFC 6120 section 4.9.3)."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        super().__init__(condition)


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What every stream needs."""

    router: Router
    """Where stanzas go."""
    login: Login
    """Who may log in."""
    tls: ssl.SSLContext
    """The server's certificate."""

    def configure(self) -> None:
        """Set the process-wide configuration that pyjabber's classes read; only what is used is there."""
        AppConfig.app_config = SimpleNamespace(
            host=self.router.domain.domain,
            ssl_context=self.tls,
            plugins=[],  # no "jabber:iq:register": registration is neither offered nor answered
            ip=[],
            message_persistence=False,
            verbose=False,
        )


class _Restricted(LexicalHandler):
    """Refuses what XMPP forbids, entity bombs among them (RFC 6120 section 11.1)."""

    def startDTD(self, name: str, public_id: str | None, system_id: str | None) -> NoReturn:
        raise StreamRefusedError("restricted-xml")

    def comment(self, content: str) -> NoReturn:
        raise StreamRefusedError("restricted-xml")


class _Parser(XMLParser):
    """pyjabber's parser with limits, whole text, and a fresh document at each stream restart."""

    def __init__(self, transport: asyncio.Transport, stream: ClientStream) -> None:
        self._stream = stream
        self._text: list[str] = []
        self._sealed = False
        super().__init__(
            transport, stream, stream_negotiator=_Negotiation, stanza_handler=lambda _transport: _Stanzas(stream)
        )

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: Any) -> None:
        # Nothing may come in the clear after <starttls/>: it would be taken for the client's own (CVE-2011-0411).
        if self._sealed or len(self._stack) >= MAX_DEPTH:
            raise StreamRefusedError("policy-violation")
        if not self._stack and name != (STREAMS, "stream"):
            raise StreamRefusedError("invalid-namespace")
        self._flush()
        super().startElementNS(name, qname, attrs)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:
        self._flush()
        if len(self._stack) == 1:
            self._stream.close()
            return
        element = self._stack.pop()
        if len(self._stack) > 1:
            self._stack[-1].append(element)
            return
        self._stream.unfinished = 0
        self._sealed = element.tag == f"{{{TLS}}}starttls"
        self._stream_negotiator.put(element)

    def characters(self, content: str) -> None:
        # Joined at once: pyjabber's `text + content` copies a large body for each 8 KiB of it. Text between
        # stanzas is a keep-alive (RFC 6120 section 4.6.1), which pyjabber would collect for ever.
        if len(self._stack) > 1:
            self._text.append(content)

    def processingInstruction(self, target: str, data: str) -> NoReturn:
        raise StreamRefusedError("restricted-xml")

    def reset_stack(self) -> None:
        # A restarted stream is a new XML document (RFC 6120 section 4.3.3); pyjabber goes on in the old one,
        # so a client that sends an XML declaration would be thrown out.
        self._text.clear()
        self._sealed = False
        super().reset_stack()
        self._stream.restart_document()

    def _flush(self) -> None:
        if self._text:
            super().characters("".join(self._text))
            self._text.clear()


class _Negotiation(StreamNegotiator):
    """pyjabber's stages; every failure closes the stream with its reason instead of leaving it to hang."""

    _transport: Any

    async def handle_open_stream(self, elem: Element) -> Signal | None:
        if self._protocol is None or self._protocol.is_closing:
            return None
        try:
            if elem.tag == f"{{{STREAMS}}}stream":
                self._open()
            elif self._stage in {Stage.CONNECTED, Stage.SSL, Stage.AUTH}:
                raise StreamRefusedError("not-authorized")
            return await self._stages_handlers[self._stage](elem)
        except StreamRefusedError as refusal:
            self._protocol.fail(refusal.condition)
        except Exception:  # noqa: BLE001  # one stream's trouble must not be another's
            _log.exception("negotiation failed")
            self._protocol.fail("internal-server-error")
        return None

    def _open(self) -> None:
        if self._stage not in {Stage.CONNECTED, Stage.SSL, Stage.AUTH}:
            raise StreamRefusedError("policy-violation")
        self._transport.write(
            f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' version='1.0' "
            f"id='{uuid4()}' from='{self._host}' xml:lang='en'>".encode()
        )

    async def _handle_tls(self, element: Element) -> Signal | None:
        if element.tag != f"{{{TLS}}}starttls":
            raise StreamRefusedError("policy-violation")
        stream: ClientStream = self._protocol
        # The restart comes first: the first bytes inside TLS may arrive before start_tls returns here, and
        # pyjabber, which resets after it, then forgets the stream header that it has just read.
        self._transport.pause_reading()
        self._transport.write(f"<proceed xmlns='{TLS}'/>".encode())
        self._parser.reset_stack()
        self._stage = Stage.SSL
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport, stream, AppConfig.app_config.ssl_context, server_side=True
            )
        except OSError:
            # The client left or does not trust us: nothing that the server's log should fill with.
            stream.abort()
            return None
        self._transport = stream.transport = self._parser.transport = self._handler.transport = transport
        return None

    async def _handle_ssl(self, element: Element) -> None:
        stream: ClientStream = self._protocol
        if element.tag != f"{{{SASL}}}auth":
            raise StreamRefusedError("not-authorized")
        if element.get("mechanism") != "PLAIN":
            stream.fail_login("invalid-mechanism")
            return
        known = await stream.wiring.login.check((element.text or "").strip())
        if known is None:
            stream.fail_login("not-authorized")
            return
        stream.user, stream.credential = known
        self._transport.write(f"<success xmlns='{SASL}'/>".encode())
        self._parser.reset_stack()
        self._stage = Stage.AUTH

    async def _handle_resource_bind(self, element: Element) -> Signal | None:
        request = element.find(f"{{{BIND}}}bind")
        if element.tag != f"{{{CLIENT}}}iq" or element.get("type") != "set" or request is None:
            raise StreamRefusedError("not-authorized")
        stream: ClientStream = self._protocol
        wanted = (request.findtext(f"{{{BIND}}}resource") or "").strip()
        # pyjabber ignores the resource asked for, so a restarted agent would sit beside its own ghost.
        resource = wanted if 0 < len(wanted) <= 200 and wanted.isprintable() else str(uuid4())
        session = stream.bind(resource)
        bound = Element(f"{{{BIND}}}bind")
        SubElement(bound, f"{{{BIND}}}jid").text = str(session.address)
        self._transport.write(to_bytes(result(element, bound)))
        return Signal.DONE


class _Stanzas:
    """What pyjabber's queue feeds with the stanzas of a bound stream."""

    def __init__(self, stream: ClientStream) -> None:
        self._stream = stream

    async def feed(self, stanza: Element) -> None:
        """Handle one stanza; never raises, since that would end pyjabber's queue and hang the stream."""
        stream = self._stream
        if stream.session is None or stream.is_closing:
            return
        try:
            stream.wiring.router.handle(stream.session, stanza)
        except RefusedError:
            stream.fail("unsupported-stanza-type")
        except Exception:  # noqa: BLE001  # one stream's trouble must not be another's
            _log.exception("stanza of %s failed", stream.session.address)
            stream.fail("internal-server-error")


class ClientStream(XMLProtocol):
    """A client's connection from TCP to bound session."""

    _transport: Any
    _xml_parser: Any

    def __init__(self, *, wiring: Wiring, ended: Callable[[ClientStream], None]) -> None:
        super().__init__(namespace=CLIENT, connection_timeout=None)
        self.wiring = wiring
        self.session: Session | None = None
        """Set once bound."""
        self.user = ""
        """The account, once logged in."""
        self.credential = ""
        """The stored hash that it logged in with: another one there ends the session."""
        self.unfinished = 0
        """Bytes since the last whole stanza."""
        self.is_closing = False
        """Nothing more is read from it."""
        self._ended = ended
        self._parser: _Parser | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the stream (asyncio calls this)."""
        self._transport = transport
        self._peer = transport.get_extra_info("peername")
        self._parser = _Parser(transport, self)
        self.restart_document()
        self._deadline = asyncio.get_running_loop().call_later(LOGIN_SECONDS, self.fail, "connection-timeout")

    def restart_document(self) -> None:
        """Parse what comes next as a new XML document."""
        self._xml_parser = expatreader.create_parser(namespaceHandling=1)  # noqa: S315  # DTDs are refused below
        self._xml_parser.setFeature(feature_external_ges, False)
        self._xml_parser.setProperty(property_lexical_handler, _Restricted())
        self._xml_parser.setContentHandler(self._parser)
        self.unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Parse what came (asyncio calls this); whatever is wrong with it ends this stream only."""
        if self.is_closing:
            return
        self.unfinished += len(data)
        try:
            self._xml_parser.feed(data)
        except StreamRefusedError as refusal:
            self.fail(refusal.condition)
        except sax.SAXException:
            self.fail("not-well-formed")
        except Exception:  # noqa: BLE001  # one stream's trouble must not be another's
            _log.exception("parsing failed")
            self.fail("internal-server-error")
        if self.unfinished > MAX_STANZA:
            self.fail("policy-violation")

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the session out (asyncio calls this); pyjabber keeps it and tells nobody."""
        self.is_closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._parser is not None:
            self._parser.cancel_queue_bridge()
        if self.session is not None:
            self.wiring.router.gone(self.session)
        self._ended(self)

    def eof_received(self) -> None:
        """Let asyncio close the connection: half a stream is none."""

    def bind(self, resource: str) -> Session:
        """Make the session of the account that logged in (RFC 6120 section 7)."""
        address = Address(user=self.user, domain=self.wiring.router.domain.domain, resource=resource)
        self.session = Session(address=address, write=self.write, end=self.fail)
        if self._deadline is not None:
            self._deadline.cancel()
        self.wiring.router.bind(self.session)
        return self.session

    def write(self, data: bytes) -> None:
        """Send bytes, unless the client is gone or does not read what it got."""
        if self.is_closing:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            _log.warning("%s does not read: closed", self.user)
            self.abort()

    def fail_login(self, condition: str) -> None:
        """Refuse the login and close (RFC 6120 section 6.4.5)."""
        self._end(f"<failure xmlns='{SASL}'><{condition}/></failure></stream:stream>".encode())

    def fail(self, condition: str) -> None:
        """Close the stream with an error."""
        self._end(stream_error(condition))

    def close(self) -> None:
        """Close the stream in peace."""
        self._end(b"</stream:stream>")

    def abort(self) -> None:
        """Drop the connection at once."""
        self.is_closing = True
        self._transport.abort()

    def _end(self, last_words: bytes) -> None:
        if self.is_closing:
            return
        self.is_closing = True
        if self.session is not None:
            self.wiring.router.gone(self.session)
        self._transport.write(last_words)
        self._transport.close()
        # A client that does not read would hold the socket open for ever.
        asyncio.get_running_loop().call_later(2.0, self._transport.abort)
