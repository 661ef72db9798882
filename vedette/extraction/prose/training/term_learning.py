"""Learning the sparse linear model of techniques: linear support vector machines over TF-IDF, one a technique.

Fan et al., "LIBLINEAR", JMLR 2008, by scikit-learn; small weights are dropped and the rest put in 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from vedette.extraction.prose.reading.term_scores import TermWeights
from vedette.extraction.prose.technique_terms import terms
from vedette.extraction.prose.training.sets import tagged
from vedette.extraction.prose.training.technique_sets import SETS, described, plain

SMALLEST: Final = 0.1
"""Weights that are smaller are dropped: four of five of them, which cost no accuracy."""

HIGHEST: Final = 127


def learn_from(data: Path, *, ids: Sequence[str]) -> TermWeights:
    """Return the weights of terms, learned from the data sets.

    Args:
        data: folder with `ner/`.
        ids: all techniques in the order of `labels.json`.
    """
    some = [one for name in SETS for one in described(data, name, "train")] + plain(data, "train")
    general = [one.words for one in tagged(data, "wikigold", "train")]
    told = [*(one.technique for one in some), *([""] * len(general))]
    return learn_terms([*(one.words for one in some), *general], told, ids=ids)


def learn_terms(sentences: Sequence[Sequence[str]], told: Sequence[str], *, ids: Sequence[str]) -> TermWeights:
    """Return the weights of terms.

    Args:
        sentences: as their words.
        told: the technique of each; empty: none.
        ids: all techniques in the order of `labels.json`; one of which there is no sentence gets no score.
    """
    counting = TfidfVectorizer(analyzer=terms, min_df=2, sublinear_tf=True)
    seen = counting.fit_transform(sentences).astype(np.float32)
    places = {name: place for place, name in enumerate(ids)}
    learned = LinearSVC(C=1.0, random_state=0).fit(seen, [places[name] for name in told])
    weights = learned.coef_.T
    weights[np.abs(weights) < SMALLEST] = 0
    step = np.abs(weights).max() / HIGHEST
    terms_of, columns = np.nonzero(weights)
    bias = np.full(len(ids), learned.intercept_.min() - 1, dtype=np.float32)
    bias[learned.classes_] = learned.intercept_
    return TermWeights(
        vocabulary=np.frombuffer("\n".join(counting.get_feature_names_out()).encode(), dtype=np.uint8),
        rarity=counting.idf_.astype(np.float32),
        begins=np.searchsorted(terms_of, np.arange(len(weights) + 1)).astype(np.int32),
        techniques=learned.classes_[columns].astype(np.uint16),
        values=np.round(weights[terms_of, columns] / step).astype(np.int8),
        step=np.array([step], dtype=np.float32),
        bias=bias,
    )
