"""Contacts: several sessions of one account are one contact."""

from __future__ import annotations

from agents.contacts import CONTACT_LIMIT, ENDED_LIMIT, SESSION_LIMIT, Contacts, PresenceStanza, Show

JID = "probe1@localhost"


def presence(resource: str, show: Show = "available", *, jid: str = JID) -> PresenceStanza:
    kind = "unavailable" if show == "gone" else "available"
    return PresenceStanza(jid=jid, resource=resource, kind=kind, show=show, status="")


def test_a_contact_is_gone_when_its_last_session_is() -> None:
    contacts = Contacts()
    assert contacts.hear(presence("old"), 1) is not None
    assert contacts.hear(presence("new"), 2) is None
    assert contacts.hear(presence("old", "gone"), 3) is None
    assert contacts.states()[0].show == "available"
    gone = contacts.hear(presence("new", "gone"), 4)
    assert gone is not None
    assert gone.show == "gone"
    assert contacts.states()[0].since == 4


def test_the_newest_session_says_how_it_is() -> None:
    contacts = Contacts()
    contacts.hear(presence("one"), 1)
    busy = contacts.hear(presence("two", "dnd"), 2)
    assert busy is not None
    assert busy.show == "dnd"
    back = contacts.hear(presence("two", "gone"), 3)
    assert back is not None
    assert back.show == "available"


def test_which_sessions_ended_is_known_until_they_come_back() -> None:
    contacts = Contacts()
    contacts.hear(presence("one"), 1)
    contacts.hear(presence("two"), 2)
    contacts.hear(presence("one", "gone"), 3)
    assert [contacts.has_ended(f"{JID}/{name}") for name in ("one", "two", "three")] == [True, False, False]
    contacts.hear(presence("one"), 4)
    assert not contacts.has_ended(f"{JID}/one")
    for number in range(ENDED_LIMIT + 1):
        contacts.hear(presence(str(number), "gone"), 5)
    assert [contacts.has_ended(f"{JID}/{name}") for name in (0, 1, ENDED_LIMIT)] == [False, True, True]
    # Cut off, nobody knows who is there.
    contacts.all_unknown(6)
    assert not contacts.has_ended(f"{JID}/1")


def test_cut_off_from_the_server_nothing_is_known() -> None:
    contacts = Contacts()
    contacts.hear(presence("one"), 1)
    contacts.all_unknown(2)
    assert contacts.states()[0].show == "unknown"
    assert contacts.hear(presence("one"), 3) is not None


def test_hostile_numbers_of_sessions_and_contacts_are_bounded() -> None:
    contacts = Contacts()
    for number in range(SESSION_LIMIT * 3):
        contacts.hear(presence(str(number)), number)
    for number in range(CONTACT_LIMIT + 10):
        contacts.hear(presence("one", jid=f"a{number}@localhost"), number)
    assert len(contacts.states()) == CONTACT_LIMIT
