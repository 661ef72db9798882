"""The network: one small encoder, and a head for each thing that is asked of a sentence.

The encoder is MiniLM-L6 (Wang et al. 2020, as sentence-transformers/all-MiniLM-L6-v2 continued it), uncased; the
token types, of which BERT uses two, give back the shape of each word. The heads: BIO tags for each data set and in
our own labels, parts of speech, a biaffine parser (Dozat and Manning 2017), techniques, the relation of a pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from vedette.extraction.prose.features import MAX_WINDOW, NAMES, ROLES, SHAPES

FAR = -1e4
"""Score of what cannot be."""

ARC = 192
LABEL = 96
"""Dimensions of the parser's two spaces."""


class Encoder(nn.Module):
    """BERT, whose input also knows the shape of each word, known names, and the roles of a pair."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="eager", attention_probs_dropout_prob=0.0
        )
        self.width: int = self.bert.config.hidden_size
        types = self.bert.embeddings.token_type_embeddings.weight.data
        shapes = nn.Embedding(SHAPES, self.width)
        shapes.weight.data[:] = types[0] + torch.randn(SHAPES, self.width) * 0.02
        self.bert.embeddings.token_type_embeddings = shapes
        self.bert.config.type_vocab_size = SHAPES
        places = self.bert.embeddings.position_embeddings.weight.data[:MAX_WINDOW].clone()
        self.bert.embeddings.position_embeddings = nn.Embedding.from_pretrained(places, freeze=False)
        self.bert.embeddings.position_ids = self.bert.embeddings.position_ids[:, :MAX_WINDOW]
        self.bert.config.max_position_embeddings = MAX_WINDOW
        self.names = nn.Embedding(NAMES, self.width)
        self.roles = nn.Embedding(ROLES, self.width)
        for one in (self.names, self.roles):
            nn.init.normal_(one.weight, 0, 0.02)
            one.weight.data[0] = 0

    def keep_pieces(self, pieces: Tensor) -> None:
        """Keep only some of the vocabulary's pieces; their vectors stay as they are."""
        rows = self.bert.embeddings.word_embeddings.weight.data[pieces]
        self.bert.embeddings.word_embeddings = nn.Embedding.from_pretrained(rows, freeze=False)

    def forward(self, pieces: Tensor, mask: Tensor, shapes: Tensor, names: Tensor, roles: Tensor) -> Tensor:
        """Return a vector for each piece, [B, N, width]."""
        given = self.bert.embeddings.word_embeddings(pieces) + self.names(names) + self.roles(roles)
        made: Tensor = self.bert(inputs_embeds=given, attention_mask=mask, token_type_ids=shapes).last_hidden_state
        return made


