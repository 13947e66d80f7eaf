"""Intervals of 1:N search, where gallery and threshold are of the same people as the searches.

Another sample of people would change all three. So groups of people are left out of all three.
"""

import math

import torch
from torch import Tensor

from facerec.metrics.identification import best_other_by_group, rank1_hits
from facerec.metrics.intervals import jackknife_interval

GROUPS = 50  # of people, at most, that are left out in turn


class SearchIntervals:
    """Intervals of the shares that a 1:N search finds.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64, 0 … K-1.
        distractors: (D, E), of people who are not in `query`.
        distractor_people: (D,) int64, 0 … K-1.
        best_same: (Q,) from `search_cosines`.
    """

    def __init__(
        self,
        query: Tensor,
        query_people: Tensor,
        distractors: Tensor,
        distractor_people: Tensor,
        best_same: Tensor,
    ):
        groups = query_people % GROUPS
        best = best_other_by_group(
            query, query_people, groups, distractors, distractor_people % GROUPS
        )
        self._without = []  # best_same and best_other of the searches without each group
        for group in range(best.shape[1]):
            kept = groups != group
            others = torch.cat([best[kept, :group], best[kept, group + 1 :]], dim=1)
            if others.shape[1]:
                self._without.append((best_same[kept], others.amax(dim=1)))
        self._counts = query_people[best_same > -torch.inf].bincount().numpy()

    def rank1(self, share: float) -> tuple[float, float]:
        """Returns the 95 % interval of rank-1 accuracy, `share`."""
        return self._interval(share, [rank1_hits(same, other) for same, other in self._without])

    def found(self, share: float, false_alarms: float) -> tuple[float, float]:
        """Returns the 95 % interval of `share`, the detection rate at a false-alarm rate."""
        hits = []
        for same, other in self._without:
            # At least one, though the searches that are left may be too few for the rate.
            accepted = max(1, math.floor(false_alarms * len(other) + 1e-9))
            highest = other.sort(descending=True).values
            threshold = highest[accepted].item() if accepted < len(highest) else -math.inf
            hits.append(rank1_hits(same, other, threshold))
        return self._interval(share, hits)

    def alarms(self, share: float, threshold: float) -> tuple[float, float]:
        """Returns the 95 % interval of `share`, the false-alarm rate at a threshold."""
        return self._interval(share, [other > threshold for _, other in self._without])

    def _interval(self, share: float, hits: list[Tensor]) -> tuple[float, float]:
        shares = [found.double().mean().item() for found in hits]
        if any(map(math.isnan, shares)):  # without one group nobody is searched
            return 0.0, 1.0
        left_out = torch.tensor(shares, dtype=torch.float64).numpy()
        return jackknife_interval(share, left_out, self._counts[self._counts > 0])
