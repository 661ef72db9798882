"""Ids of vertices: the same everywhere, in Stucco's form."""

from __future__ import annotations

from uuid import UUID

import pytest

from vedette.graph.identity import parse_vertex_id, vertex_id, vertex_uid


def test_an_id_is_a_uuid_of_version_5_made_of_type_and_name() -> None:
    uid = vertex_uid("IP", "Address", "10.0.0.1")
    found = UUID(bytes=uid)

    assert (found.version, found.variant) == (5, "specified in RFC 4122")
    assert vertex_id("IP", uid) == "stucco:IP-04b7f03f-44b2-560e-b12f-b335f08339c8"
    assert parse_vertex_id(vertex_id("IP", uid)) == uid
    assert len({uid, vertex_uid("IP", "", "10.0.0.1"), vertex_uid("IPA", "ddress", "10.0.0.1")}) == 3


@pytest.mark.parametrize("text", ["", "stucco:IP-", "x" * 36, "stucco:IP-ec8e9de3-0000-0000-0000-00000000000g"])
def test_what_has_no_uuid_is_no_id(text: str) -> None:
    assert parse_vertex_id(text) is None
