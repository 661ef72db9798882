"""The publish-subscribe service of the embedded server: what XEP-0060 requires, and affiliations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from ejabberd.embedded.address import Address
from ejabberd.embedded.nodes import MAX_ITEMS, Node, Nodes
from ejabberd.embedded.router import Router
from ejabberd.embedded.sessions import Session, Sessions
from ejabberd.embedded.stanza import CLIENT, error_reply, result
from vedette.errors import RefusedError

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = f"{PUBSUB}#owner"
EVENT = f"{PUBSUB}#event"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
DATA = "jabber:x:data"

_FEATURES = (
    DISCO_INFO,
    DISCO_ITEMS,
    PUBSUB,
    *(
        f"{PUBSUB}#{name}"
        for name in ("access-open", "access-whitelist", "create-nodes", "create-and-configure", "delete-nodes")
    ),
    *(f"{PUBSUB}#{name}" for name in ("modify-affiliations", "publish", "persistent-items", "purge-nodes")),
    *(f"{PUBSUB}#{name}" for name in ("retract-items", "retrieve-items", "subscribe")),
)


class _Refusal(Exception):
    """What a request is answered with: a stanza error condition."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        super().__init__(condition)


class PubSub:
    """Answers iq stanzas to `pubsub.<domain>` and tells subscribers what is published.

    Raises:
        sqlite3.Error: from the constructor, when the file cannot be used.
    """

    def __init__(self, path: Path, *, domain: str) -> None:
        self.address = Address(user="", domain=f"pubsub.{domain}")
        """The service's own address."""
        self._nodes = Nodes(path)
        self._sessions: Sessions | None = None
        self._handlers: dict[str, Callable[[Session, Element], Element | None]] = {
            f"{{{PUBSUB}}}subscribe": self._subscribe,
            f"{{{PUBSUB}}}unsubscribe": self._unsubscribe,
            f"{{{PUBSUB}}}publish": self._publish,
            f"{{{PUBSUB}}}retract": self._retract,
            f"{{{PUBSUB}}}items": self._items,
            f"{{{PUBSUB}}}subscriptions": self._subscriptions,
            f"{{{OWNER}}}delete": self._delete,
            f"{{{OWNER}}}purge": self._purge,
            f"{{{OWNER}}}affiliations": self._affiliations,
        }

    def attach(self, router: Router) -> None:
        """Take the service's place in the server."""
        self._sessions = router.sessions
        router.attach(self.address, "Publish-subscribe", self)

    def answer(self, session: Session, iq: Element) -> Element:
        """Return the answer to a request."""
        try:
            payload = self._answer(session, iq)
        except _Refusal as refusal:
            return error_reply(iq, refusal.condition)
        return result(iq) if payload is None else result(iq, payload)

    def close(self) -> None:
        """Close the file."""
        self._nodes.close()

    def _answer(self, session: Session, iq: Element) -> Element | None:
        if len(iq) != 1:
            raise _Refusal("bad-request")
        if iq[0].tag == f"{{{DISCO_INFO}}}query":
            return self._info(iq[0])
        if iq[0].tag == f"{{{DISCO_ITEMS}}}query":
            return self._list(iq[0])
        for request in iq[0]:
            if request.tag == f"{{{PUBSUB}}}create":
                return self._create(session, request, iq[0].find(f"{{{PUBSUB}}}configure/{{{DATA}}}x"))
            handler = self._handlers.get(request.tag)
            if handler is not None:
                return handler(session, request)
        raise _Refusal("feature-not-implemented")

    def _info(self, query: Element) -> Element:
        name = query.get("node")
        answer = Element(query.tag, dict(query.attrib))
        if name is not None:
            self._existing(query)
        kind = "service" if name is None else "leaf"
        SubElement(answer, f"{{{DISCO_INFO}}}identity", {"category": "pubsub", "type": kind})
        for feature in _FEATURES if name is None else (PUBSUB,):
            SubElement(answer, f"{{{DISCO_INFO}}}feature", {"var": feature})
        return answer

    def _list(self, query: Element) -> Element:
        answer = Element(query.tag, dict(query.attrib))
        if query.get("node") is None:
            for node in self._nodes.all():
                SubElement(answer, f"{{{DISCO_ITEMS}}}item", {"jid": str(self.address), "node": node.name})
        return answer

    def _existing(self, request: Element) -> Node:
        node = self._nodes.get(request.get("node", ""))
        if node is None:
            raise _Refusal("item-not-found")
        return node

    def _create(self, session: Session, request: Element, form: Element | None) -> Element:
        name = request.get("node") or str(uuid4())
        if len(name) > 1023:
            raise _Refusal("bad-request")
        if self._nodes.get(name) is not None:
            raise _Refusal("conflict")
        node = _configured(name, form)
        self._nodes.add(node, owner=str(session.address.bare))
        return _wrapped(Element(f"{{{PUBSUB}}}create", {"node": name}))

    def _subscribe(self, session: Session, request: Element) -> Element:
        node, jid = self._existing(request), _own_jid(session, request)
        if not node.may_read(str(session.address.bare)):
            raise _Refusal("forbidden")
        self._nodes.subscribe(node, jid)
        state = {"node": node.name, "jid": jid, "subscription": "subscribed"}
        return _wrapped(Element(f"{{{PUBSUB}}}subscription", state))

    def _unsubscribe(self, session: Session, request: Element) -> None:
        node, jid = self._existing(request), _own_jid(session, request)
        if jid not in node.subscribers:
            raise _Refusal("item-not-found")
        self._nodes.unsubscribe(node, jid)

    def _subscriptions(self, session: Session, _request: Element) -> Element:
        answer = Element(f"{{{PUBSUB}}}subscriptions")
        for node in self._nodes.all():
            for jid in node.subscribers:
                if Address.parse(jid).bare == session.address.bare:
                    state = {"node": node.name, "jid": jid, "subscription": "subscribed"}
                    SubElement(answer, f"{{{PUBSUB}}}subscription", state)
        return _wrapped(answer)

    def _publish(self, session: Session, request: Element) -> Element:
        node = self._existing(request)
        if not node.may_publish(str(session.address.bare)):
            raise _Refusal("forbidden")
        item = request.find(f"{{{PUBSUB}}}item")
        if item is None or len(item) > 1:
            raise _Refusal("bad-request")
        name = item.get("id") or str(uuid4())
        if len(item) and node.max_items:
            self._nodes.keep(node, name, tostring(item[0], encoding="unicode"))
        self._tell(node, _event_item(name, item[0] if len(item) else None))
        published = Element(f"{{{PUBSUB}}}publish", {"node": node.name})
        SubElement(published, f"{{{PUBSUB}}}item", {"id": name})
        return _wrapped(published)

    def _retract(self, session: Session, request: Element) -> None:
        node = self._existing(request)
        if not node.may_publish(str(session.address.bare)):
            raise _Refusal("forbidden")
        item = request.find(f"{{{PUBSUB}}}item")
        name = item.get("id") if item is not None else None
        if not name:
            raise _Refusal("bad-request")
        if not self._nodes.drop(node, name):
            raise _Refusal("item-not-found")
        self._tell(node, Element(f"{{{EVENT}}}retract", {"id": name}))

    def _items(self, session: Session, request: Element) -> Element:
        node = self._existing(request)
        if not node.may_read(str(session.address.bare)):
            raise _Refusal("forbidden")
        asked = request.get("max_items", "")
        answer = Element(f"{{{PUBSUB}}}items", {"node": node.name})
        wanted = {child.get("id") for child in request}
        for name, payload in self._nodes.items(node, limit=int(asked) if asked.isdecimal() else MAX_ITEMS):
            if not wanted or name in wanted:
                SubElement(answer, f"{{{PUBSUB}}}item", {"id": name}).append(_parsed(payload))
        return _wrapped(answer)

    def _owned(self, session: Session, request: Element) -> Node:
        node = self._existing(request)
        if not node.is_owner(str(session.address.bare)):
            raise _Refusal("forbidden")
        return node

    def _delete(self, session: Session, request: Element) -> None:
        node = self._owned(session, request)
        self._nodes.remove(node)
        self._send(node, Element(f"{{{EVENT}}}delete", {"node": node.name}))

    def _purge(self, session: Session, request: Element) -> None:
        node = self._owned(session, request)
        self._nodes.drop(node, None)
        self._send(node, Element(f"{{{EVENT}}}purge", {"node": node.name}))

    def _affiliations(self, session: Session, request: Element) -> None:
        node = self._owned(session, request)
        for change in request:
            kind = change.get("affiliation", "")
            jid = _bare(change.get("jid", ""))
            if kind not in {"owner", "publisher", "member", "outcast", "none"} or jid == str(session.address.bare):
                raise _Refusal("bad-request")
            self._nodes.affiliate(node, jid, kind)
            if not node.may_read(jid):
                self._drop_subscriptions(node, jid)

    def _drop_subscriptions(self, node: Node, bare: str) -> None:
        for jid in list(node.subscribers):
            if str(Address.parse(jid).bare) == bare:
                self._nodes.unsubscribe(node, jid)

    def _tell(self, node: Node, change: Element) -> None:
        items = Element(f"{{{EVENT}}}items", {"node": node.name})
        items.append(change)
        self._send(node, items)

    def _send(self, node: Node, event: Element) -> None:
        if self._sessions is None:
            return
        for jid in node.subscribers:
            message = Element(f"{{{CLIENT}}}message", {"from": str(self.address), "to": jid, "type": "headline"})
            SubElement(message, f"{{{EVENT}}}event").append(event)
            for session in self._sessions.available(Address.parse(jid)):
                session.send(message)


