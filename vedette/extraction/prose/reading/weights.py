"""The weights: what lies in their folder, checked before anything of it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer

from vedette.errors import VedetteError
from vedette.extraction.prose.features import Featurizer, NameList
from vedette.extraction.prose.reading.term_scores import FILE as TERMS
from vedette.extraction.prose.reading.term_scores import TermScores, TermWeights

MAX_MODEL: Final = 64 << 20
"""Bytes of `model.onnx`."""

MAX_OTHER: Final = 8 << 20
"""Bytes of each of the other files."""

Names = Annotated[tuple[str, ...], Field(min_length=1, max_length=5_000)]


class WeightsError(VedetteError):
    """The model's weights are missing, damaged, or of another form; says which file, and what to do."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        super().__init__(
            f"the weights that read prose: {file}: {reason}: install Vedette again, or train them (make train)"
        )


class Labels(BaseModel):
    """What the model's numbers mean: `labels.json`."""

    model_config = ConfigDict(frozen=True)

    version: Annotated[str, Field(min_length=1, max_length=100)]
    """Of the weights."""
    heads: Mapping[str, Names]
    """BIO tags of each head, in the order of its scores."""
    upos: Names
    deprel: Names
    techniques: tuple[str, ...]
    """ATT&CK ids; the empty one is none."""
    relations: Names
    """Of a pair."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """By which the scores of techniques are divided, so that their probabilities are true."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability from which a technique is said."""
    terms: Annotated[float, Field(ge=0)] = 0.0
    """Weight of what a sentence's words say of techniques (`techniques.npz`) beside the network's scores; 0: none."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of `model.onnx`."""


class Weights:
    """The weights of one folder."""

    def __init__(self, folder: Traversable) -> None:
        """Read what is needed to make features; the model itself is read by `model`.

        Args:
            folder: where `model.onnx`, `labels.json`, `tokenizer.json` and `names.txt` lie.

        Raises:
            WeightsError: a file is missing or is not what it must be.
        """
        self._folder = folder
        try:
            self.labels = Labels.model_validate_json(_read(folder, "labels.json", MAX_OTHER))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise WeightsError("labels.json", f"{place}: {first['msg']}") from error

    @classmethod
    def shipped(cls) -> Weights:
        """Return those that Vedette comes with."""
        return cls(resources.files("vedette.extraction.prose").joinpath("weights"))

    def has(self, name: str) -> bool:
        """Tell whether a file lies there."""
        return self._folder.joinpath(name).is_file()

    def model(self, name: str = "model.onnx") -> bytes:
        """Return the model's bytes; those of `model.onnx` are checked.

        Raises:
            WeightsError: they are missing, or others than `labels.json` says.
        """
        content = _read(self._folder, name, MAX_MODEL if name == "model.onnx" else 4 * MAX_MODEL)
        if name == "model.onnx" and hashlib.sha256(content).hexdigest() != self.labels.sha256:
            raise WeightsError(name, "its SHA-256 is not the one in labels.json")
        return content

    def featurizer(self) -> Featurizer:
        """Return what makes features of words.

        Raises:
            WeightsError: the vocabulary or the list of names cannot be used.
        """
        try:
            tokenizer = Tokenizer.from_buffer(_read(self._folder, "tokenizer.json", MAX_OTHER))
            return Featurizer(tokenizer=tokenizer, names=self._names())
        except WeightsError:
            raise
        except Exception as error:  # the library raises bare exceptions
            raise WeightsError("tokenizer.json", str(error)[:200]) from error

    def terms(self) -> TermScores | None:
        """Return what scores techniques by words; None: it is not there.

        Raises:
            WeightsError: it is missing though it is used, or does not fit these labels.
        """
        if not self.labels.terms and not self.has(TERMS):
            return None
        try:
            kept = TermWeights.unpacked(_read(self._folder, TERMS, MAX_OTHER))
        except ValueError as error:
            raise WeightsError(TERMS, str(error)[:200]) from error
        if len(kept.bias) != len(self.labels.techniques):
            raise WeightsError(TERMS, "its techniques are not those of labels.json")
        return TermScores(kept)

    def _names(self) -> NameList:
        names: dict[tuple[str, ...], int] = {}
        for number, line in enumerate(_text(self._folder, "names.txt").splitlines(), 1):
            kind, tab, words = line.partition("\t")
            if not tab or not kind.isdecimal() or not words:
                raise WeightsError("names.txt", f"line {number} is not KIND, tab, words")
            names[tuple(words.split(" "))] = int(kind)
        return NameList(names)


def _text(folder: Traversable, name: str) -> str:
    try:
        return _read(folder, name, MAX_OTHER).decode()
    except UnicodeDecodeError as error:
        raise WeightsError(name, "is not UTF-8") from error


def _read(folder: Traversable, name: str, limit: int) -> bytes:
    try:
        with folder.joinpath(name).open("rb") as opened:
            content: bytes = opened.read(limit + 1)
    except OSError as error:
        raise WeightsError(name, error.strerror or "cannot be read") from error
    if len(content) > limit:
        raise WeightsError(name, f"is larger than {limit} bytes")
    return content
