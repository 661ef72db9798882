"""Signing keys: made, kept, read, and refused when they are not what they must be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vedette.errors import ConfigurationError, RefusedError, SignatureError
from vedette.signing import SigningKey, VerifyingKey


def test_a_saved_key_is_private_and_signs_the_same(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "a.key")
    again = SigningKey.load(tmp_path / "a.key")
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    key.verifying.verify(again.sign(b"data"), b"data")


def test_an_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "a.key")
    with pytest.raises(ConfigurationError, match="File exists"):
        SigningKey.generate().save(tmp_path / "a.key")


def test_a_signature_over_other_data_or_by_another_key_is_refused() -> None:
    key = SigningKey.generate()
    signature = key.sign(b"data")
    with pytest.raises(SignatureError):
        key.verifying.verify(signature, b"other")
    with pytest.raises(SignatureError):
        SigningKey.generate().verifying.verify(signature, b"data")


def test_the_text_of_a_public_key_is_read_back() -> None:
    key = SigningKey.generate().verifying
    assert VerifyingKey.from_text(key.text).raw == key.raw


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA", "é"])
def test_a_wrong_public_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(RefusedError, match="public_key"):
        VerifyingKey.from_text(text)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.key"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bad\.key"):
        SigningKey.load(file)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.key.*cannot read"):
        SigningKey.load(tmp_path / "none.key")


def test_the_private_key_does_not_show_itself() -> None:
    key = SigningKey.generate()
    assert repr(key) == f"SigningKey({key.verifying.fingerprint[:16]})"