def _configured(name: str, form: Element | None) -> Node:
    values: dict[str, str] = {}
    for entry in form if form is not None else ():
        values[entry.get("var", "")] = entry.findtext(f"{{{DATA}}}value") or ""
    access = values.get("pubsub#access_model", "open")
    most = values.get("pubsub#max_items", str(MAX_ITEMS))
    if access not in {"open", "whitelist"} or not (most.isdecimal() or most == "max"):
        raise _Refusal("feature-not-implemented")
    if values.get("pubsub#persist_items") in {"0", "false"}:
        most = "0"
    return Node(name=name, access=access, max_items=min(MAX_ITEMS, int(most)) if most != "max" else MAX_ITEMS)


def _wrapped(payload: Element) -> Element:
    wrapper = Element(f"{{{PUBSUB}}}pubsub")
    wrapper.append(payload)
    return wrapper


def _event_item(name: str, payload: Element | None) -> Element:
    item = Element(f"{{{EVENT}}}item", {"id": name})
    if payload is not None:
        item.append(payload)
    return item


def _parsed(payload: str) -> Element:
    try:
        return fromstring(payload)  # noqa: S314  # our own serialisation of what the stream's parser accepted
    except ParseError:
        return Element("unreadable")


def _bare(text: str) -> str:
    try:
        return str(Address.parse(text).bare)
    except RefusedError as error:
        raise _Refusal("jid-malformed") from error


def _own_jid(session: Session, request: Element) -> str:
    try:
        jid = Address.parse(request.get("jid", ""))
    except RefusedError as error:
        raise _Refusal("jid-malformed") from error
    if jid.bare != session.address.bare:
        raise _Refusal("bad-request")
    return str(jid)
