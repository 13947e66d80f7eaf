"""Top-k accuracy, and the prototypes of people, which score embeddings without a head."""

import torch
import torch.nn.functional as F
from torch import Tensor


def top_k_hits(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Returns whether the true person is among the `k` best, (N,) bool.

    Of equal scores the lower label comes first.

    Args:
        scores: (N, K), higher is likelier.
        labels: (N,) the true person, 0 … K-1.
        k: at least 1.

    Raises:
        ValueError: a score is not finite.
    """
    if not scores.isfinite().all():
        raise ValueError("a score is not finite: the recogniser's weights or its faces are damaged")
    true = scores.gather(1, labels[:, None])
    earlier = torch.arange(scores.shape[1], device=scores.device) < labels[:, None]
    ahead = (scores > true) | ((scores == true) & earlier)
    return ahead.sum(dim=1) < k


def prototypes(embeddings: Tensor, labels: Tensor, num_people: int) -> Tensor:
    """Returns each person's mean direction, (K, E), normalised.

    Args:
        embeddings: (N, E) of training photographs. Each is normalised first: all weigh the same.
        labels: (N,) 0 … K-1.
        num_people: K.

    Raises:
        ValueError: a person has no photograph.
    """
    counts = labels.bincount(minlength=num_people)
    if not counts.all():
        missing = (counts == 0).nonzero().flatten().tolist()
        raise ValueError(f"no training photograph of the people with label {missing}")
    sums = embeddings.new_zeros(num_people, embeddings.shape[1])
    sums.index_add_(0, labels, F.normalize(embeddings))
    return F.normalize(sums)
