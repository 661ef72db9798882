"""Responders are asked, and what they answer counts like a list (RFC 6960, RFC 3161 section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from registry.database import Database
from registry.proof_state import ProofState
from tests.behaviours.revoking import DAY, Revoking
from tests.vedette.evidence.forge import MIDDLE, issue
from tests.vedette.evidence.listing import ListedAuthority, ListServer, revocation_list
from tests.vedette.evidence.responding import REVOKED, UNKNOWN, Answer, answer, asked_chain, nonce_of
from tests.vedette.fetching.origin import Origin, reply
from vedette.clock import ManualClock
from vedette.evidence.bundle import build_bundle
from vedette.evidence.ocsp import ANSWER_TYPE
from vedette.evidence.verification import verify_bundle


class Responding:
    """A store with one stamped batch, and a responder that answers about the authority's certificate."""

    def __init__(self, *, database: Database, clock: ManualClock, origin: Origin, lists: bool) -> None:
        self.revoking = Revoking(database=database, clock=clock, server=ListServer())
        self.origin = origin
        today = self.revoking.today
        chain = asked_chain(
            origin.url("/ocsp"), start=today - timedelta(days=10), lists=origin.url("/list") if lists else ""
        )
        self.revoking.chain = chain
        self.revoking.authority = ListedAuthority(chain, clock=clock, name="one")
        origin.answers["/ocsp"] = self._respond
        origin.answers["/list"] = self._list
        self.wanted: dict[str, Any] = {}
        self.content_type = ANSWER_TYPE

    async def _respond(self, writer: asyncio.StreamWriter) -> None:
        wanted = Answer(made=self.revoking.today, nonce=nonce_of(self.origin.requests[-1].body))
        data = answer(self.revoking.chain, wanted.but(**self.wanted))
        await reply(data, Content_Type=self.content_type)(writer)

    async def _list(self, writer: asyncio.StreamWriter) -> None:
        await reply(revocation_list(self.revoking.chain, made=self.revoking.today))(writer)

    async def refresh(self) -> None:
        self.revoking.server.port = self.origin.port
        await self.revoking.refresh()

    async def kept(self) -> dict[str, bytes]:
        return dict((await self.revoking.proofs.bundle_contents(self.revoking.uuid)).crls)

    async def verdict(self) -> str:
        contents = await self.revoking.proofs.bundle_contents(self.revoking.uuid)
        found = verify_bundle(build_bundle(contents), roots=self.revoking.roots, now=self.revoking.clock.now())
        assert found.ok, found.reasons
        return next(check.text for check in found.checks if check.name == "revocation")


@pytest.fixture
async def responding(
    request: pytest.FixtureRequest, database: Database, clock: ManualClock, sender: Any
) -> AsyncIterator[Responding]:
    origin = Origin()
    await origin.start()
    made = Responding(database=database, clock=clock, origin=origin, lists=getattr(request, "param", False))
    await made.revoking.collect(sender)
    yield made
    await origin.stop()


@pytest.mark.parametrize("responding", [False, True], ids=["responder", "both"], indirect=True)
async def test_a_responder_is_asked_once_a_day_and_its_answer_goes_into_the_bundle(responding: Responding) -> None:
    await responding.refresh()
    await responding.refresh()
    both = len(responding.origin.requests) == 2
    assert [asked.method for asked in responding.origin.requests] == (["GET", "POST"] if both else ["POST"])
    kept = await responding.kept()
    assert sorted(name.rpartition(".")[2] for name in kept) == (["crl", "ocsp"] if both else ["ocsp"])
    lists = "1 revocation lists and " if both else ""
    assert await responding.verdict() == f"{lists}1 answers of responders, none voids a time-stamp"
    assert await responding.revoking.alarms.all() == []

    responding.revoking.clock.advance(DAY + 1)
    await responding.refresh()
    assert not set((await responding.kept()).values()) & set(kept.values())


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (x509.ReasonFlags.key_compromise, ProofState.FAILED),
        (None, ProofState.FAILED),
        (x509.ReasonFlags.superseded, ProofState.PROVED),
    ],
)
async def test_what_a_responder_revokes_counts_as_from_a_list(
    responding: Responding, reason: x509.ReasonFlags | None, state: ProofState
) -> None:
    revoking = responding.revoking
    revoking.clock.advance(5 * DAY)
    responding.wanted = {"status": REVOKED, "revoked": revoking.today, "reason": reason}
    await responding.refresh()
    assert await revoking.state() is state
    (alarm,) = await revoking.alarms.all()
    assert (alarm.kind, alarm.text.startswith("revoked (")) == ("revocation", True)
    assert len(await revoking.lists.revoked_chains()) == 1
    if state is ProofState.PROVED:
        assert "none voids a time-stamp" in await responding.verdict()


async def test_a_certificate_that_a_responder_does_not_know_is_an_alarm_and_is_shown(responding: Responding) -> None:
    responding.wanted = {"status": UNKNOWN}
    await responding.refresh()
    assert await responding.revoking.state() is ProofState.PROVED
    (alarm,) = await responding.revoking.alarms.all()
    assert "does not know this certificate" in alarm.text
    assert "UNKNOWN: a responder says that it does not know CN=Unit" in await responding.verdict()

    # It hides no revocation that comes later, and does not stand for one that came before.
    revoking = responding.revoking
    revoking.clock.advance(DAY + 1)
    revoked = {"status": REVOKED, "revoked": revoking.today, "reason": x509.ReasonFlags.superseded}
    responding.wanted = revoked
    await responding.refresh()
    assert len(await revoking.alarms.all()) == 2
    kept = await responding.kept()
    revoking.clock.advance(DAY + 1)
    responding.wanted = {"status": UNKNOWN}
    await responding.refresh()
    assert await responding.kept() == kept
    assert len(await revoking.lists.revoked_chains()) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"nonce": b"somebody else's"},
        {"made": datetime(2020, 1, 1, tzinfo=UTC)},
        {"by": "stranger"},
        {"content_type": "text/html"},
    ],
    ids=["nonce", "old", "stranger", "page"],
)
async def test_an_answer_that_is_not_to_us_or_of_now_or_of_the_issuer_changes_nothing(
    responding: Responding, wanted: dict[str, Any]
) -> None:
    if "made" not in wanted:
        await responding.refresh()
    before = await responding.kept()
    responding.revoking.clock.advance(DAY + 1)
    responding.content_type = wanted.get("content_type", ANSWER_TYPE)
    today = responding.revoking.today
    orders = {name: value for name, value in wanted.items() if name != "content_type"}
    if "by" in orders:
        orders = {"by": issue(MIDDLE.but(start=today - timedelta(days=1)))}
    responding.wanted = orders | {"status": REVOKED, "revoked": today}
    await responding.refresh()
    assert await responding.kept() == before
    assert await responding.revoking.state() is ProofState.PROVED
    assert await responding.revoking.alarms.all() == []
