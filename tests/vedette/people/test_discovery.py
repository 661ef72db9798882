"""What an agent says of itself, and the pace at which it may be asked."""

from __future__ import annotations

from vedette.clock import ManualClock
from vedette.people.contacts import OFFERED, Contact, exchange_element, in_words
from vedette.people.discovery import FEATURES, Nature, version_element
from vedette.people.pace import Pace
from vedette.people.person import People, Person, PersonRole


def test_agents_of_one_role_have_one_hash() -> None:
    assert Nature(role="probe").verification == Nature(role="probe").verification
    assert Nature(role="probe").verification != Nature(role="job").verification
    assert list(FEATURES) == sorted(set(FEATURES))


def test_the_version_says_no_more_than_name_and_version() -> None:
    assert [child.tag.partition("}")[2] for child in version_element()] == ["name", "version"]


def test_roles_include_the_ones_before() -> None:
    may = {role: [other for other in PersonRole if Person(jid="a@b", role=role).may(other)] for role in PersonRole}
    assert [len(roles) for roles in may.values()] == [1, 2, 3]
    assert may[PersonRole.READ] == [PersonRole.READ]


def test_only_exactly_who_is_listed_is_found() -> None:
    people = People([Person(jid="anna@here", role=PersonRole.READ)])
    assert people.find("anna@here") is not None
    for other in ("Anna@here", "anna@here/chat", "anna@here.", "xanna@here", "anna@herex", "", "anna"):
        assert people.find(other) is None


def test_a_pace_fills_again_with_time_and_is_each_ones_own() -> None:
    clock = ManualClock()
    pace = Pace(clock=clock, burst=3, each_second=1.0, most=2)
    assert [pace.allows("anna") for _ in range(4)] == [True, True, True, False]
    assert pace.allows("bert")
    clock.advance(2.0)
    assert [pace.allows("anna") for _ in range(3)] == [True, True, False]
    # A clock that jumps far ahead allows no more than the burst
    clock.advance(1e6)
    assert [pace.allows("anna") for _ in range(4)] == [True, True, True, False]


def test_contacts_are_offered_by_role_and_not_without_end() -> None:
    contacts = [Contact(jid=f"probe{number}@here", role="probe") for number in range(OFFERED + 5)]
    element = exchange_element(contacts)
    assert len(element) == OFFERED
    assert (element[0].get("name"), element[0][0].text) == ("probe0", "Vedette probe")
    assert in_words(contacts).endswith("and 5 more: look in the service discovery of this contact")
