"""Verification: are two photographs of one person? ROC, area under it and equal error rate."""

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.metrics.blocks import row_blocks

PAIR_COST = 4  # a pair with its two indices takes as much memory as this many cosines


def pair_blocks(embeddings: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields the cosines (P,) of all pairs of photographs i < j, and their i and j, (P,) int64.

    The pairs come a block at a time.

    Args:
        embeddings: (N, E), not necessarily normalised.
    """
    embeddings = F.normalize(embeddings.float())
    for start, rows in row_blocks(embeddings, PAIR_COST * len(embeddings)):
        cosines = rows @ embeddings[start:].t()
        i, j = torch.triu_indices(len(rows), cosines.shape[1], offset=1, device=cosines.device)
        yield cosines[i, j], i + start, j + start


def roc(same_scores: Tensor, different_blocks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the false- and true-positive rates at the ROC's corners, (2 T + 2,) float64 each.

    The corners go from (0, 0) to (1, 1). There are two for each of the T distinct scores of
    same-person pairs; between corners the ROC is straight.

    Args:
        same_scores: of the same-person pairs, higher is more similar.
        different_blocks: scores of the different-person pairs; one block is held at a time.

    Raises:
        ValueError: there is no same-person or no different-person pair.
    """
    thresholds, hits = same_scores.unique(return_counts=True)
    above, at_or_above = torch.zeros(2, len(thresholds), dtype=torch.int64, device=hits.device)
    num_same = len(same_scores)
    num_different = 0
    for block in different_blocks:
        scores = block.sort().values
        num_different += len(scores)
        above += len(scores) - torch.searchsorted(scores, thresholds, right=True)
        at_or_above += len(scores) - torch.searchsorted(scores, thresholds)
    if not num_different or not num_same:
        raise ValueError(
            f"a ROC needs same- and different-person pairs, got {num_same} of "
            f"{num_same + num_different} the same"
        )
    accepted = hits.flip(0).cumsum(0)
    before = torch.cat([accepted.new_zeros(1), accepted[:-1]])
    fpr = torch.stack([above.flip(0), at_or_above.flip(0)], dim=1).ravel().double() / num_different
    tpr = torch.stack([before, accepted], dim=1).ravel().double() / num_same
    ends = fpr.new_tensor([0, 1])
    return torch.cat([ends[:1], fpr, ends[1:]]), torch.cat([ends[:1], tpr, ends[1:]])


def roc_of_photographs(embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the ROC of all pairs of photographs, as `roc`.

    Memory grows with the number of same-person pairs, not with that of the others.

    Args:
        embeddings: (N, E), not necessarily normalised.
        people: (N,) who is on each.
    """

    def cosines(is_same: bool) -> Iterator[Tensor]:
        for block, i, j in pair_blocks(embeddings):
            yield block[(people[i] == people[j]) == is_same]

    return roc(torch.cat([*cosines(True)]), cosines(False))


def auc(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the area under a ROC.

    It is the probability that a same-person pair scores above a different-person pair; ties count
    one half.
    """
    return torch.trapezoid(tpr, fpr).item()


def eer(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the equal error rate, where false positives and false negatives are equally frequent.

    The ROC is straight between its corners.
    """
    excess = fpr + tpr - 1  # false positives minus false negatives; never falls
    after = int((excess >= 0).nonzero()[0])
    before = after - 1  # there is one: the first corner is (0, 0)
    share = -excess[before].item() / (excess[after] - excess[before]).item()
    return torch.lerp(fpr[before], fpr[after], share).item()
