"""A new person's contact list, filled in for them: their client shows the fleet when it first logs in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout

from agents.connection import Connection, ServerAddress
from vedette.cli.carrier import Carrier
from vedette.errors import VedetteError
from vedette.log import logger
from vedette.people.contacts import Contact

WITHIN: Final = 20.0
"""Seconds that all of it may take."""


def fill_in(contacts: Sequence[Contact], *, jid: str, password: str, carrier: Carrier) -> int:
    """Log in as the person, add the contacts with name and group, and ask to see each; returns how many.

    The agents answer themselves, those that are away when they are back. Where the server does not run it is none:
    the person adds the registry, which then offers the others.
    """
    try:
        return asyncio.run(_fill_in(contacts, jid=jid, password=password, carrier=carrier))
    except (VedetteError, IqError, IqTimeout, TimeoutError):
        return 0


async def _fill_in(contacts: Sequence[Contact], *, jid: str, password: str, carrier: Carrier) -> int:
    connection = Connection(
        jid=jid,
        password=password,
        server=ServerAddress.parse(carrier.server, others=carrier.others, ca_file=carrier.ca),
        log=logger("person"),
        on_session=lambda: None,
        on_lost=lambda _: None,
    )
    try:
        async with asyncio.timeout(WITHIN):
            await connection.open(patience=0.0)
            for contact in contacts:
                await connection.client.update_roster(JID(contact.jid), name=contact.name, groups=[contact.group])
                connection.client.send_presence(pto=contact.jid, ptype="subscribe")
            # Its answer comes after all before it was taken in; what still waits to be sent would be lost at the end.
            await connection.client["xep_0199"].ping(JID(connection.client.boundjid.host), timeout=WITHIN)
    finally:
        await connection.close()
    return len(contacts)
