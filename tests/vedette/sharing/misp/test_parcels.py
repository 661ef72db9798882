"""Large deltas in several documents: whole, in order, none too large."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from tests.fake_misp import FakeMisp
from tests.fake_misp_store import User
from tests.misp_pushing import held, said
from tests.sharing_cases import everything, large
from vedette.sharing.investigation import Investigation
from vedette.sharing.misp.delta import difference
from vedette.sharing.misp.event import misp_event
from vedette.sharing.misp.holding import Holding, holding_of
from vedette.sharing.misp.ledger import Ledger
from vedette.sharing.misp.parcels import Document, digest_of, parcels


def _whole(what: Investigation, theirs: Holding, **limits: int) -> list[Document]:
    ours = holding_of(misp_event(what).event)
    delta = difference(ours, theirs, Ledger(), version="2.5", tagging=True, made_here=lambda _child: False)
    return parcels(delta, ours, theirs, **limits)


def _take(fake: FakeMisp, event: str, documents: Sequence[Document]) -> Holding:
    for number, document in enumerate(orjson.loads(orjson.dumps(documents))):
        if number == 0:
            fake.store.add(document, User())
        else:
            fake.store.edit(event, document, User())
    return holding_of(fake.view(event, User(), deleted=True))


@pytest.mark.parametrize("limits", [{}, {"most": 40}, {"most": 7}, {"most": 1}, {"most_bytes": 3_000}])
def test_in_however_many_documents_all_arrives(limits: dict[str, int]) -> None:
    what = everything()
    fake = FakeMisp()
    documents = _whole(what, {}, **limits)
    theirs = _take(fake, str(what.uuid), documents)
    assert held(fake.store, str(what.uuid)) == said(what)
    assert fake.store.dropped == []
    assert (len(documents) == 1) == (not limits)
    assert _whole(what, theirs, **limits) == []


def test_many_are_a_handful_of_requests_of_bounded_size() -> None:
    # A tenth of all: the limit is 5,000, and 10,000 facts are as many requests.
    documents = _whole(large(1_000), {}, most=500)
    assert len(documents) <= 6
    for document in documents:
        children = len(document.get("Attribute", ())) + sum(
            1 + len(item.get("Attribute", ())) for item in document.get("Object", ())
        )
        assert children <= 520, "one object may go over the limit"
    stamps = [int(document["timestamp"]) for document in documents]
    assert stamps == sorted(set(stamps)), "the server takes only what is newer"


def test_no_document_has_what_only_a_server_decides() -> None:
    for document in _whole(everything(), {}, most=10):
        assert not {"Orgc", "Org", "id", "publish_timestamp"} & set(document)
        assert not document.get("published")


def test_the_digest_is_of_what_is_said_and_not_of_when() -> None:
    documents = _whole(everything(), {})
    later = [{**document, "timestamp": "1999999999"} for document in documents]
    assert digest_of(documents, publish=False) == digest_of(later, publish=False)
    assert digest_of(documents, publish=False) != digest_of(documents, publish=True)
    assert digest_of(documents, publish=False) != digest_of(_whole(large(3), {}), publish=False)
