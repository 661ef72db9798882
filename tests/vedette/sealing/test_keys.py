"""Sealing keys: only the owner opens, and only together with what was bound."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vedette.clock import ManualClock
from vedette.errors import RefusedError
from vedette.sealing.keys import KEPT_AFTER, REPLACED_AFTER, ContentKey, SealingKey, SealingKeys


def _raw(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _extract(salt: bytes, material: bytes) -> bytes:
    mac = HMAC(salt or bytes(32), SHA256())
    mac.update(material)
    return mac.finalize()


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(key)


def _opened_by_hand(private: X25519PrivateKey, box: bytes, info: bytes) -> bytes:
    """RFC 9180 sections 4.1, 5.1 and 5.2, base mode, written out."""

    def labelled(suite: bytes, label: bytes, material: bytes) -> bytes:
        return b"HPKE-v1" + suite + label + material

    def expand(suite: bytes, key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return _expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, length)

    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    enc, ciphertext = box[:32], box[32:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    secret = expand(kem, _extract(b"", labelled(kem, b"eae_prk", shared)), b"shared_secret", enc + _raw(private), 32)
    psk_id_hash = _extract(b"", labelled(suite, b"psk_id_hash", b""))
    info_hash = _extract(b"", labelled(suite, b"info_hash", info))
    context = b"\x00" + psk_id_hash + info_hash
    key_secret = _extract(secret, labelled(suite, b"secret", b""))
    key = expand(suite, key_secret, b"key", context, 32)
    nonce = expand(suite, key_secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_a_content_key_is_sealed_with_hpke_as_the_rfc_says() -> None:
    private = X25519PrivateKey.generate()
    key = SealingKey(private.public_key())
    assert key.text == base64.b64encode(_raw(private)).decode()
    content = key.content_key(info=b"bound")
    box = content.encrypt(b"what was seen", bound=b"whole")
    secret = _opened_by_hand(private, content.wrapped, b"bound")
    assert AESGCM(secret).decrypt(box[:12], box[12:], b"whole") == b"what was seen"


def opened(keys: SealingKeys, content: ContentKey, box: bytes, *, info: bytes = b"bound") -> bytes:
    return keys.content_key(content.key_id, content.wrapped, info=info).decrypt(box, bound=b"whole")


def made(keys: SealingKeys) -> tuple[ContentKey, bytes]:
    content = SealingKey.from_text(keys.current.text).content_key(info=b"bound")
    return content, content.encrypt(b"seen", bound=b"whole")


def test_the_owner_opens_and_nobody_else() -> None:
    keys, other = SealingKeys(clock=ManualClock()), SealingKeys(clock=ManualClock())
    content, box = made(keys)
    assert opened(keys, content, box) == opened(keys, content, box) == b"seen"
    with pytest.raises(RefusedError, match="no key of this process") as refused:
        opened(other, content, box)
    assert refused.value.field == "sealed.key"
    with pytest.raises(RefusedError, match="does not open"):
        other.content_key(other.current.id, content.wrapped, info=b"bound")


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_a_changed_box_does_not_open(place: int) -> None:
    keys = SealingKeys(clock=ManualClock())
    content, box = made(keys)
    changed = bytearray(box)
    changed[place] ^= 1
    with pytest.raises(RefusedError, match="does not open"):
        opened(keys, content, bytes(changed))


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_changed_content_key_does_not_open(place: int) -> None:
    keys = SealingKeys(clock=ManualClock())
    changed = bytearray(made(keys)[0].wrapped)
    changed[place] ^= 1
    with pytest.raises(RefusedError, match="does not open"):
        keys.content_key(keys.current.id, bytes(changed), info=b"bound")


@pytest.mark.parametrize("size", [0, 1, 11, 12, 28, 48, 100])
def test_what_is_no_box_does_not_open(size: int) -> None:
    keys = SealingKeys(clock=ManualClock())
    content, _ = made(keys)
    with pytest.raises(RefusedError, match="does not open"):
        opened(keys, content, bytes(size))
    with pytest.raises(RefusedError, match="does not open"):
        keys.content_key(keys.current.id, bytes(size), info=b"bound")


def test_it_opens_only_with_what_it_is_bound_to() -> None:
    keys = SealingKeys(clock=ManualClock())
    content, box = made(keys)
    with pytest.raises(RefusedError, match="another item"):
        opened(keys, content, box, info=b"Bound")
    with pytest.raises(RefusedError, match="another item"):
        content.decrypt(box, bound=b"Whole")


def test_many_content_keys_are_opened_and_few_are_remembered() -> None:
    keys = SealingKeys(clock=ManualClock())
    sent = [made(keys) for _ in range(40)]
    assert [opened(keys, content, box) for content, box in sent + sent[:1]] == [b"seen"] * 41
    assert len(keys._opened) <= 16


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", base64.b64encode(bytes(33)).decode()])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="sealing_key"):
        SealingKey.from_text(text)


def test_nothing_is_sealed_to_a_key_that_keeps_no_secret() -> None:
    with pytest.raises(RefusedError, match="usable"):
        SealingKey.from_text(base64.b64encode(bytes(32)).decode()).content_key(info=b"")


def test_a_key_is_replaced_after_a_day_and_opens_what_is_on_its_way_for_an_hour() -> None:
    clock = ManualClock()
    keys = SealingKeys(clock=clock)
    first = keys.current
    content, box = made(keys)
    clock.advance(REPLACED_AFTER - 1)
    assert keys.current is first
    clock.advance(1)
    assert keys.current.id != first.id
    assert opened(keys, content, box) == b"seen"
    clock.advance(KEPT_AFTER)
    assert keys.current.id != first.id
    with pytest.raises(RefusedError, match="no key of this process"):
        opened(keys, content, box)


def test_private_keys_are_not_printed() -> None:
    keys = SealingKeys(clock=ManualClock())
    assert repr(keys) == f"SealingKeys({keys.current.id})"
