"""The allow-list: who can be in it, and that a change of the file counts at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.clock import ManualClock
from vedette.configuration.editing import EditError, with_person, without_person
from vedette.configuration.fleet import FleetConfiguration
from vedette.configuration.loading import parse
from vedette.configuration.people_file import LOOK_EVERY, PeopleOfFile
from vedette.errors import ConfigurationError
from vedette.people.person import PersonRole

ENTRY = {"jid": "anna@localhost", "role": "operate"}


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ("[{jid: anna}]", "jid"),
        ("[{jid: Anna@localhost}]", "jid"),
        ("[{jid: anna@localhost/chat}]", "jid"),
        ("[{jid: '*@localhost'}]", "jid"),
        ("[{jid: 'анна@localhost'}]", "jid"),
        ("[{jid: anna@localhost, role: root}]", "role"),
        ("[{jid: anna@localhost}, {jid: anna@localhost}]", "twice"),
        ("[{jid: anna@elsewhere.example}]", "only accounts of localhost"),
        ("[{jid: registry@localhost}]", "is an agent"),
    ],
)
def test_who_cannot_be_in_it_is_named(people: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        parse(f"people: {people}\n", "vedette.yml", FleetConfiguration, syntax="yaml")


def test_another_domain_is_for_servers_of_others() -> None:
    text = "xmpp: {server: 'xmpp://chat.example'}\npeople: [{jid: anna@elsewhere.example}]\n"
    (person,) = parse(text, "vedette.yml", FleetConfiguration, syntax="yaml").people
    assert (person.jid, person.role) == ("anna@elsewhere.example", PersonRole.READ)


@pytest.mark.parametrize("before", ["data: var\n", "# first\ndata: var # where", "people:\n- jid: b@localhost\n"])
def test_somebody_is_put_in_and_taken_out_and_the_rest_stays(before: str) -> None:
    within = with_person(before, ENTRY, place="x")
    assert within.startswith(before)
    assert parse(within, "x", FleetConfiguration, syntax="yaml").people[-1].jid == ENTRY["jid"]
    assert without_person(within, ENTRY["jid"], place="x") == (before if before.endswith("\n") else before + "\n")


@pytest.mark.parametrize("before", ["{}", "people: []\n", "people: [{jid: b@localhost}]\n"])
def test_what_is_written_otherwise_is_left_alone_with_advice(before: str) -> None:
    with pytest.raises(EditError) as caught:
        with_person(before, ENTRY, place="x")
    assert "jid: anna@localhost" in caught.value.advice


def test_who_is_not_in_it_cannot_be_taken_out() -> None:
    with pytest.raises(ConfigurationError, match="nobody called"):
        without_person("data: var\n", "anna@localhost", place="x")


def test_a_change_of_the_file_counts_at_once_and_a_broken_one_not_at_all(tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "vedette.yml"
    file.write_text("people: [{jid: anna@localhost, role: admin}]\n")
    people = PeopleOfFile(file, clock=clock)

    def role(jid: str) -> PersonRole | None:
        clock.advance(LOOK_EVERY)
        person = people.find(jid)
        return None if person is None else person.role

    assert role("anna@localhost") is PersonRole.ADMIN
    file.write_text("people: [{jid: bert@localhost}]\n")
    assert (role("anna@localhost"), role("bert@localhost")) == (None, PersonRole.READ)
    for broken in ("people: [{jid: anna", "people: 7\n", "\x00"):
        file.write_text(broken)
        assert (role("anna@localhost"), role("bert@localhost")) == (None, PersonRole.READ)
    file.unlink()
    assert role("bert@localhost") is PersonRole.READ
    file.write_text("data: var\n")
    assert role("bert@localhost") is None