class Parser(nn.Module):
    """Heads and relations of words, by two biaffine products."""

    def __init__(self, width: int, relations: int, *, drop: float) -> None:
        super().__init__()
        self.arc_head, self.arc_word = nn.Linear(width, ARC), nn.Linear(width, ARC)
        self.label_head, self.label_word = nn.Linear(width, LABEL), nn.Linear(width, LABEL)
        self.arcs = nn.Parameter(torch.randn(ARC + 1, ARC) * 0.01)
        self.labels = nn.Parameter(torch.randn(relations, LABEL + 1, LABEL + 1) * 0.01)
        self.root = nn.Parameter(torch.randn(width) * 0.02)
        self.drop = nn.Dropout(drop)

    def forward(self, words: Tensor, is_word: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scores of heads [B, M, M + 1], and what `name` needs."""
        all_heads = torch.cat([self.root.expand(words.size(0), 1, -1), words], 1)
        heads = self.drop(functional.gelu(self.arc_head(all_heads)))
        ones = _with_one(self.drop(functional.gelu(self.arc_word(words))))
        scores = ones @ self.arcs @ heads.transpose(1, 2)
        can_be = torch.cat([torch.ones_like(is_word[:, :1]), is_word], 1)
        scores = scores.masked_fill(~can_be[:, None, :], FAR)
        label_heads = self.drop(functional.gelu(self.label_head(all_heads)))
        return scores, label_heads, self.drop(functional.gelu(self.label_word(words)))

    def name(self, label_heads: Tensor, label_words: Tensor, heads: Tensor) -> Tensor:
        """Return the scores of relations to given heads, [B, M, R]."""
        chosen = label_heads.gather(1, heads.unsqueeze(-1).expand(-1, -1, label_heads.size(-1)))
        # The cube as one matrix: a constant, which is kept in 8 bits like the others.
        relations, _, inner = self.labels.shape
        flat = self.labels.permute(1, 0, 2).reshape(inner, relations * inner)
        left = (_with_one(label_words) @ flat).unflatten(-1, (relations, inner))
        return (left * _with_one(chosen).unsqueeze(2)).sum(-1)


class Network(nn.Module):
    """The whole of it."""

    def __init__(
        self,
        folder: Path,
        *,
        tags: Mapping[str, int],
        upos: int,
        deprel: int,
        techniques: int,
        relations: int,
        drop: float = 0.2,
    ) -> None:
        """Make it.

        Args:
            folder: where the encoder's weights lie.
            tags: how many BIO labels each head has.
            upos: parts of speech.
            deprel: relations of the parse.
            techniques: ATT&CK ids, and none.
            relations: of a pair.
            drop: share of values that are dropped in training.
        """
        super().__init__()
        self.encoder = Encoder(folder)
        width = self.encoder.width
        self.drop = nn.Dropout(drop)
        self.tags = nn.ModuleDict({name: _two_layers(width, count, drop=drop) for name, count in tags.items()})
        self.upos = nn.Linear(width, upos)
        self.parser = Parser(width, deprel, drop=drop)
        self.techniques = nn.Linear(width, techniques)
        self.relation = _two_layers(3 * width, relations, drop=drop)

    def pieces(self, given: Mapping[str, Tensor]) -> Tensor:
        """Return a vector for each piece."""
        made: Tensor = self.encoder(*(given[name] for name in ("pieces", "mask", "shapes", "names", "roles")))
        return made

    def words(self, pieces: Tensor, first: Tensor) -> Tensor:
        """Return a vector for each word: that of its first piece."""
        picked: Tensor = self.drop(pieces.gather(1, first.unsqueeze(-1).expand(-1, -1, pieces.size(-1))))
        return picked

    def technique_scores(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Return the scores of techniques, of the mean of a sentence's pieces."""
        made: Tensor = self.techniques(self.drop(_mean(pieces, mask)))
        return made

    def relation_scores(self, pieces: Tensor, roles: Tensor) -> Tensor:
        """Return the scores of a marked pair's relation: roles of heads are odd, those of tails even."""
        is_head, is_tail = roles % 2, (roles > 0).long() * (1 - roles % 2)
        pair = torch.cat([pieces[:, 0], _mean(pieces, is_head), _mean(pieces, is_tail)], -1)
        made: Tensor = self.relation(self.drop(pair))
        return made


class Exported(nn.Module):
    """The network as it is run: all inputs in, all outputs out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, pieces: Tensor, mask: Tensor, shapes: Tensor, names: Tensor, roles: Tensor, first: Tensor
    ) -> tuple[Tensor, ...]:
        """Return log-probabilities of tags, and scores of the rest, in `outputs`' order."""
        net = self.network
        given = {"pieces": pieces, "mask": mask, "shapes": shapes, "names": names, "roles": roles}
        seen = net.pieces(given)
        words = net.words(seen, first)
        tags = [functional.log_softmax(head(words), -1) for head in net.tags.values()]
        arcs, label_heads, label_words = net.parser(words, first > 0)
        deprel = net.parser.name(label_heads, label_words, arcs.argmax(-1))
        techniques = net.technique_scores(seen, mask)
        return (*tags, net.upos(words), arcs, deprel, techniques, net.relation_scores(seen, roles))

    def outputs(self) -> list[str]:
        """Return what they are called."""
        return [*self.network.tags, "upos", "arcs", "deprel", "techniques", "relation"]


def _two_layers(width: int, out: int, *, drop: float) -> Any:
    inner = min(width, 384) // 2
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Dropout(drop), nn.Linear(inner, out))


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values, torch.ones_like(values[..., :1])], -1)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(values.dtype)
    return (values * weights).sum(1) / weights.sum(1).clamp(min=1)
