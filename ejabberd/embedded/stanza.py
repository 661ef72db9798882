"""Stanzas as bytes, and the answers every server gives (RFC 6120 section 8)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

CLIENT = "jabber:client"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
STREAMS = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
XML = "http://www.w3.org/XML/1998/namespace"

_TYPES = {
    "bad-request": "modify",
    "jid-malformed": "modify",
    "not-allowed": "cancel",
    "forbidden": "auth",
    "conflict": "cancel",
    "item-not-found": "cancel",
    "remote-server-not-found": "cancel",
    "service-unavailable": "cancel",
    "feature-not-implemented": "cancel",
    "internal-server-error": "cancel",
    "resource-constraint": "wait",
}


def to_bytes(element: Element) -> bytes:
    """Return the stanza as UTF-8, its namespaces declared where they change, as clients expect."""
    parts: list[str] = []
    _write(element, CLIENT, parts)
    return "".join(parts).encode()


def error_reply(stanza: Element, condition: str, *, sender: str | None = None) -> Element:
    """Return the `type='error'` answer to a stanza (RFC 6120 section 8.3); its payload is left out."""
    reply = Element(stanza.tag, {"type": "error"})
    _address(reply, stanza, sender)
    error = SubElement(reply, f"{{{CLIENT}}}error", {"type": _TYPES[condition]})
    SubElement(error, f"{{{STANZAS}}}{condition}")
    return reply


def result(iq: Element, *payload: Element, sender: str | None = None) -> Element:
    """Return the `type='result'` answer to an iq (RFC 6120 section 8.2.3)."""
    reply = Element(iq.tag, {"type": "result"})
    _address(reply, iq, sender)
    reply.extend(payload)
    return reply


def stream_error(condition: str) -> bytes:
    """Return the error and closing tag that end a stream (RFC 6120 section 4.9)."""
    return (f"<stream:error><{condition} xmlns='{STREAM_ERRORS}'/></stream:error></stream:stream>").encode()


def _address(reply: Element, stanza: Element, sender: str | None) -> None:
    origin = sender or stanza.get("to")
    if origin:
        reply.set("from", origin)
    for theirs, ours in (("from", "to"), ("id", "id")):
        value = stanza.get(theirs)
        if value is not None:
            reply.set(ours, value)


def _split(name: str) -> tuple[str, str]:
    if name.startswith("{"):
        namespace, _, local = name[1:].partition("}")
        return namespace, local
    return "", name


def _write(element: Element, inherited: str, parts: list[str]) -> None:
    namespace, name = _split(element.tag)
    parts.append(f"<{name}")
    if namespace != inherited:
        parts.append(f' xmlns="{_attribute(namespace)}"')
    for number, (key, value) in enumerate(element.items()):
        where, local = _split(key)
        if where == XML:
            parts.append(f' xml:{local}="{_attribute(value)}"')
        elif where:
            parts.append(f' xmlns:a{number}="{_attribute(where)}" a{number}:{local}="{_attribute(value)}"')
        else:
            parts.append(f' {local}="{_attribute(value)}"')
    if not len(element) and not element.text:
        parts.append("/>")
        return
    parts.append(">")
    if element.text:
        parts.append(_text(element.text))
    for child in element:
        _write(child, namespace, parts)
        if child.tail:
            parts.append(_text(child.tail))
    parts.append(f"</{name}>")


def _text(value: str) -> str:
    # A carriage return written as itself would be read as a line feed (XML 1.0 section 2.11).
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _attribute(value: str) -> str:
    return _text(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
