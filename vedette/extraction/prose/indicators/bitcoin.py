"""Addresses of Bitcoin, their checksums computed: base58check and bech32 (BIP 173, BIP 350)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from vedette.extraction.defanging import PlainText
from vedette.extraction.prose.indicators.found import Found

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_ADDRESS: Final = re.compile(
    rf"(?<![^\W_])(?:[13][{_BASE58}]{{25,34}}|bc1[{_BECH32}]{{11,71}}|BC1[{_BECH32.upper()}]{{11,71}})(?![^\W_])"
)
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKS: Final = {0: 1, 1: 0x2BC830A3}
"""What the checksum must be: BIP 173 for version 0 of a witness, BIP 350 for those after it."""


def find_bitcoin(plain: PlainText) -> Iterator[Found]:
    """Yield the addresses of a text whose checksum is right."""
    for match in _ADDRESS.finditer(plain.text):
        address = match[0]
        if address[0] in "13":
            if _is_base58check(address):
                yield Found(*match.span(), "BITCOIN", address)
        elif _is_bech32(address.lower()):
            yield Found(*match.span(), "BITCOIN", address.lower())


def _is_base58check(address: str) -> bool:
    number = 0
    for sign in address:
        number = number * 58 + _BASE58.index(sign)
    if number >> 200:
        return False
    decoded = number.to_bytes(25, "big")
    # Version 0: of a key's hash, begins with 1; version 5: of a script's, begins with 3.
    if decoded[0] != {"1": 0, "3": 5}[address[0]] or _leading(address, "1") != _leading(decoded.hex(), "00"):
        return False
    digest = hashlib.sha256(hashlib.sha256(decoded[:21]).digest()).digest()
    return digest[:4] == decoded[21:]


def _leading(text: str, sign: str) -> int:
    """Return how often a text begins with a sign: a `1` stands for each leading byte that is 0."""
    count = 0
    while text.startswith(sign, count * len(sign)):
        count += 1
    return count


def _is_bech32(address: str) -> bool:
    values = [_BECH32.index(sign) for sign in address[3:]]
    checksum = 1
    # The readable part, `bc`, expanded: its high bits, 0, its low bits.
    for value in (3, 3, 0, 2, 3, *values):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, factor in enumerate(_GENERATOR):
            checksum ^= factor if top >> place & 1 else 0
    return checksum == _CHECKS[min(values[0], 1)]
