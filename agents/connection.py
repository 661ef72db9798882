"""The XMPP connection that SPADE lacks: verified TLS, host apart from domain, XEP-0198, reconnection."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.util.sasl.client import MECHANISMS
from slixmpp.util.sasl.mechanisms import SCRAM
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp.xmlstream.matcher.base import MatcherBase
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.tostring import tostring

from vedette.delivery.backoff import Backoff
from vedette.errors import ConnectionFailedError
from vedette.log import Logger
from vedette.tls import tls_context

ATTEMPT_WITHIN = 20.0
"""Seconds that one attempt may take, from TCP to session."""

PING_EVERY = 10.0
"""Seconds between pings (XEP-0199): with `PING_WITHIN` a cut cable is noticed in at most 20 s."""

PING_WITHIN = 10.0
"""Seconds to wait for a ping's answer."""

PRIORITY = 1
"""Presence priority: with 0 the embedded server gives a restarted agent nothing."""

_LONG = 1024
"""Characters from which escaping a text by itself pays."""

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"), ('"', "&quot;"))


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """Where the XMPP server listens; the domain is the JID's and may be another name."""

    host: str
    """Host name or address."""
    port: int
    """TCP port of client connections (STARTTLS)."""
    ca_file: Path | None = None
    """PEM roots that its certificate must chain to; None: the system's."""
    others: tuple[tuple[str, int], ...] = ()
    """Host and port of the cluster's other nodes: any of them serves every account."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, server: str, *, others: Sequence[str] = (), ca_file: Path | None = None) -> Self:
        """Return what `host:port` and further ones say, as a credentials file has them."""
        (host, port), *rest = (_host_and_port(text) for text in (server, *others))
        return cls(host=host, port=port, ca_file=ca_file, others=tuple(rest))

    def in_turn(self, jid: str) -> list[Self]:
        """Return all nodes in the order in which an account tries them.

        Each account has an order of its own, the same at each start: a fleet spreads over the nodes, and the
        agents of one that dies over those that are left (rendezvous hashing, Thaler and Ravishankar 1998).
        """
        nodes = dict.fromkeys([(self.host, self.port), *self.others])
        weighed = sorted(nodes, key=lambda node: hashlib.sha256(f"{jid} {node[0]}:{node[1]}".encode()).digest())
        return [replace(self, host=host, port=port, others=()) for host, port in weighed]


class OpensslScram(SCRAM):
    """SCRAM (RFC 5802) whose key stretching is OpenSSL's: 1.5 ms of CPU a login instead of 20 in Python."""

    def Hi(self, text: str | bytes, salt: bytes, iterations: int) -> bytes:
        """Return the salted password: PBKDF2 (RFC 5802 section 2.2)."""
        password = text.encode() if isinstance(text, str) else text
        return hashlib.pbkdf2_hmac(self.hash().name, password, salt, iterations)


def stretch_by_openssl() -> None:
    """Make slixmpp's clients of this process use `OpensslScram`; calling it again changes nothing."""
    for name, mechanism in MECHANISMS.items():
        if mechanism is SCRAM:
            MECHANISMS[name] = OpensslScram


class Client(ClientXMPP):
    """A slixmpp client that verifies TLS, never approves by itself and never resumes a stream."""

    def __init__(self, *, jid: str, password: str, context: ssl.SSLContext) -> None:
        # Given here: slixmpp would load the system's roots twice first, 40 ms of CPU a client.
        super().__init__(jid, password, ssl_context=context)
        stretch_by_openssl()
        # slixmpp approves every subscription unless told not to decide at all.
        self.auto_authorize = None
        self.auto_subscribe = False
        self.enable_direct_tls = False
        self.enable_plaintext = False
        self.whitespace_keepalive = False
        self.register_plugin("xep_0199")
        self.register_plugin("xep_0004")
        self.register_plugin("xep_0198", {"allow_resume": False, "window": 20})
        # After XEP-0198's own filter, which counts stanzas and would not count text.
        self.add_filter("out_sync", self._as_text)

    def connection_lost(self, exception: BaseException | None) -> None:
        """End the session with the connection: a stream is never resumed, so nothing may linger."""
        self.end_session_on_disconnect = True
        super().connection_lost(exception)

    def _as_text(self, stanza: StanzaBase) -> StanzaBase | str:
        """Return a stanza with long texts as the XML to send, others as they are.

        slixmpp escapes character by character, 30 ms for a full batch; here marks take the place of long texts
        until it is done.
        """
        long = [element for element in stanza.xml.iter() if element.text and len(element.text) >= _LONG]
        if not long:
            return stanza
        texts = [element.text for element in long]
        # Nobody outside knows the marks, so nobody can write one into another text.
        marks = [secrets.token_hex(16) for _ in long]
        try:
            for element, mark in zip(long, marks, strict=True):
                element.text = mark
            xml: str = tostring(stanza.xml, xmlns=self.default_ns, stream=self, top_level=True)
        finally:
            # XEP-0198 keeps the stanza until it is acknowledged.
            for element, text in zip(long, texts, strict=True):
                element.text = text
        for mark, text in zip(marks, texts, strict=True):
            xml = xml.replace(mark, escaped(text), 1)
        return xml


