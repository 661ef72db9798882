"""Given documents of strangers, when one ends the process that reads it, then only it is not read."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from tests.vedette.extraction.flows import table
from vedette.extraction.interface import ExtractionError
from vedette.extraction.isolated import SMALL, TOGETHER, Extracted, IsolatedExtraction, ToExtract, divide
from vedette.graph.drafted import Drafted

MIB = 1024 * 1024

AT = 1_795_305_600_000_000


@pytest.fixture
async def extraction() -> AsyncIterator[IsolatedExtraction]:
    made = IsolatedExtraction(workers=1, seconds=300, memory=400 * MIB, limit=150 * MIB)
    yield made
    await made.aclose()


def flows(*numbers: int) -> ToExtract:
    content = table(*numbers)
    return ToExtract(extractor="argus", content=content, content_type="text/csv", meta={"uuid": "1"}, observed_at=AT)


def names_of(found: Extracted) -> set[str]:
    stated = found.stated()
    assert isinstance(stated, Drafted)
    return {mention.folded.name for mention in stated.vertices}


async def test_each_gets_its_own_answer_in_order(extraction: IsolatedExtraction) -> None:
    wanted = [flows(number) for number in range(TOGETHER + 10)]
    wanted[3] = ToExtract(extractor="argus", content=b"broken", content_encoding="gzip", observed_at=AT)
    wanted[5] = ToExtract(extractor="no-such", content=b"", observed_at=AT)
    found = await extraction.extract(wanted)
    assert [place for place, one in enumerate(found) if one.subgraph is None] == [3, 5]
    assert "not compressed" in found[3].error
    for number in (0, 4, TOGETHER, TOGETHER + 9):
        names = names_of(found[number])
        assert f"10.0.0.{number + 1}" in names
    assert found[0].version
    with pytest.raises(ExtractionError, match="not compressed"):
        found[3].stated()
    assert await extraction.extract([]) == []
    assert extraction.killed == 0


async def test_who_ends_the_worker_is_asked_alone_and_the_others_are_read(extraction: IsolatedExtraction) -> None:
    await extraction.extract([flows(1)])
    (worker,) = extraction._parsing._all
    worker.process.kill()
    await worker.process.wait()
    found = await extraction.extract([flows(1), flows(2)])
    assert [bool(one.subgraph) for one in found] == [True, True]
    assert extraction.killed == 1


async def test_a_document_that_takes_too_much_memory_says_so(extraction: IsolatedExtraction) -> None:
    bomb = gzip.compress(bytes(140 * MIB), 1)
    large = ToExtract(extractor="argus", content=bomb, content_encoding="gzip", observed_at=AT)
    found = await extraction.extract([flows(1), large, flows(2)])
    assert [bool(one.subgraph) for one in found] == [True, False, True]


async def test_workers_end_when_there_is_nothing_to_do_and_come_back(extraction: IsolatedExtraction) -> None:
    await extraction.extract([flows(1)])
    (worker,) = extraction._parsing._all
    await extraction.rest()
    assert worker.process.returncode is not None
    assert (await extraction.extract([flows(1)]))[0].subgraph


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([1], [range(1)]),
        ([1] * (TOGETHER + 1), [range(TOGETHER), range(TOGETHER, TOGETHER + 1)]),
        ([SMALL, 1], [range(1), range(1, 2)]),
        ([1, SMALL, 1], [range(1), range(1, 2), range(2, 3)]),
        ([SMALL - 1, 1, 10 * SMALL], [range(2), range(2, 3)]),
    ],
)
def test_small_documents_share_a_question(sizes: list[int], parts: list[range]) -> None:
    assert divide(sizes) == parts
