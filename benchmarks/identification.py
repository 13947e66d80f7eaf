"""Identification rate over many embeddings: its memory, and whether it is exact.

python -m benchmarks.identification --query 5000 --distractors 1000000
"""

from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from typer import Option, run

from benchmarks.measure import peak_memory
from facerec.metrics.blocks import BLOCK
from facerec.metrics.identification import identification_rate

PHOTOS = 5  # of each query person
LAST_DIGITS = 1e-6  # in which two float32 products of the same rows may differ
SPREAD = 2.0  # of a person's photographs about the person


def main(
    query: Annotated[int, Option(help="query photographs")] = 5000,
    distractors: Annotated[int, Option(help="distractor photographs")] = 1_000_000,
    fpr: Annotated[float, Option(help="accepted share of false pairs")] = 1e-6,
    width: Annotated[int, Option(help="of an embedding")] = 512,
    subset: Annotated[
        int, Option(help="query photographs and distractors compared with brute force")
    ] = 1000,
) -> None:
    """Prints the memory above the embeddings, and how near a subset's result is to brute force.

    Raises:
        ValueError: the subset's result is another one.
    """
    queries, people, others = embeddings(query, distractors, width)
    before = peak_memory()
    identification_rate(queries, people, others, fpr)
    print(f"peak memory above the embeddings: {(peak_memory() - before) / 2**20:.0f} MiB")

    some = queries[:subset], people[:subset], others[: 10 * subset]
    found, expected = identification_rate(*some, 1e-4), _brute_force(*some, 1e-4)
    off = abs(
        found[1] - expected[1]
    )  # a float32 product depends in its last digit on the blocks it is made of
    print(f"subset of {subset} × {10 * subset}: rate {found[0]:.6f}, brute force {expected[0]:.6f}")
    print(f"their thresholds are {off:.0e} apart")
    if found[0] != expected[0] or off > LAST_DIGITS:
        raise ValueError(f"identification_rate gives {found}, brute force {expected}")


def embeddings(query: int, distractors: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns query embeddings, their people, and distractors; nothing is held twice."""
    generator = torch.Generator().manual_seed(0)
    people = torch.arange(query) // PHOTOS
    centres = torch.randn(int(people[-1]) + 1, width, generator=generator)
    queries = centres[people] + SPREAD * torch.randn(query, width, generator=generator)
    others = torch.empty(distractors, width).normal_(generator=generator)
    return F.normalize(queries), people, others.div_(others.norm(dim=1, keepdim=True))


def product(queries: Tensor, others: Tensor) -> None:
    """Computes every cosine once, a block at a time in one buffer: the least that is needed."""
    rows = max(1, BLOCK // len(queries))
    buffer = queries.new_empty(rows, len(queries))
    for start in range(0, len(others), rows):
        block = others[start : start + rows]
        torch.mm(block, queries.t(), out=buffer[: len(block)])
    for start in range(0, len(queries), rows):
        torch.mm(queries[start : start + rows], queries.t())


def _brute_force(
    queries: Tensor, people: Tensor, others: Tensor, fpr: float
) -> tuple[float, float]:
    cosines, same = (queries @ queries.t()).numpy(), (people[:, None] == people).numpy()
    above = np.triu(np.ones_like(same), 1)
    false = np.concatenate([cosines[above & ~same], (others @ queries.t()).numpy().ravel()])
    threshold = np.sort(false)[::-1][int(np.floor(round(fpr * len(false), 6)))]
    return float((cosines[above & same] > threshold).mean()), float(threshold)


if __name__ == "__main__":
    run(main)
