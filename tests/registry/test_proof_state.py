"""The proof state is a function of the tokens, and only rises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.proof_state import AGREEMENT, ProofState, Stamp, state_of

ORDER = [ProofState.FAILED, ProofState.PENDING, ProofState.SELF_ASSERTED, ProofState.PROVED, ProofState.STRONG]

stamps = st.builds(
    Stamp,
    tsa=st.sampled_from(["local", "one", "two", "three"]),
    external=st.booleans(),
    gen_time=st.integers(0, 4 * AGREEMENT),
    obtained_at=st.integers(0, 4 * AGREEMENT),
)


def stamp(tsa: str, *, external: bool = True, gen_time: int = 0, obtained_at: int = 0) -> Stamp:
    return Stamp(tsa=tsa, external=external, gen_time=gen_time, obtained_at=obtained_at)


def test_without_a_token_it_is_pending_or_failed() -> None:
    assert state_of([]) is ProofState.PENDING
    assert state_of([], failed=True) is ProofState.FAILED
    assert not ProofState.FAILED.is_stamped


def test_local_authorities_only_assert_their_own_time() -> None:
    assert state_of([stamp("a", external=False), stamp("b", external=False)]) is ProofState.SELF_ASSERTED


def test_one_external_authority_proves() -> None:
    assert state_of([stamp("a"), stamp("b", external=False)], failed=True) is ProofState.PROVED


def test_two_external_authorities_are_strong_even_if_one_came_a_year_later() -> None:
    year = 365 * 86_400_000_000

    assert state_of([stamp("a"), stamp("b", gen_time=year, obtained_at=year)]) is ProofState.STRONG


def test_two_external_authorities_whose_clocks_disagree_are_not_strong() -> None:
    assert state_of([stamp("a"), stamp("b", gen_time=AGREEMENT + 1)]) is ProofState.PROVED
    assert state_of([stamp("a"), stamp("b", gen_time=AGREEMENT)]) is ProofState.STRONG


def test_the_same_authority_twice_is_one() -> None:
    assert state_of([stamp("a"), stamp("a")]) is ProofState.PROVED


@given(st.lists(stamps, max_size=6), st.booleans())
def test_the_state_only_rises_and_does_not_depend_on_the_order(tokens: list[Stamp], failed: bool) -> None:
    states = [state_of(tokens[:count], failed=failed) for count in range(len(tokens) + 1)]

    assert states == sorted(states, key=ORDER.index)
    assert state_of(reversed(tokens), failed=failed) is states[-1]
