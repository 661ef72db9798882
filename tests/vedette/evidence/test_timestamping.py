"""Given an authority that lies, when it is asked for a token, then the client says how, and never believes it."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import AsyncIterator

import pytest

from tests.timing import bound
from tests.vedette.evidence.lying import OTHER_POLICY, Lie, LyingAuthority, live_chain
from vedette.clock import MICROSECONDS, Clock, ManualClock, SystemClock
from vedette.errors import TimestampError
from vedette.evidence.exchange import read_query
from vedette.evidence.timestamping import MAX_RESPONSE, HttpAuthority

IMPRINT = hashlib.sha256(b"a batch root").digest()
POLICY = "1.3.6.1.4.1.32473.1"

REASONS = {
    Lie.REFUSING: r"answered rejection \(badAlg, we do not like it\)",
    Lie.UNAVAILABLE: "answers HTTP status 503",
    Lie.BUSY: "answers HTTP status 429",
    Lie.CLOSING: "cannot be reached",
    Lie.WRONG_NONCE: "nonce: not the one that was sent",
    Lie.NO_NONCE: "nonce: missing",
    Lie.WRONG_IMPRINT: "imprint: the token is over other data",
    Lie.HTML: "answers with text/html, not application/timestamp-reply",
    Lie.HTML_AS_REPLY: "TimeStampResp: has tag 0x3c",
    Lie.REDIRECT: "redirects elsewhere, which is refused",
    Lie.NOTHING: "answers with nothing",
    Lie.GARBAGE: "TimeStampResp: ",
    Lie.COMPRESSED: "content encoding that was not asked for",
    Lie.EXPIRED: "validity: CN=Unit is valid from",
    Lie.STRANGER: "trust: no path leads from CN=Unit",
    Lie.OTHER_POLICY: f"policy: the token names {OTHER_POLICY}",
    Lie.BACKDATED: r"genTime is 3\d\d\d s before it was asked for; check both clocks",
    Lie.FUTURE: r"genTime is 3\d\d\d s in the future; check both clocks",
}


def client(lying: LyingAuthority, *, clock: Clock | None = None, time_limit: float = 10.0) -> HttpAuthority:
    return HttpAuthority(
        name="tested",
        url=lying.url,
        roots=lying.chain.roots,
        external=True,
        clock=clock or SystemClock(),
        policy=POLICY,
        time_limit=time_limit,
    )


@pytest.fixture
async def authority(lying_authority: LyingAuthority) -> AsyncIterator[HttpAuthority]:
    async with client(lying_authority) as made:
        yield made


@pytest.mark.parametrize("lie", [Lie.NONE, Lie.GRANTED_WITH_MODS])
async def test_an_honest_answer_is_a_verified_token(
    lie: Lie, lying_authority: LyingAuthority, authority: HttpAuthority
) -> None:
    lying_authority.lie = lie
    token = await authority.stamp(IMPRINT)
    assert token.imprint == IMPRINT
    assert [token.nonce] == lying_authority.nonces
    assert abs(token.gen_time - SystemClock().now()) < 10 * MICROSECONDS


async def test_another_digest_is_asked_for_by_name(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    imprint = hashlib.sha512(b"a batch root").digest()
    assert (await authority.stamp(imprint, digest_algorithm="sha512")).digest_algorithm == "sha512"
    assert read_query(lying_authority.requests[0]).policy == POLICY


@pytest.mark.parametrize("lie", REASONS, ids=lambda lie: lie.name)
async def test_each_lie_is_refused_with_its_reason(
    lie: Lie, lying_authority: LyingAuthority, authority: HttpAuthority
) -> None:
    lying_authority.lie = lie
    with pytest.raises(TimestampError, match=REASONS[lie]) as caught:
        await authority.stamp(IMPRINT)
    assert str(caught.value).startswith("tested: ")


@pytest.mark.parametrize("lie", REASONS, ids=lambda lie: lie.name)
async def test_after_a_lie_the_truth_is_accepted_again(
    lie: Lie, lying_authority: LyingAuthority, authority: HttpAuthority
) -> None:
    before = lying_authority.chain
    lying_authority.lie = lie
    with pytest.raises(TimestampError):
        await authority.stamp(IMPRINT)
    lying_authority.lie, lying_authority.chain = Lie.NONE, before
    assert (await authority.stamp(IMPRINT)).imprint == IMPRINT


@pytest.mark.parametrize("lie", [Lie.ENDLESS, Lie.ENDLESS_CHUNKED])
async def test_an_endless_answer_is_cut_off(
    lie: Lie, lying_authority: LyingAuthority, authority: HttpAuthority
) -> None:
    lying_authority.lie = lie
    with pytest.raises(TimestampError, match=f"answers with more than {MAX_RESPONSE} bytes"):
        await authority.stamp(IMPRINT)
    # What the kernel's buffers took is all that is ever sent.
    assert lying_authority.sent < 64 * 1024**2


@pytest.mark.parametrize("lie", [Lie.SILENT, Lie.DRIPPING])
async def test_a_slow_answer_ends_with_the_time_limit(lie: Lie, lying_authority: LyingAuthority) -> None:
    lying_authority.lie = lie
    async with client(lying_authority, time_limit=0.3) as authority:
        started = time.monotonic()
        with pytest.raises(TimestampError, match=r"http://127.* no whole answer within 0\.3 s"):
            await authority.stamp(IMPRINT)
    assert 0.25 < time.monotonic() - started < bound(5.0)


async def test_a_replayed_answer_is_refused(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    await authority.stamp(IMPRINT)
    lying_authority.lie = Lie.REPLAY
    with pytest.raises(TimestampError, match="nonce: not the one that was sent"):
        await authority.stamp(IMPRINT)


async def test_each_attempt_has_a_new_nonce(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    lying_authority.lie = Lie.UNAVAILABLE
    for _ in range(20):
        with pytest.raises(TimestampError):
            await authority.stamp(IMPRINT)
    nonces = lying_authority.nonces
    assert len(set(nonces)) == 20
    assert any(nonce is not None and nonce.bit_length() > 56 for nonce in nonces)


@pytest.mark.parametrize(("seconds", "reason"), [(-3600, "in the future"), (3600, "before it was asked for")])
async def test_our_own_wrong_clock_shows(seconds: float, reason: str, lying_authority: LyingAuthority) -> None:
    clock = ManualClock(now=SystemClock().now())
    clock.jump(seconds)
    async with client(lying_authority, clock=clock) as authority:
        with pytest.raises(TimestampError, match=f"{reason}; check both clocks"):
            await authority.stamp(IMPRINT)


async def test_tokens_are_asked_for_side_by_side(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    imprints = [hashlib.sha256(bytes((number,))).digest() for number in range(20)]
    tokens = await asyncio.gather(*map(authority.stamp, imprints))
    assert [token.imprint for token in tokens] == imprints


async def test_a_name_and_password_of_the_operators_are_sent_as_a_login(lying_authority: LyingAuthority) -> None:
    url = lying_authority.url.replace("http://", "http://name:p%40ss@")
    roots = lying_authority.chain.roots
    async with HttpAuthority(name="paid", url=url, roots=roots, external=True, clock=SystemClock()) as authority:
        await authority.stamp(IMPRINT)
    assert lying_authority.heads[0][b"authorization"].lower() == b"basic bmftztpwqhnz"


async def test_a_busy_authority_says_when_to_come_again(
    lying_authority: LyingAuthority, authority: HttpAuthority
) -> None:
    lying_authority.lie = Lie.BUSY
    with pytest.raises(TimestampError, match="answers HTTP status 429") as caught:
        await authority.stamp(IMPRINT)
    assert caught.value.retry_after == 15.0


async def test_nobody_listening_is_told() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        await _refused(url, f"down: {url}: cannot be reached: ")


async def test_a_password_in_the_url_is_never_shown() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{reserved.getsockname()[1]}/tsr"
        await _refused(f"http://name:secret@{place}", f"down: http://{place}: cannot be reached: ")
    await _refused("http://name:secret@127.0.0.1:99999/", "down: ")


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"])
async def test_a_url_that_cannot_be_used_is_told(url: str) -> None:
    await _refused(url, "down: ")


async def _refused(url: str, message: str) -> None:
    roots = live_chain().roots
    async with HttpAuthority(name="down", url=url, roots=roots, external=True, clock=SystemClock()) as authority:
        with pytest.raises(TimestampError) as caught:
            await authority.stamp(IMPRINT)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


async def test_what_is_no_digest_is_not_asked_for(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    with pytest.raises(TimestampError, match="are not a digest of sha256"):
        await authority.stamp(b"short")
    with pytest.raises(TimestampError, match="are not a digest of sha1"):
        await authority.stamp(bytes(20), digest_algorithm="sha1")
    assert lying_authority.requests == []


async def test_a_closed_client_opens_again(lying_authority: LyingAuthority, authority: HttpAuthority) -> None:
    await authority.stamp(IMPRINT)
    await authority.aclose()
    await authority.aclose()
    assert (await authority.stamp(IMPRINT)).imprint == IMPRINT
