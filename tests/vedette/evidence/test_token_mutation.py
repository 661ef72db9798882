"""Given good tokens changed at random, none is accepted that OpenSSL refuses or that says something else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.vedette.evidence.forge import (
    DATA,
    GEN_TIME,
    GOOD,
    IMPRINT,
    MIDDLE,
    NONCE,
    ROOT,
    UNIT,
    Chain,
    chain,
    good_chain,
    token,
)
from tests.vedette.evidence.oracle import OpenSsl
from vedette.errors import EvidenceError
from vedette.evidence import der
from vedette.evidence.der import Reader
from vedette.evidence.token import VerifiedToken, verify_token

SEED = 3161

Mutation = Callable[[random.Random, bytes, bytes], bytes]


@dataclass(frozen=True)
class Subject:
    """A good token, and what it takes to verify it."""

    chain: Chain
    token: bytes

    def verify(self, changed: bytes) -> VerifiedToken:
        return verify_token(changed, imprint=IMPRINT, digest_algorithm="sha256", roots=self.chain.roots, nonce=NONCE)


def subjects() -> list[Subject]:
    long = chain(UNIT, MIDDLE, ROOT)
    everything = GOOD.but(
        embed=tuple(sorted(issued.der for issued in long.issued)),
        accuracy=der.sequence(der.integer(1)),
        ess=("v1", "v2"),
        ordering=b"\x01\x01\xff",
    )
    return [
        Subject(good_chain(), token(good_chain())),
        Subject(good_chain("rsa2048"), token(good_chain("rsa2048"))),
        Subject(long, token(long, everything)),
    ]


def flip_bit(chance: random.Random, data: bytes, _: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]


def set_byte(chance: random.Random, data: bytes, _: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(1) + data[at + 1 :]


def cut_off(chance: random.Random, data: bytes, _: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def cut_out(chance: random.Random, data: bytes, _: bytes) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 40) :]


def insert(chance: random.Random, data: bytes, _: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randrange(1, 8)) + data[at:]


def _parts(data: bytes, at: int = 0) -> list[tuple[int, int]]:
    """Start and end of every value in a token, outermost first."""
    found, position = [], at
    for element in Reader(data).elements("value"):
        size = len(element.raw)
        found.append((position, position + size))
        if element.tag & 0x20:
            inner = position + size - len(element.content)
            found += [(inner + start, inner + end) for start, end in _parts(element.content)]
        position += size
    return found


def _replace_part(data: bytes, part: tuple[int, int], new: bytes) -> bytes:
    """Put other bytes in a value's place, with every length around it made right again."""
    start, end = part
    holders = [(a, b) for a, b in _parts(data) if a <= start and end <= b and (a, b) != part]
    for a, b in sorted(holders, reverse=True, key=lambda holder: (holder[0], -holder[1])):
        body = Reader(data[a:b]).element("value").content
        offset = b - len(body)
        new = der.encode(data[a], data[offset:start] + new + data[end:b])
        start, end = a, b
    return data[:start] + new + data[end:]


def swap_parts(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Two values change places; lengths stay right where they are equally long."""
    (a, b), (c, d) = sorted(chance.sample(_parts(data), 2))
    return data if c < b else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def drop_part(chance: random.Random, data: bytes, _: bytes) -> bytes:
    return _replace_part(data, chance.choice(_parts(data)[1:]), b"")


def double_part(chance: random.Random, data: bytes, _: bytes) -> bytes:
    part = chance.choice(_parts(data)[1:])
    return _replace_part(data, part, data[slice(*part)] * 2)


def transplant(chance: random.Random, data: bytes, donor: bytes) -> bytes:
    """A value comes from another token that is good by itself."""
    value = donor[slice(*chance.choice(_parts(donor)))]
    return _replace_part(data, chance.choice(_parts(data)[1:]), value)


def replace_value(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """A value's content changes, still well-formed around it."""
    start, end = chance.choice(_parts(data)[1:])
    return _replace_part(data, (start, end), der.encode(data[start], chance.randbytes(chance.randrange(20))))


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit,
    set_byte,
    cut_off,
    cut_out,
    insert,
    swap_parts,
    drop_part,
    double_part,
    transplant,
    replace_value,
)


def run(rounds: int, openssl: OpenSsl, seed: int) -> tuple[int, int]:
    """Mutate and verify; return how many were changed, and how many of these were rightly accepted."""
    chance, makers = random.Random(seed), subjects()
    expected = [subject.verify(subject.token) for subject in makers]
    changed = accepted = 0
    for number in range(rounds):
        index = chance.randrange(len(makers))
        subject, donor = makers[index], makers[chance.randrange(len(makers))].token
        mutated = MUTATIONS[number % len(MUTATIONS)](chance, subject.token, donor)
        if mutated == subject.token:
            continue
        changed += 1
        try:
            verified = subject.verify(mutated)
        except EvidenceError:
            continue
        accepted += 1
        assert replace(verified, token=subject.token) == expected[index], mutated.hex()
        assert openssl.accepts(
            token=mutated, data=DATA, roots_pem=subject.chain.roots_pem, at=int(GEN_TIME.timestamp())
        ), mutated.hex()
    return changed, accepted


def test_no_mutated_token_is_wrongly_accepted(openssl: OpenSsl) -> None:
    changed, accepted = run(600, openssl, SEED)
    assert changed > 550
    # What may change without harm is outside the signature: certificates that the path does not need.
    assert accepted < changed // 10


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_no_mutated_token_of_ten_thousand_is_wrongly_accepted(openssl: OpenSsl, seed: int) -> None:
    changed, accepted = run(1_000, openssl, SEED + 1 + seed)
    assert changed > 900
    assert accepted < changed // 10
