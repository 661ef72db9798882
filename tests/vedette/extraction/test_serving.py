"""Given documents in the process that reads them, when one is broken, then it says why, and only it."""

from __future__ import annotations

import bz2
import gc
import gzip
import zlib

import pytest

from tests.vedette.extraction.flows import table
from vedette.extraction.interface import ExtractionError
from vedette.extraction.packing import unpack
from vedette.extraction.serving import extract_all, undo
from vedette.graph.draft_packing import unpack_draft
from vedette.graph.ontology import ontology

PLAIN = b"start,end\n1,2\n" * 100
LIMIT = 1_000_000


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PLAIN, ""),
        (PLAIN, "identity"),
        (gzip.compress(PLAIN), "gzip"),
        (gzip.compress(PLAIN), " X-GZIP "),
        (gzip.compress(PLAIN), ""),
        (bz2.compress(PLAIN), ""),
        (zlib.compress(PLAIN), "deflate"),
        (b"", ""),
    ],
)
def test_an_encoding_is_undone(content: bytes, encoding: str) -> None:
    assert undo(content, encoding, limit=LIMIT) == (PLAIN if content else b"")


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (gzip.compress(bytes(LIMIT + 1)), "gzip", "a bomb"),
        (gzip.compress(bytes(LIMIT + 1)), "", "a bomb"),
        (zlib.compress(bytes(LIMIT + 1)), "deflate", "a bomb"),
        (gzip.compress(PLAIN)[:-20], "gzip", "cut off"),
        (zlib.compress(PLAIN)[:-20], "deflate", "cut off"),
        (b"\x00" * 40, "deflate", "damaged"),
        (PLAIN, "gzip", "not compressed"),
        (PLAIN, "br", "'br', which is not undone"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_undone_says_why(content: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        undo(content, encoding, limit=LIMIT)


def test_each_document_fails_alone() -> None:
    told = [
        {"size": 3, "extractor": "no-such", "content_type": "", "content_encoding": "", "meta": {}},
        {"size": 4, "extractor": "argus", "content_type": "", "content_encoding": "br", "meta": {}},
    ]
    answer, data = extract_all(told, b"abcdefg", limit=LIMIT)
    assert data == b""
    first, second = answer["results"]
    assert "unknown extractor 'no-such'" in first["error"]
    assert second["error"]


def test_the_garbage_collector_is_as_it_was_afterwards() -> None:
    told = {"extractor": "argus", "content_type": "", "content_encoding": "", "meta": {}}
    documents = [{**told, "size": 1}, {**told, "size": 40}]

    extract_all(documents, b"x" + b"1,e,tcp,10.0.0.1,1,->,10.0.0.2,2,1,1,CON", limit=LIMIT)

    assert gc.isenabled()


def test_only_what_is_to_be_merged_comes_ready_for_it() -> None:
    content = table(1)
    told = {
        "size": len(content),
        "extractor": "argus",
        "content_type": "text/csv",
        "content_encoding": "",
        "meta": {},
    }

    answer, data = extract_all([told, {**told, "observed_at": 7}], content * 2, limit=LIMIT)

    plain, ready = answer["results"]
    assert (plain["draft"], ready["draft"]) == (False, True)
    subgraph, draft = unpack(data[: plain["size"]]), unpack_draft(data[plain["size"] :], ontology())
    assert [vertex.name for vertex in subgraph.vertices.values()] == [one.folded.name for one in draft.vertices]
    assert draft.observed.at == 7
