"""Queries of people between slixmpp's iq stanzas and what answers them."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from slixmpp.xmlstream.xmlstream import NotConnectedError

from behaviours.people import Query


def query_of(iq: Any) -> Query:
    """Return an iq as a query that can be answered."""
    return Query(
        sender=str(iq["from"]),
        kind=iq.xml.get("type", ""),
        payload=iq.xml[0],
        answer=lambda element: _reply(iq, "result", element),
        refuse=lambda element: _reply(iq, "error", element),
    )


def _reply(iq: Any, kind: str, element: Element) -> None:
    reply = iq.reply(clear=True)
    reply["type"] = kind
    reply.xml.append(element)
    try:
        reply.send()
    except NotConnectedError:
        # Who asked sees the agent gone.
        return
