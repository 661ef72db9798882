"""The vocabulary: the encoder's word pieces that English text can have, so that the weights are smaller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LATIN_END = 0x250
_SIGNS = range(0x2000, 0x2300)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def trimmed(tokenizer: Path) -> tuple[str, list[int]]:
    """Return the tokenizer's JSON with fewer pieces, and which of the old ones they are.

    Pieces with letters that are not Latin become unknown, and those that were never used are left out.

    Args:
        tokenizer: the encoder's `tokenizer.json` (WordPiece).
    """
    told: dict[str, Any] = json.loads(tokenizer.read_text(encoding="utf-8"))
    old: dict[str, int] = told["model"]["vocab"]
    kept = [piece for piece, _ in sorted(old.items(), key=lambda one: one[1]) if _is_kept(piece)]
    # The padding must be 0, as the features have it.
    kept.sort(key=lambda piece: piece != "[PAD]")
    new = {piece: place for place, piece in enumerate(kept)}
    told["model"]["vocab"] = new
    told["added_tokens"] = [{**one, "id": new[one["content"]]} for one in told["added_tokens"]]
    processor = told.get("post_processor") or {}
    for special in (processor.get("special_tokens") or {}).values():
        special["ids"] = [new[token] for token in special["tokens"]]
    told["truncation"] = told["padding"] = None
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")), [old[piece] for piece in kept]


def _is_kept(piece: str) -> bool:
    if piece.startswith("["):
        return piece in _SPECIAL or not piece.startswith("[unused")
    return all(ord(one) < _LATIN_END or ord(one) in _SIGNS for one in piece.removeprefix("##"))
