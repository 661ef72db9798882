"""Ids of vertices."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from vedette.extraction.ids import stucco_id

NAMESPACE = uuid.UUID("6d7a6f0e-6ad6-5b0c-9b0e-0f3f7d1a8c55")


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_an_id_ends_in_the_uuid_of_what_it_is_of(name: str) -> None:
    made = stucco_id("Observable", "Network Flow", name)

    assert made.removeprefix("stucco:flow-") == str(uuid.uuid5(NAMESPACE, "Observable\nNetwork Flow\n" + name))


def test_an_id_begins_with_stuccos_word_or_is_made_of_the_type() -> None:
    kinds = [
        ("IP", "Address"),
        ("AddressRange", "Address"),
        ("Vulnerability", ""),
        ("Observable", "Windows Registry Key"),
    ]

    words = [stucco_id(type, observable, "x").removeprefix("stucco:").partition("-")[0] for type, observable in kinds]

    assert words == ["ip", "addressRange", "vulnerability", "windowsRegistryKey"]
