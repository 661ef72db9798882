"""The fleet as contacts to add: a roster item exchange (XEP-0144), and the same in words for clients without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from vedette.people.forms import clean

EXCHANGE: Final = "http://jabber.org/protocol/rosterx"

OFFERED: Final = 200
"""Contacts that are offered at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """An agent as a contact."""

    jid: str
    """Bare JID."""
    role: str
    """What it does."""

    @property
    def name(self) -> str:
        """What a contact list shows."""
        return self.jid.partition("@")[0]

    @property
    def group(self) -> str:
        """The group that it belongs into."""
        return f"Vedette {self.role}"


def exchange_element(contacts: Sequence[Contact]) -> Element:
    """Return what makes a client offer to add the contacts."""
    x = Element(f"{{{EXCHANGE}}}x")
    for contact in contacts[:OFFERED]:
        values = {"action": "add", "jid": clean(contact.jid), "name": clean(contact.name)}
        SubElement(SubElement(x, f"{{{EXCHANGE}}}item", values), f"{{{EXCHANGE}}}group").text = clean(contact.group)
    return x


def in_words(contacts: Sequence[Contact]) -> str:
    """Return the same for people, who add the contacts themselves."""
    lines = [f"{contact.jid} ({contact.role})" for contact in contacts[:OFFERED]]
    if len(contacts) > OFFERED:
        lines.append(f"and {len(contacts) - OFFERED} more: look in the service discovery of this contact")
    return "\n".join(["Add these contacts to see them here, too:", *lines])
