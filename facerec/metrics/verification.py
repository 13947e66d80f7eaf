"""Accuracy, verification, identification rate and 1:N search. Everything here takes scores without a margin."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**22  # cosines computed at a time: 16 MiB
PAIR_COST = 4  # a pair whose photographs are known takes the place of so many cosines: its cosine and two indices
EXCLUDED = -2.0  # stands for a pair that does not count; below every cosine


def pair_blocks(embeddings: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields, a block at a time, the cosine of every pair of photographs i < j, (P,), and their i and j, (P,) int64.

    Args:
        embeddings: (N, E), not necessarily normalised.
    """
    embeddings = F.normalize(embeddings.float())
    for start, rows in _row_blocks(embeddings, PAIR_COST * len(embeddings)):
        cosines = rows @ embeddings[start:].t()
        i, j = torch.triu_indices(len(rows), cosines.shape[1], offset=1, device=cosines.device)
        yield cosines[i, j], i + start, j + start


def roc(true: Tensor, false_blocks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the false- and true-positive rate, (2 T + 2,) float64 each, at the ROC's corners, (0, 0) to (1, 1).

    There are two for each distinct score of a same-person pair; between corners the ROC is straight.

    Args:
        true: scores of the same-person pairs, higher is more alike.
        false_blocks: scores of the different-person pairs, of which one block is held at a time.

    Raises:
        ValueError: there is no same-person or no different-person pair.
    """
    steps, hits = true.unique(return_counts=True)
    above, at_or_above = torch.zeros(2, len(steps), dtype=torch.int64, device=true.device)
    total = 0
    for block in false_blocks:
        false = block.sort().values
        total += len(false)
        above += len(false) - torch.searchsorted(false, steps, right=True)
        at_or_above += len(false) - torch.searchsorted(false, steps)
    if not total or not len(true):
        pairs = total + len(true)
        raise ValueError(
            f"a ROC needs same- and different-person pairs, got {len(true)} of {pairs} the same"
        )
    accepted = hits.flip(0).cumsum(0)
    before = torch.cat([accepted.new_zeros(1), accepted[:-1]])
    fpr = torch.stack([above.flip(0), at_or_above.flip(0)], dim=1).ravel().double() / total
    tpr = torch.stack([before, accepted], dim=1).ravel().double() / len(true)
    ends = fpr.new_tensor([0, 1])
    return torch.cat([ends[:1], fpr, ends[1:]]), torch.cat([ends[:1], tpr, ends[1:]])


def roc_of_photographs(embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """Returns what `roc` does, of all pairs of photographs.

    Memory grows with the same-person pairs, each of which may be a corner, and not with the others.

    Args:
        embeddings: (N, E), not necessarily normalised.
        people: (N,) who is on each.
    """

    def cosines(of_one: bool) -> Iterator[Tensor]:
        for found, i, j in pair_blocks(embeddings):
            yield found[(people[i] == people[j]) == of_one]

    return roc(torch.cat([*cosines(True)]), cosines(False))


def area(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the area under a ROC: the chance that a same-person pair scores above another; ties count one half."""
    return torch.trapezoid(tpr, fpr).item()


def eer(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the equal error rate: where false positives and negatives cross; the ROC is taken as lines."""
    excess = fpr + tpr - 1  # false positives minus false negatives; never falls
    after = int((excess >= 0).nonzero()[0])
    before = after - 1  # there is one: the first corner is (0, 0)
    share = -excess[before].item() / (excess[after] - excess[before]).item()
    return torch.lerp(fpr[before], fpr[after], share).item()


def accepted_pairs(fpr: float, pairs: int) -> int:
    """Returns N = ⌊fpr · pairs⌋, computed on the decimal that `fpr` prints as: 0.29 of 100 is 29.

    Raises:
        ValueError: `fpr` is out of (0, 1], or N is 0.
    """
    return _accepted("fpr", fpr, "different-person pairs", pairs)


def _accepted(name: str, rate: float, what: str, count: int) -> int:
    """Returns how many of so many things a rate accepts, at least one; `name` and `what` are for the errors."""
    if not 0 < rate <= 1:
        raise ValueError(f"{name} must be in the range over 0 and at most 1, got {rate}")
    exact = Fraction(str(rate))
    if exact * count < 1:
        raise ValueError(f"{name} {rate} needs at least {math.ceil(1 / exact)} {what}, got {count}")
    return math.floor(exact * count)


def _share_above(values: Tensor, threshold: float) -> float:
    return (values > threshold).double().mean().item()


def _kth_largest(values: Tensor, k: int) -> float:
    """Returns the k-th largest value, −inf if there are fewer."""
    if k > len(values):
        return -math.inf
    place = len(values) - k
    return float(
        np.partition(values.cpu().numpy(), place)[place]
    )  # torch's kthvalue takes three times the memory


def _row_blocks(rows: Tensor, width: int) -> Iterator[tuple[int, Tensor]]:
    """Yields (start, rows) such that rows × width stays within BLOCK."""
    length = max(1, BLOCK // max(1, width))
    for start in range(0, len(rows), length):
        yield start, rows[start : start + length]
