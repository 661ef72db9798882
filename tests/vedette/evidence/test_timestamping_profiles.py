"""Public authorities by name; each is used against a local server that behaves like it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.vedette.evidence.mimic import MANNERS, Manner, Mimic
from tests.vedette.fetching.origin import Origin, redirect
from vedette.clock import SystemClock
from vedette.errors import ConfigurationError, TimestampError
from vedette.evidence.exchange import read_query
from vedette.evidence.introduction import (
    MAX_ROOTS,
    authority_facts,
    read_fingerprint,
    read_roots,
    unconfirmed,
)
from vedette.evidence.profiles import PROFILES, profile_named
from vedette.evidence.timestamping import HttpAuthority

IMPRINT = hashlib.sha256(b"a batch root").digest()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    made = Origin()
    await made.start()
    yield made
    await made.stop()


def client(mimic: Mimic, *, name: str = "tested", policy: str | None = None) -> HttpAuthority:
    roots = read_roots(mimic.root_file, place="test")
    return HttpAuthority(name=name, url=mimic.url, roots=roots, external=True, clock=SystemClock(), policy=policy)


@pytest.mark.parametrize("name", PROFILES)
async def test_a_profile_is_all_that_a_client_needs_beside_the_roots(name: str, origin: Origin) -> None:
    profile, mimic = profile_named(name), Mimic(origin, MANNERS[name])
    for url in (profile.url, profile.roots_url):
        assert urlsplit(url).scheme in {"http", "https"}
    assert read_fingerprint(profile.root_sha256) == profile.root_sha256
    async with client(mimic, name=name, policy=profile.policy) as authority:
        asked_at = SystemClock().now()
        token = await authority.stamp(IMPRINT)
    assert profile.policy in {None, token.policy}
    assert read_query(origin.requests[0].body).policy == profile.policy
    facts = authority_facts(token, roots=authority.roots, asked_at=asked_at, answered_at=SystemClock().now())
    assert [root.subject for root in facts.roots] == ["CN=Root"]
    assert (facts.signer.subject, facts.policy) == ("CN=Unit", token.policy)
    assert facts.digest == MANNERS[name].order.get("digest", "sha256")
    assert (facts.accuracy is None) is ("accuracy" not in MANNERS[name].order)
    assert facts.accuracy in {None, 1_000_000, 500_100}
    # Its genTime is cut to seconds.
    assert -1_000_000 - facts.round_trip <= facts.offset <= facts.round_trip


async def test_its_pace_is_told(origin: Origin) -> None:
    mimic = Mimic(origin, MANNERS["sectigo"])
    mimic.busy = 1
    async with client(mimic) as authority:
        with pytest.raises(TimestampError, match="answers HTTP status 429") as caught:
            await authority.stamp(IMPRINT)
        assert caught.value.retry_after == 15.0
        await authority.stamp(IMPRINT)
    assert profile_named("sectigo").seconds_between == 15.0


async def test_its_redirect_is_not_followed_even_to_itself(origin: Origin) -> None:
    mimic = Mimic(origin, Manner(kind="p256", root_kind="p256"))
    origin.answers["/tsr"] = redirect("/other", "308 Permanent Redirect")
    async with client(mimic) as authority:
        with pytest.raises(TimestampError, match="redirects elsewhere, which is refused; use the final URL"):
            await authority.stamp(IMPRINT)


async def test_a_policy_that_it_does_not_have_is_told(origin: Origin) -> None:
    async with client(Mimic(origin, MANNERS["freetsa"]), policy="1.2.3.4.9") as authority:
        with pytest.raises(TimestampError, match="unacceptedPolicy"):
            await authority.stamp(IMPRINT)


def test_a_name_that_nobody_knows_gets_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"^tsa: digicet: no such profile; did you mean 'digicert'\?"):
        profile_named("digicet")
    with pytest.raises(ConfigurationError, match="known are freetsa, digicert, sectigo, globalsign, apple, certum"):
        profile_named("zzz")


def test_roots_are_read_as_authorities_publish_them(origin: Origin) -> None:
    pem, der = (
        Mimic(origin, Manner(kind="p256", root_kind="p256", roots_der=roots_der)).root_file
        for roots_der in (False, True)
    )
    assert len(read_roots(pem, place="x").certificates) == len(read_roots(der, place="x").certificates) == 1
    for data, reason in (
        (b"", "holds no certificate"),
        (b"<html>", "holds no certificate"),
        (der + b"\x00", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no readable PEM"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            read_roots(data, place="x")
    middle = Mimic(origin, Manner(kind="p256", root_kind="p256")).chain.issued[1].der
    with pytest.raises(ConfigurationError, match="holds no root"):
        read_roots(middle, place="x")
    many = b"".join(
        Mimic(origin, Manner(kind="p256", root_kind="p256")).chain.roots_pem for _ in range(MAX_ROOTS + 1)
    )
    with pytest.raises(ConfigurationError, match=f"holds {MAX_ROOTS + 1} certificates"):
        read_roots(many, place="x")


def test_a_fingerprint_is_read_as_people_write_it() -> None:
    digits = "ab" * 32
    for text in (digits, digits.upper(), ":".join(["AB"] * 32), " ".join(["ab"] * 32)):
        assert read_fingerprint(text) == digits
    for text in ("", "ab" * 20, "ab" * 33, "g" * 64):
        with pytest.raises(ConfigurationError, match="must be SHA-256"):
            read_fingerprint(text)
    assert unconfirmed([], [digits]) == []
