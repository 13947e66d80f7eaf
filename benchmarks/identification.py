"""Identification rate over many embeddings: its time as a ratio to the bare matrix product, its memory, its exactness.

python -m benchmarks.identification --query 5000 --distractors 1000000
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from typer import Option, run

from benchmarks.measure import peak_memory
from facerec.recognition_metrics import BLOCK, identification_rate

PHOTOS = 5  # of each query person
SPREAD = 2.0  # of a person's photographs about the person


def main(
    query: Annotated[int, Option(help="query photographs")] = 5000,
    distractors: Annotated[int, Option(help="distractor photographs")] = 1_000_000,
    fpr: Annotated[float, Option(help="accepted share of false pairs")] = 1e-6,
    width: Annotated[int, Option(help="of an embedding")] = 512,
    repeats: Annotated[int, Option(help="of each of the two, in turn")] = 3,
    subset: Annotated[int, Option(help="query photographs and distractors compared with brute force")] = 1000,
) -> None:
    """Prints the ratio, the memory above the embeddings and whether a subset equals brute force."""
    queries, people, others = _embeddings(query, distractors, width)
    before = peak_memory()
    times: dict[str, list[float]] = {"identification_rate": [], "matrix product": []}
    for _ in range(repeats):
        times["matrix product"].append(_seconds(lambda: _product(queries, others)))
        times["identification_rate"].append(_seconds(lambda: identification_rate(queries, people, others, fpr)))
    ratios = [bare / ours for ours, bare in zip(*times.values(), strict=True)]
    for name, seconds in times.items():
        print(f"{name:<20} {statistics.median(seconds):8.1f} s (median of {repeats})")
    print(f"speed, of the bare product: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"peak memory above the embeddings: {(peak_memory() - before) / 2**20:.0f} MiB")

    some = queries[:subset], people[:subset], others[: 10 * subset]
    found, expected = identification_rate(*some, 1e-4), _brute_force(*some, 1e-4)
    off = abs(found[1] - expected[1])  # a float32 product depends in its last digit on the blocks it is made of
    print(f"subset of {subset} × {10 * subset}: rate {found[0]:.6f}, brute force {expected[0]:.6f}")
    print(f"their thresholds are {off:.0e} apart")


def _embeddings(query: int, distractors: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns query embeddings, who is on them, and distractors, in place so that nothing is held twice."""
    generator = torch.Generator().manual_seed(0)
    people = torch.arange(query) // PHOTOS
    centres = torch.randn(int(people[-1]) + 1, width, generator=generator)
    queries = centres[people] + SPREAD * torch.randn(query, width, generator=generator)
    others = torch.empty(distractors, width).normal_(generator=generator)
    return F.normalize(queries), people, others.div_(others.norm(dim=1, keepdim=True))


def _product(queries: Tensor, others: Tensor) -> None:
    """Computes every cosine once, a block at a time in one buffer: what no method can do without."""
    rows = max(1, BLOCK // len(queries))
    buffer = queries.new_empty(rows, len(queries))
    for start in range(0, len(others), rows):
        block = others[start : start + rows]
        torch.mm(block, queries.t(), out=buffer[: len(block)])
    for start in range(0, len(queries), rows):
        torch.mm(queries[start : start + rows], queries.t())


def _brute_force(queries: Tensor, people: Tensor, others: Tensor, fpr: float) -> tuple[float, float]:
    cosines, same = (queries @ queries.t()).numpy(), (people[:, None] == people).numpy()
    above = np.triu(np.ones_like(same), 1)
    false = np.concatenate([cosines[above & ~same], (others @ queries.t()).numpy().ravel()])
    threshold = np.sort(false)[::-1][int(np.floor(round(fpr * len(false), 6)))]
    return float((cosines[above & same] > threshold).mean()), float(threshold)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(main)
