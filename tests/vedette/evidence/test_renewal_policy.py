"""When records are due, why, and which token cures them."""

from __future__ import annotations

import dataclasses

import pytest

from tests.vedette.evidence.sample import START, Authority
from vedette.errors import EvidenceError
from vedette.evidence.algorithm_lifetimes import LIFETIMES, algorithms_under, first_end, stronger_digest
from vedette.evidence.renewal_policy import (
    DAY,
    LEAD,
    Cause,
    RecordGroup,
    RenewalKind,
    RenewalTerms,
    due_group,
    due_groups,
    is_worth,
    may_renew,
    preference,
)

NOW = START
ENDLESS = dict.fromkeys(LIFETIMES)
GROUP = RecordGroup(
    tsa="one",
    external=True,
    chain_sha256="c1",
    digest="sha256",
    algorithms=("ecdsa-secp256r1", "sha256"),
    not_after=NOW + 1_000 * DAY,
    count=3,
)


def but(**changes: object) -> RecordGroup:
    return dataclasses.replace(GROUP, **changes)  # type: ignore[arg-type]


def terms(*, revoked: tuple[str, ...] = (), **ends: int) -> RenewalTerms:
    given = {name.replace("_", "-"): end for name, end in ends.items()}
    return RenewalTerms(now=NOW, lifetimes={**ENDLESS, **given}, revoked=revoked)


@pytest.mark.parametrize(
    ("group", "on", "cause", "kind", "digest"),
    [
        (GROUP, terms(), None, None, None),
        (but(not_after=NOW + LEAD), terms(), Cause.EXPIRY, RenewalKind.TIMESTAMP, "sha256"),
        (but(not_after=NOW + LEAD + 1), terms(), None, None, None),
        (but(not_after=NOW - 1), terms(), Cause.TOO_LATE, RenewalKind.TIMESTAMP, "sha256"),
        (GROUP, terms(revoked=("c1",)), Cause.REVOCATION, RenewalKind.TIMESTAMP, "sha256"),
        (GROUP, terms(revoked=("c2",)), None, None, None),
        (GROUP, terms(ecdsa_secp256r1=NOW + LEAD), Cause.ALGORITHM, RenewalKind.TIMESTAMP, "sha256"),
        (GROUP, terms(ecdsa_secp256r1=NOW + LEAD + 1), None, None, None),
        (GROUP, terms(sha256=NOW + LEAD), Cause.DIGEST, RenewalKind.HASHTREE, "sha512"),
        (but(digest="sha512"), terms(sha512=NOW), Cause.DIGEST, RenewalKind.HASHTREE, "sha384"),
        (but(not_after=NOW - 1), terms(sha256=NOW), Cause.TOO_LATE, RenewalKind.TIMESTAMP, "sha256"),
        (but(algorithms=("dsa-1024",)), terms(), Cause.ALGORITHM, RenewalKind.TIMESTAMP, "sha256"),
    ],
)
def test_why_a_group_is_due(
    group: RecordGroup, on: RenewalTerms, cause: Cause | None, kind: RenewalKind | None, digest: str | None
) -> None:
    due = due_group(group, on)

    assert (due and due.cause, due and due.kind, due and due.digest) == (cause, kind, digest)


def test_the_most_urgent_comes_first() -> None:
    late, soon = but(not_after=NOW + 2 * DAY, tsa="late"), but(not_after=NOW + DAY, tsa="soon")
    assert [due.group.tsa for due in due_groups([GROUP, late, soon], terms())] == ["soon", "late"]


def test_a_token_is_worth_it_only_if_it_cures() -> None:
    ending = due_group(but(not_after=NOW + DAY), terms())
    assert ending is not None
    assert is_worth(GROUP, ending, terms())
    assert not is_worth(but(not_after=NOW + 2 * DAY), ending, terms())
    assert is_worth(but(not_after=NOW + 40 * DAY), ending, terms()), "some weeks more are better than nothing"
    on = terms(revoked=("c1",))
    revoked = due_group(GROUP, on)
    assert revoked is not None
    assert not is_worth(GROUP, revoked, on)
    assert is_worth(but(chain_sha256="c2"), revoked, on)
    assert not is_worth(but(not_after=NOW - 1), revoked, on)
    weak = terms(ecdsa_secp256r1=NOW)
    broken = due_group(GROUP, weak)
    assert broken is not None
    assert not is_worth(GROUP, broken, weak)
    assert is_worth(but(algorithms=("rsa-3072",)), broken, weak)


def test_who_may_renew_and_who_is_asked_first() -> None:
    due = due_group(but(not_after=NOW + DAY), terms())
    own = due_group(but(not_after=NOW + DAY, external=False), terms())
    assert due is not None
    assert own is not None
    assert [may_renew(due, external=external) for external in (True, False)] == [True, False]
    assert may_renew(own, external=False)
    names = [("local", False), ("two", True), ("one", True)]
    assert sorted(names, key=lambda name: preference(due, tsa=name[0], external=name[1]))[0] == ("one", True)
    assert sorted(names, key=lambda name: preference(due, tsa=name[0], external=name[1]))[1] == ("two", True)


def test_digests_run_out() -> None:
    assert stronger_digest("sha256", LIFETIMES, at=NOW) == "sha512"
    with pytest.raises(EvidenceError, match="no digest is known"):
        stronger_digest("sha512", {"sha256": None, "sha512": None, "sha384": NOW}, at=NOW)
    assert first_end(("sha256", "sha512"), LIFETIMES) is None
    assert first_end(("rsa-2048", "ecdsa-secp256r1"), LIFETIMES) == (LIFETIMES["rsa-2048"], "rsa-2048")


def test_what_a_token_rests_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority.make(tmp_path_factory.mktemp("a") / "a")
    token = authority.stamp(bytes(32))
    assert algorithms_under(token, authority.chain) == ("ecdsa-secp256r1", "sha256")