def escaped(text: str) -> str:
    """Return text as slixmpp escapes it (XML 1.0 section 2.4)."""
    for sign, entity in _ESCAPES:
        if sign in text:
            text = text.replace(sign, entity)
    return text


class _Queries(MatcherBase):
    """Matches iqs by type and content; `_criteria` is the set of both."""

    def match(self, stanza: Any) -> bool:
        """Tell whether the stanza is one of them."""
        xml = stanza.xml
        return len(xml) == 1 and (xml.get("type"), xml[0].tag) in self._criteria


class Connection:
    """Opens the session, keeps it open, and says when there is one.

    `on_session` is called at each new session, `on_lost` when one ends.
    """

    def __init__(
        self,
        *,
        jid: str,
        password: str,
        server: ServerAddress,
        log: Logger,
        on_session: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._nodes = server.in_turn(jid)
        self._turn = 0
        self.session = 0
        """Counts sessions: behaviours compare it to see that the connection is a new one."""
        self.client = Client(jid=jid, password=password, context=tls_context(server.ca_file))
        self._log = log
        self._on_session = on_session
        self._on_lost = on_lost
        self._outcome: asyncio.Future[str] | None = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()
        self._closing = False
        self._backoff = Backoff(first=0.25, most=8.0)
        self._listen()

    @property
    def server(self) -> ServerAddress:
        """The node that it is connected to, or tries next."""
        return self._nodes[self._turn % len(self._nodes)]

    @property
    def online(self) -> bool:
        """Whether there is a session now."""
        return self._up.is_set() and self.client.transport is not None

    async def open(self, *, patience: float) -> None:
        """Open the first session; an unreachable server is tried again for `patience` seconds.

        Raises:
            ConnectionFailedError: names the address and the cause.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        # A node that dies, or only just starts, closes connections; another one may be well.
        again = ("cannot connect", "it closed") if len(self._nodes) > 1 else ("cannot connect",)
        while problem := await self._attempt():
            if not problem.startswith(again) or (loop.time() >= until and self._turn + 1 >= len(self._nodes)):
                raise ConnectionFailedError(f"XMPP server {self.server}: {problem}")
            self._turn += 1
            await asyncio.sleep(0.2)

    async def keep(self) -> None:
        """Ping while there is a session, reconnect with backoff and jitter when there is none."""
        while not self._closing:
            try:
                if self.online:
                    await self._watch()
                else:
                    await self._reconnect()
            except Exception as error:  # noqa: BLE001 - logged and counted; one failure must not end the rest
                # An agent whose keeper died would look alive and never come back.
                self._log.error("keeping the connection failed, tried again", exc_info=error)
                await asyncio.sleep(self._backoff.next())

    async def close(self) -> None:
        """End the stream politely, for at most two seconds."""
        self._closing = True
        if self.client.transport is not None:
            await self.client.disconnect(wait=1.0)
        self.client.cancel_connection_attempt()
        runner = self.client._run_out_filters
        if runner is not None:
            runner.cancel()

    # One attempt ---------------------------------------------------------------------

    async def _attempt(self) -> str:
        """Return "" for a session, else what went wrong."""
        self._outcome = asyncio.get_running_loop().create_future()
        self.client.connect(host=self.server.host, port=self.server.port)
        try:
            return await asyncio.wait_for(self._outcome, ATTEMPT_WITHIN)
        except TimeoutError:
            return f"no session after {ATTEMPT_WITHIN:.0f} s; is it an XMPP server for {self.client.boundjid.host}?"
        finally:
            self._outcome = None
            if not self.online:
                self.client.cancel_connection_attempt()
                self.client.abort()

    async def _reconnect(self) -> None:
        # The one that was lost comes last: where a node died, the others are there at once.
        for _ in self._nodes[1:]:
            self._turn += 1
            if not (problem := await self._attempt()):
                self._backoff.reset()
                return
            self._log.warning("not connected", server=str(self.server), problem=problem)
        self._turn += 1
        problem = await self._attempt()
        if problem:
            wait = self._backoff.next()
            self._log.warning("not connected", server=str(self.server), problem=problem, again_in=round(wait, 1))
            await asyncio.sleep(wait)
        else:
            self._backoff.reset()

    async def _watch(self) -> None:
        try:
            await asyncio.wait_for(self._down.wait(), PING_EVERY)
            return
        except TimeoutError:
            pass
        ping = asyncio.ensure_future(self._ping())
        down = asyncio.ensure_future(self._down.wait())
        await asyncio.wait({ping, down}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ping, down):
            task.cancel()

    async def _ping(self) -> None:
        try:
            await self.client["xep_0199"].ping(JID(self.client.boundjid.host), timeout=PING_WITHIN)
        except IqError:
            return  # an error is an answer too
        except IqTimeout:
            self._log.warning("server does not answer pings, connecting anew", server=str(self.server))
            self.client.abort()

    # slixmpp's events ----------------------------------------------------------------

    def _listen(self) -> None:
        client = self.client
        client.add_event_handler("session_start", self._started)
        client.add_event_handler("disconnected", self._disconnected)
        client.add_event_handler("connection_failed", self._unreachable)
        client.add_event_handler("ssl_invalid_chain", self._untrusted)
        client.add_event_handler("failed_all_auth", lambda _: self._settle(self._auth_problem()))
        client.add_event_handler("no_auth", lambda _: self._settle(self._auth_problem()))

    def on_presence(self, handler: Callable[[Any], None]) -> None:
        """Call `handler` once for every presence stanza (slixmpp's own events fire up to three times)."""
        self.client.register_handler(
            Callback("vedette presence", MatchXPath(f"{{{self.client.default_ns}}}presence"), handler)
        )

    def followers(self) -> list[str]:
        """Return the bare JIDs to whom the server shows our presence, as the roster says."""
        roster = self.client.client_roster
        return [jid for jid in roster if roster[jid]["from"] and jid != self.client.boundjid.bare]

    def on_query(self, kinds: Collection[tuple[str, str]], handler: Callable[[Any], None]) -> None:
        """Call `handler` for every iq of these kinds: type and the element in it.

        slixmpp's own discovery would tell everybody what this client is: it answers no more.
        """
        for name in ("Disco Info", "Disco Items"):
            self.client.remove_handler(name)
        self.client.register_handler(Callback("vedette query", _Queries(frozenset(kinds)), handler))

    def _settle(self, problem: str) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(problem)

    def _started(self, _event: Any) -> None:
        self.session += 1
        self._up.set()
        self._down.clear()
        self._settle("")
        self._on_session()

    def _disconnected(self, reason: Any) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        self._down.set()
        if isinstance(reason, ssl.SSLError):
            # asyncio ends the connection before slixmpp says that the handshake failed.
            self._settle(_distrust(reason))
        self._settle(f"it closed the connection ({reason or 'no reason given'})")
        if was_up and not self._closing:
            self._on_lost(str(reason or "connection lost"))

    def _unreachable(self, cause: Any) -> None:
        # slixmpp would go on by itself with delays of up to 300 s; we decide when to try again.
        self.client.cancel_connection_attempt()
        self._settle(f"cannot connect: {cause}")

    def _untrusted(self, cause: ssl.SSLError) -> None:
        self._settle(_distrust(cause))
        self.client.abort()

    def _auth_problem(self) -> str:
        return f"it refuses the account {self.client.boundjid.bare}: wrong name or password, or revoked"


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _distrust(cause: ssl.SSLError) -> str:
    reason = getattr(cause, "verify_message", "")
    return f"its certificate is not trusted: {reason}" if reason else f"no TLS with it: {cause.reason or cause}"
