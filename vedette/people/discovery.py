"""What an agent says it is and can do: discovery (XEP-0030), version (XEP-0092), capabilities (XEP-0115)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from vedette import __version__
from vedette.people.adhoc import COMMANDS
from vedette.people.forms import DATA, clean

CAPS: Final = "http://jabber.org/protocol/caps"
INFO: Final = "http://jabber.org/protocol/disco#info"
ITEMS: Final = "http://jabber.org/protocol/disco#items"
PING: Final = "urn:xmpp:ping"
VERSION: Final = "jabber:iq:version"

CAPS_NODE: Final = "urn:vedette:agent"
"""Says whose capabilities they are; with the hash behind it, it is a node to ask for them."""

FEATURES: Final = tuple(sorted((CAPS, COMMANDS, INFO, ITEMS, DATA, VERSION, PING)))
"""What every agent does for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """An entry of a list in discovery."""

    jid: str
    """Whom to ask about it."""
    name: str
    """What people read."""
    node: str = ""
    """Which part of it; empty: the whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nature:
    """What an agent is: one kind of bot each role."""

    role: str
    """The agent's role."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Category, type and name (XEP-0030 section 3.1); all agents of a role have the same, and so one hash."""
        return ("client", "bot", f"Vedette {self.role}")

    @property
    def verification(self) -> str:
        """The hash that stands for the capabilities (XEP-0115 section 5.1)."""
        category, kind, name = self.identity
        text = f"{category}/{kind}//{name}<" + "".join(f"{feature}<" for feature in FEATURES)
        # SHA-1 because the specification makes it the one that everybody knows; nothing relies on it.
        return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()

    def caps(self) -> Element:
        """Return what presence carries, so that clients need not ask."""
        return Element(f"{{{CAPS}}}c", {"hash": "sha-1", "node": CAPS_NODE, "ver": self.verification})

    def is_node(self, node: str) -> bool:
        """Tell whether a node means the agent itself."""
        return node in ("", f"{CAPS_NODE}#{self.verification}")

    def info(self, node: str) -> Element:
        """Return what the agent is and can do."""
        return info_element(node, self.identity, FEATURES)


def info_element(node: str, identity: tuple[str, str, str], features: Iterable[str]) -> Element:
    """Return the answer to what something is."""
    query = _query(INFO, node)
    category, kind, name = identity
    SubElement(query, f"{{{INFO}}}identity", {"category": category, "type": kind, "name": clean(name)})
    for feature in features:
        SubElement(query, f"{{{INFO}}}feature", {"var": feature})
    return query


def items_element(node: str, items: Sequence[Named]) -> Element:
    """Return the answer to what there is."""
    query = _query(ITEMS, node)
    for item in items:
        entry = SubElement(query, f"{{{ITEMS}}}item", {"jid": clean(item.jid), "name": clean(item.name)})
        if item.node:
            entry.set("node", item.node)
    return query


def version_element() -> Element:
    """Return name and version, and no more: which system runs below is for nobody to know."""
    query = Element(f"{{{VERSION}}}query")
    SubElement(query, f"{{{VERSION}}}name").text = "Vedette"
    SubElement(query, f"{{{VERSION}}}version").text = __version__
    return query


def _query(namespace: str, node: str) -> Element:
    query = Element(f"{{{namespace}}}query")
    if node:
        query.set("node", node)
    return query
