"""From a trained network to the weights that are run: ONNX, its matrices in 8 bits, and what belongs to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from vedette.extraction.prose.training.network import Exported, Network

INPUTS = ("pieces", "mask", "shapes", "names", "roles", "first")


def export(network: Network, folder: Path, *, labels: Mapping[str, Any], tokenizer: str, names: str) -> None:
    """Write `model.onnx` (8 bits), `model.fp32.onnx`, `labels.json`, `tokenizer.json` and `names.txt`.

    Args:
        network: what was trained.
        folder: where to.
        labels: what `labels.json` says, but for the checksum.
        tokenizer: the tokenizer's JSON.
        names: the list of known names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.eval()
    for one in network.parameters():
        one.requires_grad_(False)
    exported = Exported(network).eval()
    whole = folder / "model.fp32.onnx"
    pieces = {name: {0: "batch", 1: "pieces"} for name in INPUTS[:-1]}
    outputs = {
        name: {0: "batch"} | ({1: "words"} if name not in {"techniques", "relation"} else {})
        for name in exported.outputs()
    }
    outputs["arcs"][2] = "heads"
    torch.onnx.export(
        exported,
        _example(),
        str(whole),
        input_names=list(INPUTS),
        output_names=exported.outputs(),
        dynamic_axes=pieces | {"first": {0: "batch", 1: "words"}} | outputs,
        opset_version=17,
        dynamo=False,
    )
    small = folder / "model.onnx"
    quantize_dynamic(
        str(whole),
        str(small),
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"MatMulConstBOnly": True},
    )
    told = {**labels, "sha256": hashlib.sha256(small.read_bytes()).hexdigest()}
    (folder / "labels.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    (folder / "names.txt").write_text(names, encoding="utf-8")


def _example() -> tuple[torch.Tensor, ...]:
    pieces = torch.randint(5, 1000, (2, 9))
    mask = torch.ones(2, 9, dtype=torch.long)
    shapes = torch.randint(0, 8, (2, 9))
    names = torch.zeros(2, 9, dtype=torch.long)
    roles = torch.zeros(2, 9, dtype=torch.long)
    roles[:, 1], roles[:, 3] = 1, 4
    first = torch.tensor([[1, 2, 4, 6], [1, 3, 5, 7]])
    return pieces, mask, shapes, names, roles, first
