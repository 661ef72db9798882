"""Whether a sentence vouches for what it says: negation and hedging, as far as the parse has them reach.

"Could allow an attacker" in a text on a vulnerability is how such texts speak and no doubt: a modal reaches what
hangs on its own verb only.
"""

from __future__ import annotations

from dataclasses import replace

from vedette.extraction.prose.relations.mentions import Mention, ReadSentence, Statement
from vedette.extraction.prose.relations.words import DOUBTERS, DOUBTS, FAILURES, MODALS, NEGATIONS, base_form

_UP = 3
"""Verbs above the one that says it which may deny or doubt it."""

_SMALL = ("advmod", "aux", "det", "mark", "case", "cc", "amod")
"""What negates or hedges a word hangs on it as one of these."""


def weighed(statement: Statement, sentence: ReadSentence) -> Statement:
    """Return a statement with what its sentence denies or doubts of it."""
    said = [(statement.negated, statement.hedged)]
    said += [of_mention(end, sentence) for end in (statement.head, statement.tail)]
    if statement.trigger >= 0:
        said.append(of_word(statement.trigger, sentence))
    return replace(statement, negated=any(denied for denied, _ in said), hedged=any(doubted for _, doubted in said))


def of_mention(mention: Mention, sentence: ReadSentence) -> tuple[bool, bool]:
    """Return whether a mention itself is denied (`no Foo`) and whether it is doubted (`the suspected Foo`)."""
    before = sentence.low[max(0, mention.start - 2) : mention.start]
    return before[-1:] in (["no"], ["without"], ["not"]), any(word in DOUBTS for word in before)


def of_word(word: int, sentence: ReadSentence) -> tuple[bool, bool]:
    """Return whether what a word says is denied and whether it is doubted: by its own words and those above."""
    negated, hedged = _own(word, sentence)
    for above in sentence.above(word)[:_UP]:
        denied, doubted = _own(above, sentence)
        verb = base_form(sentence.low[above])
        if sentence.is_a(word, "xcomp") or sentence.is_a(word, "ccomp"):
            negated, hedged = negated or denied or verb in FAILURES, hedged or doubted or verb in DOUBTERS
        elif sentence.is_a(word, "conj") and not sentence.kids(word, "nsubj", "nsubj:pass"):
            joined = {sentence.low[kid] for kid in sentence.kids(word, "cc")}
            negated, hedged = negated or (denied and bool(joined & {"or", "nor"})), hedged or doubted
        else:
            break
        word = above
    return negated, hedged


def _own(word: int, sentence: ReadSentence) -> tuple[bool, bool]:
    if sentence.parsed:
        near = [
            sentence.low[kid] for kid in sentence.children[word] if sentence.relations[kid].split(":")[0] in _SMALL
        ]
    else:
        near = sentence.low[max(0, word - 3) : word]
    near.append(sentence.low[word])
    return any(one in NEGATIONS for one in near), any(one in MODALS or one in DOUBTS for one in near)
