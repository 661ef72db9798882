"""IP addresses: the quick way says what ipaddress says."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vedette.extraction.addresses import AddressError, address, plain_v4

NEARLY = st.from_regex(r"\s?[0-9]{1,3}(\.[0-9]{1,4}){0,4}\.?[ a\n\0]?")


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str) | NEARLY | st.text(max_size=20))
@example("1.2.3.4\n")
@example("1.2.3.4\0")
@example("01.2.3.4")
@example("1.2")
@example("0x1.2.3.4")
@example("1.2.3.4 x")
@example("٣.2.3.4")
@example("\ud800")
@example("")
def test_the_usual_form_of_a_v4_address_is_its_only_one(text: str) -> None:
    try:
        expected = ipaddress.IPv4Address(text)
    except ValueError:
        assert plain_v4(text) is None
        return
    assert plain_v4(text) == expected.packed
    assert address(text) == expected


@pytest.mark.parametrize("text", ["10.0.0", "010.0.0.1", "1.2.3.256", "1.2.3.4.5", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="is no IP address"):
        address(text)
