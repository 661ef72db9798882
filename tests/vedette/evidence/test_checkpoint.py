"""Given checkpoints, when they are read or compared, then only the right ones pass and a rewritten history shows."""

from __future__ import annotations

import base64

import pytest

from vedette.errors import EvidenceError
from vedette.evidence.checkpoint import (
    Checkpoint,
    compare_checkpoints,
    open_checkpoint,
    origin_of,
    read_checkpoint,
    split_list,
)
from vedette.evidence.signed_note import NoteKey
from vedette.signing import SigningKey

ORIGIN = "vedette/engine@localhost/00ff"


def at(size: int, *, root: int | None = None, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin=origin, size=size, root=bytes([size % 256 if root is None else root]) * 32)


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


def test_a_sealed_checkpoint_opens_with_the_bare_key_and_with_the_named_one(key: SigningKey) -> None:
    sealed = at(42).seal(key)
    assert sealed.decode().split("\n")[:4] == [ORIGIN, "42", base64.b64encode(b"*" * 32).decode(), ""]
    assert open_checkpoint(sealed, key.verifying) == at(42)
    assert open_checkpoint(sealed, NoteKey(name=ORIGIN, key=key.verifying)) == at(42)
    for wrong in (SigningKey.generate().verifying, NoteKey(name="other", key=key.verifying)):
        with pytest.raises(EvidenceError, match="is not signed by"):
            open_checkpoint(sealed, wrong)


def test_an_origin_has_neither_spaces_nor_pluses_nor_more_slashes() -> None:
    assert origin_of(engine="an engine+x/../y@host", epoch="00ff") == "vedette/an%20engine%2Bx%2F..%2Fy@host/00ff"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n42\n",
        f"{ORIGIN}\n042\n{'A' * 43}=\n",
        f"{ORIGIN}\n-1\n{'A' * 43}=\n",
        f"{ORIGIN}\n\u0664\n{'A' * 43}=\n",
        f"{ORIGIN}\n{'9' * 40}\n{'A' * 43}=\n",
        f"{ORIGIN}\n42\nAAAA\n",
        f"{ORIGIN}\n42\n{'A' * 42}B=\n",
        f"{ORIGIN}\n42\n!\n",
        f"\n42\n{'A' * 43}=\n",
        f"{ORIGIN}\n42\n{'A' * 43}=\n\nmore\n",
    ],
    ids=range(11),
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError):
        read_checkpoint(text)


def test_extension_lines_are_ignored() -> None:
    assert read_checkpoint(at(1).text + "whatever\n") == at(1)


def test_a_list_is_split_into_its_notes(key: SigningKey) -> None:
    sealed = [at(size).seal(key) for size in (1, 2, 3)]
    two = sealed[1] + sealed[0].rpartition(b"\n\n")[2]
    for joined in (b"".join([sealed[0], two, sealed[2]]), b"\n\n".join([sealed[0], two, sealed[2]]) + b"\n"):
        assert split_list(joined) == [sealed[0], two, sealed[2]]
    assert split_list(b"") == []
    with pytest.raises(EvidenceError):
        split_list(b"\xff")
    for rubbish in (b"no note at all", sealed[0].rpartition(b"\n\n")[2], sealed[0] + b"rest"):
        with pytest.raises(EvidenceError):
            [open_checkpoint(note, key.verifying) for note in split_list(rubbish)]


@pytest.mark.parametrize(
    ("kept", "present", "kinds"),
    [
        ([at(1), at(5)], [at(1), at(2), at(5), at(9)], []),
        ([at(5)], [at(1), at(5, root=7), at(9)], ["rewritten"]),
        ([at(5)], [at(1), at(9)], ["rewritten"]),
        ([at(5)], [at(1)], ["truncated"]),
        ([at(5)], [], ["truncated"]),
        ([at(5)], [at(5, origin="another")], ["truncated"]),
        ([], [at(5), at(5, root=1)], ["rewritten"]),
        ([at(5), at(5, root=1)], [at(5)], ["rewritten"]),
        ([], [], []),
    ],
    ids=["grown", "root", "boundary", "cut", "gone", "other log", "two faces now", "two faces kept", "nothing"],
)
def test_comparing(kept: list[Checkpoint], present: list[Checkpoint], kinds: list[str]) -> None:
    assert [finding.kind for finding in compare_checkpoints(kept, present)] == kinds
