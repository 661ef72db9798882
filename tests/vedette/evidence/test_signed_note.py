"""Given C2SP's signed notes, when one is made or read, then exactly as the specification says."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vedette.errors import EvidenceError
from vedette.evidence.signed_note import MAX_NOTE, NoteKey, open_note, sign_note
from vedette.signing import SigningKey

# The note and the verifier key in the documentation of Go's golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    f"{GO_TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
NAME = "vedette/engine@localhost/00ff"
TEXT = f"{NAME}\n42\n{base64.b64encode(bytes(32)).decode()}\n"


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def test_a_note_of_another_implementation_is_read() -> None:
    key = NoteKey.from_text(GO_KEY)
    assert (key.name, key.id.hex(), key.text) == ("PeterNeumann", "c74f20a3", GO_KEY)
    assert open_note(GO_NOTE, key) == GO_TEXT


def test_our_note_is_what_an_independent_computation_expects(key: SigningKey) -> None:
    note = sign_note(TEXT, name=NAME, key=key)
    body, _, line = note.partition(b"\n\n")
    dash, name, encoded = line.decode().rstrip("\n").split(" ")
    signature = base64.b64decode(encoded)
    raw = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert (dash, name, body + b"\n") == ("\u2014", NAME, TEXT.encode())
    assert signature[:4] == hashlib.sha256(NAME.encode() + b"\n\x01" + raw).digest()[:4]
    Ed25519PublicKey.from_public_bytes(raw).verify(signature[4:], TEXT.encode())
    assert open_note(note, NoteKey(name=NAME, key=key.verifying)) == TEXT


def test_signatures_of_others_are_ignored_but_ours_must_be_there_and_right(key: SigningKey) -> None:
    ours = NoteKey(name=NAME, key=key.verifying)
    note = sign_note(TEXT, name=NAME, key=key)
    other = sign_note(TEXT, name=NAME, key=SigningKey.generate())
    foreign = other.rpartition(b"\n\n")[2]
    assert open_note(note + foreign, ours) == TEXT
    assert open_note(other + note.rpartition(b"\n\n")[2], ours) == TEXT
    with pytest.raises(EvidenceError, match="is not signed by"):
        open_note(other, ours)
    with pytest.raises(EvidenceError, match="is not signed by"):
        open_note(note, NoteKey(name="somebody", key=key.verifying))
    wrong = base64.b64encode(ours.id + bytes(64)).decode()
    with pytest.raises(EvidenceError, match="does not verify"):
        open_note(note + f"\u2014 {NAME} {wrong}\n".encode(), ours)


def test_the_text_may_hold_empty_lines(key: SigningKey) -> None:
    text = "one\n\ntwo\n"
    assert open_note(sign_note(text, name="n", key=key), NoteKey(name="n", key=key.verifying)) == text


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note[:-1],
        lambda note: note.replace(b"\n\n", b"\n"),
        lambda note: note.replace(b"\n42\n", b"\n43\n"),
        lambda note: note.replace("\u2014".encode(), b"-"),
        lambda note: note + b"\n",
        lambda note: note + b"more\n",
        lambda note: note.replace(b"\n42\n", b"\n42\r\n"),
        lambda note: b"\xff" + note,
        lambda note: note.replace(b" ", b"  "),
        lambda note: b"x" * MAX_NOTE + note,
        lambda _note: b"",
        lambda note: note.rpartition(b" ")[0] + b" AAAA\n",
        lambda note: note.rpartition(b" ")[0] + b" !\n",
    ],
    ids=range(13),
)
def test_what_is_not_the_note_is_refused(key: SigningKey, change: object) -> None:
    assert callable(change)
    note = sign_note(TEXT, name=NAME, key=key)
    with pytest.raises(EvidenceError):
        open_note(change(note), NoteKey(name=NAME, key=key.verifying))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_a_name_with_spaces_or_plus_is_refused(key: SigningKey, name: str) -> None:
    with pytest.raises(EvidenceError, match="name"):
        sign_note(TEXT, name=name, key=key)


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "nul\0\n"])
def test_a_text_that_is_none_is_refused(key: SigningKey, text: str) -> None:
    with pytest.raises(EvidenceError, match="text"):
        sign_note(text, name=NAME, key=key)


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+!!!", "name+00000000+AAAA", GO_KEY.replace("c74f20a3", "c74f20a4"), "a b+" + GO_KEY],
)
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match="key"):
        NoteKey.from_text(text)
