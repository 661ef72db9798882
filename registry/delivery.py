"""What is handed to the intake, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.messages.batch import Manifest, Signed
from vedette.messages.item import ReceivedItem


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What one sender handed in together; its signature and manifest are checked already."""

    sender: str
    """Bare JID."""
    signed: Signed | None
    """The signed manifest; None for unsigned items."""
    manifest: Manifest | None
    """The same, parsed."""
    items: tuple[ReceivedItem, ...]
    """The items, validated."""
    received_at: int
    """Microseconds since 1970 by the engine's clock."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What became of a delivery."""

    committed: list[tuple[str, str, int]]
    """Uuid, digest (hexadecimal) and `log_index` of what is stored; a duplicate with its old index."""
    refused: list[tuple[str, str, str]]
    """Uuid, field and reason of what is not."""
    duplicates: int
    """How many of `committed` were stored before."""
    log_index: int
    """Last index of the chain after this delivery; -1 while the chain is empty."""
    head: str
    """Head of the chain there, hexadecimal."""
