"""How fast prose is read, and how much memory and time to start that takes: model alone, and a page of 28 KB.

`python bench/prose.py [--quick]`. Sentences have 40 word pieces, and 32 are read at once on two threads. The peer is
torch with the same encoder in 32 bits where torch is there, else onnxruntime with the 32-bit model where one lies
beside the weights (`model.fp32.onnx`), else nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, say

SENTENCES = 32
PIECES = 40
THREADS = 2
PAGE = 28 * 1024
WHOLE = Path("var/prose/seed-1/weights")
"""Where training leaves the weights in 32 bits."""

MAX_MEMORY = 300.0
"""MB of a worker: an RT agent with two of them has less than 600."""

_WORDS = (
    "attackers used the new backdoor against several banks in Poland and Ukraine while researchers of the company "
    "saw how it downloads a second stage from servers that they rent and then steals passwords of users before it "
    "leaves"
)


def sentences(count: int, pieces: int) -> list[list[str]]:
    """Return different sentences of about so many word pieces: these words have one each."""
    chance = random.Random(7)
    words = _WORDS.split()
    return [[*(chance.choice(words) for _ in range(pieces - 3)), "."] for _ in range(count)]


def page() -> str:
    """Return a report of 28 KB."""
    chance = random.Random(11)
    names = [
        "Emotet",
        "Lazarus Group",
        "Windows 10",
        "CVE-2021-44228",
        "evil.example",
        "192.0.2.7",
        "Apache Log4j 2.14.1",
    ]
    parts: list[str] = []
    while sum(map(len, parts)) < PAGE:
        words = " ".join(chance.choice(_WORDS.split()) for _ in range(18))
        parts.append(f"The {words} {chance.choice(names)} and {chance.choice(names)}. ")
        if len(parts) % 6 == 0:
            parts.append("\n\n")
    return "".join(parts)[:PAGE]


def rate(read: Callable[[], object], *, rounds: int) -> tuple[float, float]:
    """Return the best wall seconds of a round, and the CPU seconds of all."""
    read()
    begun = time.process_time()
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        read()
        best = min(best, time.perf_counter() - start)
    return best, time.process_time() - begun


def start(_: int) -> tuple[float, float, float]:
    """Return the seconds in which a fresh process can read, those for a page, and its most memory in MB."""
    begun = time.perf_counter()
    from vedette.extraction.prose.annotating import annotate_all
    from vedette.extraction.prose.reading.reader import WeightsReader
    from vedette.extraction.prose.text.texts import Text

    reader = WeightsReader.shipped(threads=THREADS)
    ready = time.perf_counter() - begun
    text = Text.plain(page())
    annotate_all([text], reader=reader)
    again = time.perf_counter()
    annotate_all([text], reader=reader)
    took = time.perf_counter() - again
    status = Path("/proc/self/status").read_text()
    return ready, took, int(status.partition("VmHWM:")[2].split()[0]) / 1024


def torch_rate(rounds: int) -> float | None:
    """Return the sentences a second that torch's encoder of the same shape reads; None: there is no torch."""
    try:
        import torch
        from transformers import BertConfig, BertModel
    except ImportError:
        return None
    torch.set_num_threads(THREADS)
    config = BertConfig(
        vocab_size=30_522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1_536
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    ids = torch.randint(1_000, 30_000, (SENTENCES, PIECES))
    with torch.inference_mode():
        seconds, _ = rate(lambda: model(input_ids=ids), rounds=rounds)
    return SENTENCES / seconds


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    rounds = 2 if parser.parse_args().quick else 20
    from vedette.extraction.prose.reading.reader import WeightsReader
    from vedette.extraction.prose.reading.weights import Weights

    given = sentences(SENTENCES, PIECES)
    say(f"{SENTENCES} sentences of {PIECES} pieces, {rounds} times")
    reader = WeightsReader.shipped(threads=THREADS)
    seconds, cpu = rate(lambda: reader.read(given), rounds=rounds)
    tagging, _ = rate(lambda: reader.in_labels(given, "vedette"), rounds=rounds)
    peer = torch_rate(rounds)
    if peer is None and (WHOLE / "model.fp32.onnx").exists() and (WHOLE / "labels.json").exists():
        whole = WeightsReader(Weights(WHOLE), threads=THREADS, model="model.fp32.onnx", pieces=SENTENCES * PIECES)
        peer = SENTENCES / rate(lambda: whole.read(given), rounds=rounds)[0]
    Figure(
        name="prose_sentences", value=SENTENCES / seconds, unit="sentences/s", target=250.0, cpu_s=cpu, peer=peer
    ).emit()
    Figure(name="prose_tagged", value=SENTENCES / tagging, unit="sentences/s", target=250.0).emit()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (ready, took, memory) = pool.map(start, [0])[0]
    Figure(name="prose_start", value=ready, unit="s", target=3.0, at_most=True).emit()
    Figure(name="prose_page", value=took, unit="s", target=1.0, at_most=True).emit()
    Figure(name="prose_memory", value=memory, unit="MB", target=MAX_MEMORY, at_most=True).emit()


if __name__ == "__main__":
    main()
