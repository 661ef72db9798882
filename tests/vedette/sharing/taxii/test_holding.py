"""What becomes of an object that several investigations say: the rules hold over any history."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.clock import iso_time
from vedette.errors import RefusedError
from vedette.sharing.taxii.holding import Held, Step, current_id, published, revoked, said, say, unsay
from vedette.sharing.taxii.resources import instant, object_id

ID = "malware--00000000-0000-4000-8000-000000000001"
TLP = {
    0: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    1: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    2: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
}
NOW = 1_795_305_600_000_000


def statement(name: str, *, second: int = 0, tlp: int = 0) -> dict[str, Any]:
    """An object as an investigation says it."""
    return {
        "type": "malware",
        "id": ID,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": f"2026-11-20T10:00:{second:02d}.000Z",
        "name": name,
        "object_marking_refs": [TLP[tlp]],
    }


Act = tuple[str, dict[str, Any] | None]
ACTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.none()
        | st.builds(
            lambda name, second, tlp: statement(name, second=second, tlp=tlp),
            st.sampled_from(["x", "y", "z"]),
            st.integers(0, 3),
            st.integers(0, 2),
        ),
    ),
    max_size=25,
)


class Reader:
    """A collection with one object, as a client sees it: every version that was ever published, by id."""

    def __init__(self) -> None:
        self.held: Held | None = None
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.last: dict[str, dict[str, Any]] = {}

    def act(self, group: str, value: dict[str, Any] | None) -> bool:
        """Let an investigation say something, or no more; returns whether a client sees a difference."""
        if value is None:
            return self._unsay(group)
        names = {} if self.held is None else {ID: current_id(ID, self.held.turn + int(self.held.revoked))}
        self.held, step = say(self.held, group, said(value))
        self.last[group] = value
        if step is not Step.NOTHING:
            made = published(value, self.held, names)
            self.versions.setdefault(made["id"], []).append(made)
        return step is not Step.NOTHING

    def _unsay(self, group: str) -> bool:
        if self.held is None or group not in self.held.groups:
            return False
        id = current_id(ID, self.held.turn)
        self.held, goes = unsay(self.held, group, now=NOW)
        del self.last[group]
        if goes:
            assert self.held is not None
            self.versions[id].append(revoked(self.versions[id][-1], self.held))
        return goes


@given(ACTS)
def test_the_rules_hold_over_any_history(acts: list[Act]) -> None:
    reader = Reader()
    for group, value in acts:
        reader.act(group, value)

        for id, versions in reader.versions.items():
            times = [instant(one["modified"]) for one in versions]
            assert times == sorted(set(times)), "each version is later than the one before"
            assert all(one["id"] == id for one in versions)
            assert not any(one.get("revoked") for one in versions[:-1]), "after revoking there is nothing"
        alive = [versions[-1] for versions in reader.versions.values() if not versions[-1].get("revoked")]
        assert len(alive) == int(bool(reader.last)), "it is there while somebody says it, once"
        for one in alive:
            shown = max(level for level, marking in TLP.items() if marking in one["object_marking_refs"])
            needed = max(said(value).strictness for value in reader.last.values())
            assert shown >= needed, "nobody's marking is lowered"


@given(ACTS)
def test_saying_the_same_again_changes_nothing(acts: list[Act]) -> None:
    reader = Reader()
    for group, value in acts:
        reader.act(group, value)
    for _ in range(2):
        # What was published for one that left may be said anew once by each of the others; then all is quiet.
        differences = [reader.act(group, value) for group, value in dict(reader.last).items()]
    assert not any(differences)


@given(ACTS)
def test_the_last_of_several_has_its_word_in_the_end(acts: list[Act]) -> None:
    reader = Reader()
    for group, value in acts:
        reader.act(group, value)
    reader.act("a", statement("mine"))
    for group in "bc":
        reader.act(group, None)
    reader.act("a", statement("mine"))
    [alive] = [versions[-1] for versions in reader.versions.values() if not versions[-1].get("revoked")]
    assert alive["name"] == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T10:00:00",
        "2026-11-20T10:00:00+01:00",
        "2026-13-01T00:00:00Z",
        "٢٠٢٦-11-20T10:00:00Z",
        "2026-11-20T10:00:00.Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        instant(text)


def test_times_are_cut_and_written_to_the_microsecond() -> None:
    assert iso_time(instant("2026-11-20T10:00:00.1234567Z")) == "2026-11-20T10:00:00.123456Z"
    assert iso_time(instant("1969-12-31T23:59:59.5Z")) == "1969-12-31T23:59:59.500000Z"


def test_ids_are_those_of_stix() -> None:
    assert object_id(statement("x") | {"spec_version": "2.1"}) == ID
    for id in ("malware--x", "Malware--00000000-0000-4000-8000-000000000001", f"{ID}\n", 5, None, ID.upper()):
        with pytest.raises(RefusedError):
            object_id({"type": "malware", "id": id})
