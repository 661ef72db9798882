"""A question about two entities of a sentence, as the model is asked it."""

from __future__ import annotations

from vedette.extraction.prose.features import MAX_WORDS, role
from vedette.extraction.prose.ports import Pair


def question(pair: Pair) -> tuple[list[str], list[int]] | None:
    """Return the words that are asked about, and the role of each; None: the two are too far apart to be asked.

    Of a long sentence it is the words around both, as many before as behind.
    """
    first = min(pair.head[0], pair.tail[0])
    last = max(pair.head[1], pair.tail[1])
    if not 0 <= first < last <= len(pair.words) or last - first > MAX_WORDS:
        return None
    start = max(0, min(first - (MAX_WORDS - (last - first)) // 2, len(pair.words) - MAX_WORDS))
    end = min(len(pair.words), start + MAX_WORDS)
    roles = [0] * (end - start)
    for (begin, behind), label, is_tail in ((pair.head, pair.head_label, False), (pair.tail, pair.tail_label, True)):
        roles[begin - start : behind - start] = [role(label, tail=is_tail)] * (behind - begin)
    return list(pair.words[start:end]), roles
