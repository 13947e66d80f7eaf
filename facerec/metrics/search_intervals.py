"""Intervals of 1:N search, where gallery and threshold are of the same people as the searches.

Another sample of people would change all three. So groups of people are left out of all three.
"""

import math

import numpy as np
import torch
from torch import Tensor

from facerec.metrics.identification import best_other_by_group, rank1_hits
from facerec.metrics.intervals import jackknife_interval
from facerec.metrics.ranks import ranks_in_galleries

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
        searched = query_people[best_same > -torch.inf]
        self._counts = searched.unique(return_counts=True)[1].numpy()

    def rank1(self, share: float) -> tuple[float, float]:
        """Returns the 95 % interval of rank-1 accuracy, `share`."""
        hits = [rank1_hits(same, other) for same, other in self._without]
        return _interval(share, hits, self._counts)

    def found(self, share: float, false_alarms: float) -> tuple[float, float]:
        """Returns the 95 % interval of `share`, the detection rate at a false-alarm rate."""
        hits = []
        for same, other in self._without:
            # At least one, though the searches that are left may be too few for the rate.
            accepted = max(1, math.floor(false_alarms * len(other) + 1e-9))
            highest = other.sort(descending=True).values
            threshold = highest[accepted].item() if accepted < len(highest) else -math.inf
            hits.append(rank1_hits(same, other, threshold))
        return _interval(share, hits, self._counts)

    def alarms(self, share: float, threshold: float) -> tuple[float, float]:
        """Returns the 95 % interval of `share`, the false-alarm rate at a threshold."""
        alarms = [other > threshold for _, other in self._without]
        return _interval(share, alarms, self._counts)


class RankIntervals:
    """The ranks of a search among all other photographs, with the intervals of their CMC.

    Attributes:
        ranks: (Q,) int64, from `search_ranks`.

    Args:
        embeddings: as in `search_ranks`.
        people: likewise.
        queries: likewise.
    """

    def __init__(self, embeddings: Tensor, people: Tensor, queries: Tensor):
        num_people = int(people.max()) + 1
        groups = torch.arange(num_people) % GROUPS
        number = min(GROUPS, num_people)
        galleries = torch.ones(num_people, 1 + number, dtype=torch.bool)
        galleries[:, 1:] = groups[:, None] != torch.arange(number)
        ranks = ranks_in_galleries(embeddings, people, queries, galleries)
        searched = people[queries]
        self.ranks = ranks[:, 0]
        self._without = [ranks[groups[searched] != g, 1 + g] for g in range(number)]
        self._counts = searched.unique(return_counts=True)[1].numpy()

    def within(self, rank: int) -> tuple[float, float]:
        """Returns the 95 % interval of the share that is found at this rank or before it."""
        share = (self.ranks <= rank).double().mean().item()
        return _interval(share, [ranks <= rank for ranks in self._without], self._counts)


def _interval(share: float, hits: list[Tensor], counts: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval of a share.

    Args:
        share: of all searches.
        hits: those of the searches without each group.
        counts: (P,) searches for each person, without zeros.
    """
    shares = [found.double().mean().item() for found in hits]
    if any(map(math.isnan, shares)):  # without one group nobody is searched
        return 0.0, 1.0
    return jackknife_interval(share, np.array(shares), counts)
