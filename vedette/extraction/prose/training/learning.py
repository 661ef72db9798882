"""The training itself: one loop over batches of all tasks, a slow average of the weights, checkpoints."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vedette.extraction.prose.training.corpus import IGNORED, Batch, Batches
from vedette.extraction.prose.training.network import FAR, Network
from vedette.extraction.prose.training.sets import MEANINGS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How it is trained."""

    epochs: int = 6
    seed: int = 1
    rate: float = 1.2e-4
    """Learning rate of the encoder's uppermost layer; each below it has 0.9 of the one above."""
    head_rate: float = 1.2e-3
    """Learning rate of what is new."""
    warm_up: float = 0.06
    """Share of the steps until the full rate."""
    smoothing: float = 0.05
    """Label smoothing of the data sets' heads."""
    ours: float = 1.0
    """Weight of our own labels' loss beside a data set's."""
    bfloat16: bool = True
    """Whether the encoder computes in bfloat16: several times faster where the processor has it."""


class Learning:
    """Trains a network; goes on where an interrupted run ended."""

    def __init__(
        self, *, network: Network, batches: Batches, meanings: Mapping[str, Tensor], plan: Plan, folder: Path
    ) -> None:
        """Describe it.

        Args:
            network: what learns.
            batches: what from.
            meanings: by data set, which of our tags each of its tags may be: [its tags, our tags], boolean.
            plan: how.
            folder: where checkpoints and the log go.
        """
        self.network = network
        self._batches = batches
        self._barred = {name: (~may_be).float() * FAR for name, may_be in meanings.items()}
        self._plan = plan
        self._folder = folder
        self._steps_an_epoch = len(batches.epoch(0, seed=plan.seed))
        self._optimizer = torch.optim.AdamW(_groups(network, plan), fused=True)
        self._epoch = 0
        self._step = 0
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        """The slow average of the weights: what is used in the end."""

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self._steps_an_epoch * self._plan.epochs

    def resume(self) -> bool:
        """Go on from the last checkpoint; tell whether there was one."""
        file = self._folder / "checkpoint.pt"
        if not file.exists():
            return False
        kept: dict[str, Any] = torch.load(file, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self._optimizer.load_state_dict(kept["optimizer"])
        self.average = kept["average"]
        self._epoch, self._step = kept["epoch"], kept["step"]
        return True

    def run(self, *, after: Callable[[int], None]) -> bool:
        """Train to the end of the plan; tell whether anything was left to do.

        Args:
            after: called behind each epoch with its number, when its checkpoint is kept.
        """
        begun = self._epoch
        while self._epoch < self._plan.epochs:
            self._run_epoch()
            self._epoch += 1
            self._keep()
            after(self._epoch)
        return self._epoch > begun

    def _run_epoch(self) -> None:
        begun = time.monotonic()
        dice = random.Random(f"{self._plan.seed}/{self._epoch}/changes")  # noqa: S311 (no secret)
        torch.manual_seed(self._plan.seed * 1000 + self._epoch)
        losses: defaultdict[str, list[float]] = defaultdict(list)
        self.network.train()
        for number, (task, places) in enumerate(self._batches.epoch(self._epoch, seed=self._plan.seed), 1):
            losses[task.name].append(self._learn(self._batches.make(task, places, dice=dice)))
            if number % 50 == 0:
                self._log(
                    {
                        "epoch": self._epoch + 1,
                        "step": number,
                        "of": self._steps_an_epoch,
                        "seconds": round(time.monotonic() - begun),
                        "loss": _means(losses),
                    }
                )
                losses.clear()

    def _learn(self, batch: Batch) -> float:
        self._step += 1
        for group in self._optimizer.param_groups:
            group["lr"] = group["full"] * self._share_of_rate()
        loss = self._loss(batch)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_((one for one in self.network.parameters() if one.requires_grad), 1.0)
        self._optimizer.step()
        if self._step % 10 == 0:
            self._follow()
        return float(loss.detach())

    def _share_of_rate(self) -> float:
        warm = self._plan.warm_up * self.steps
        return min(1.0, self._step / (warm + 1)) * max(0.0, (self.steps - self._step) / self.steps)

    def _follow(self) -> None:
        share = min(0.99, (1 + self._step / 10) / (10 + self._step / 10))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.dtype.is_floating_point and value.data_ptr() != self.average[name].data_ptr():
                    self.average[name].lerp_(value, 1 - share)

    def _loss(self, batch: Batch) -> Tensor:
        net, given, targets = self.network, batch.given, batch.targets
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._plan.bfloat16):
            pieces = net.pieces(given)
        pieces = pieces.float()
        if batch.task == "techniques":
            return functional.cross_entropy(net.technique_scores(pieces, given["mask"]), targets["technique"])
        if batch.task == "relations":
            return functional.cross_entropy(
                net.relation_scores(pieces, given["roles"]), targets["relation"], label_smoothing=0.05
            )
        words = net.words(pieces, given["first"])
        if batch.task == "parses":
            return self._parse_loss(words, batch)
        return self._tag_loss(words, batch)

    def _parse_loss(self, words: Tensor, batch: Batch) -> Tensor:
        net, targets = self.network, batch.targets
        arcs, label_heads, label_words = net.parser(words, batch.is_word)
        labels = net.parser.name(label_heads, label_words, targets["head"].clamp(min=0))
        return (
            functional.cross_entropy(net.upos(words).transpose(1, 2), targets["upos"])
            + functional.cross_entropy(arcs.transpose(1, 2), targets["head"])
            + functional.cross_entropy(labels.transpose(1, 2), targets["deprel"])
        )

    def _tag_loss(self, words: Tensor, batch: Batch) -> Tensor:
        net = self.network
        tags = batch.targets["tag"]
        scores = functional.log_softmax(net.tags["vedette"](words), -1)
        barred = self._barred[batch.task][tags.clamp(min=0)]
        told = tags != IGNORED
        loss = -torch.logsumexp(scores + barred, -1)[told].mean() * self._plan.ours
        head = MEANINGS[batch.task].head
        if head:
            own = net.tags[head](words).transpose(1, 2)
            loss = loss + functional.cross_entropy(own, tags, label_smoothing=self._plan.smoothing)
        return loss

    def _keep(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self.average,
            "epoch": self._epoch,
            "step": self._step,
        }
        torch.save(kept, self._folder / "checkpoint.new")
        (self._folder / "checkpoint.new").replace(self._folder / "checkpoint.pt")

    def _log(self, line: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(line)
        print(text, flush=True)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(text + "\n")


def _groups(network: Network, plan: Plan) -> list[dict[str, Any]]:
    """Return the weights with their rates: new ones learn faster, deeper layers slower."""
    groups = []
    layers = network.encoder.bert.config.num_hidden_layers
    for name, value in network.named_parameters():
        if not value.requires_grad:
            continue
        rate = plan.head_rate
        if ".layer." in name:
            rate = plan.rate * 0.9 ** (layers - 1 - int(name.split(".layer.")[1].split(".")[0]))
        elif name.startswith("encoder.bert") and "token_type" not in name:
            rate = plan.rate * 0.5
        decay = 0.01 if value.ndim > 1 else 0.0
        groups.append({"params": [value], "lr": rate, "full": rate, "weight_decay": decay})
    return groups


def _means(losses: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: round(sum(some) / len(some), 3) for name, some in sorted(losses.items())}
