"""Lists of addresses, one a line."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.stated import kinds, quoted, read, reasons, relations, vertex
from vedette.extraction.interface import ExtractionError
from vedette.extraction.lines import MAX_LINE
from vedette.extraction.sources.address_lists import EmergingThreats, OneD4, ZeusTracker

LIST = """\
; Networks that are dropped // and a comment
# 203.0.113.1 is no entry

192.0.2.7 ; SBL1
2001:db8:bad::/48\t# a network
198.51.100.4 - 198.51.100.9
hxxp://192.0.2.7/gate.php
c2[.]example # a name
"""


def test_entries_of_all_kinds_belong_to_the_lists_malware() -> None:
    found = read(EmergingThreats(), LIST)

    assert kinds(found) == {
        "Malware": "Malware",
        "192.0.2.7": "Address",
        "2001:db8:bad:: - 2001:db8:bad:ffff:ffff:ffff:ffff:ffff": "Address",
        "198.51.100.4 - 198.51.100.9": "Address",
        "http://192.0.2.7/gate.php": "URI",
        "c2.example": "Domain Name",
    }
    assert relations(found) == {
        ("Malware", "UsesIP", "192.0.2.7"),
        ("Malware", "Observable", "2001:db8:bad:: - 2001:db8:bad:ffff:ffff:ffff:ffff:ffff"),
        ("Malware", "Observable", "198.51.100.4 - 198.51.100.9"),
        ("Malware", "Observable", "http://192.0.2.7/gate.php"),
        ("http://192.0.2.7/gate.php", "Sub-Observable", "192.0.2.7"),
        ("Malware", "Observable", "c2.example"),
    }
    assert not found.skipped


def test_an_entry_says_where_it_stands_and_what_it_is() -> None:
    found = read(ZeusTracker(), LIST)

    assert quoted(LIST, found, "c2.example") == b"c2[.]example # a name"
    assert vertex(found, "192.0.2.7").properties["tags"] == ("botnet",)
    assert vertex(found, "192.0.2.7").properties["source"] == ("zeustracker.abuse.ch",)
    assert vertex(found, "Botnet").position.label == "line 4"


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing is listed today\n", "\ufeff"])
def test_an_empty_list_states_nothing(content: str) -> None:
    assert not read(OneD4(), content)


def test_a_bad_line_costs_itself_alone() -> None:
    long = "1" * (MAX_LINE + 1)
    found = read(OneD4(), f"192.0.2.7\nnonsense\n{long}\n192.0.2.8\n")

    assert {"192.0.2.7", "192.0.2.8"} < set(kinds(found))
    assert reasons(found) == [
        "line 2: 'nonsense' is no address, host, URL or hash",
        f"line 3: a line of {MAX_LINE + 1} bytes; {MAX_LINE} are read at most",
    ]


@pytest.mark.parametrize("content", [b"<html><body>Gone</body></html>", b"\x00\x01\x02", b"x" * (MAX_LINE + 5)])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(ExtractionError, match="no list of addresses"):
        read(OneD4(), content)
