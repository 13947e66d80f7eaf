"""1:N search as curves: CMC in a closed set, FNIR against FPIR by the size of the gallery."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec.metrics import identification
from facerec.metrics.intervals import share_interval
from facerec.metrics.search_intervals import RankIntervals, SearchIntervals

CMC = ["exam", "rank", "rate", "low", "high"]
SEARCH = ["gallery_people", "fpir", "fnir", "low", "high"]
RANKS = 20
SEARCH_POINTS = 40
GALLERIES = (0, 1 / 4, 1 / 2, 1)  # shares of the distractors that are in the gallery


def cmc_curve(exam: str, ranks: np.ndarray, people: np.ndarray, num_people: int) -> pd.DataFrame:
    """Returns the cumulative match characteristic with its 95 % band, CMC.

    The rate at rank k is the share of searches that find their person among the k best.

    Args:
        exam: name in the table.
        ranks: (N,) of the true person, from 1.
        people: (N,) who is searched.
        num_people: in the gallery; no rank is higher.
    """
    return _cmc(exam, ranks, num_people, lambda rank: share_interval(ranks <= rank, people))


def open_set_cmc(
    exam: str, embeddings: Tensor, people: np.ndarray, is_query: np.ndarray
) -> pd.DataFrame:
    """Returns `cmc_curve` of query photographs among all others, people ranked by their best.

    Args:
        exam: name in the table.
        embeddings: (N, E), not necessarily normalised.
        people: (N,) 0 … P-1, who is on each.
        is_query: (N,) bool. Those whose person has no other photograph are not searched.
    """
    has_another = np.bincount(people)[people] > 1
    queries = np.flatnonzero(is_query & has_another)
    if not len(queries):
        return pd.DataFrame(columns=CMC)
    codes = torch.from_numpy(people.astype(np.int64))
    intervals = RankIntervals(embeddings, codes, torch.from_numpy(queries))
    return _cmc(exam, intervals.ranks.numpy(), people.max() + 1, intervals.within)


def _cmc(
    exam: str,
    ranks: np.ndarray,
    num_people: int,
    interval: Callable[[int], tuple[float, float]],
) -> pd.DataFrame:
    rows = []
    if len(ranks):
        for rank in range(1, min(RANKS, num_people) + 1):
            rows.append([exam, rank, (ranks <= rank).mean(), *interval(rank)])
    return pd.DataFrame(rows, columns=CMC).round(6)


def search_curves(
    query: Tensor,
    query_people: Tensor,
    distractors: Tensor,
    distractor_people: Tensor,
    seed: int,
) -> pd.DataFrame:
    """Returns FNIR against FPIR at several sizes of the gallery with 95 % bands, SEARCH.

    Each query photograph is searched with and without its person in the gallery, as in
    `identification.detection_rate`. The gallery holds all query people, and none, a quarter, half
    and all of the distractors; the smaller ones are part of the larger. Each FNIR is at the lowest
    threshold that gives at most that FPIR.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E).
        distractor_people: (D,) int64, who is on each.
        seed: of the draw of distractors.
    """
    names = np.random.default_rng(seed).permutation(distractor_people.unique().numpy())
    num_query_people = len(query_people.unique())
    parts = []
    for number in sorted({math.ceil(share * len(names)) for share in GALLERIES}):
        if num_query_people + number < 2:
            continue  # nobody could be mistaken for another
        inside = torch.isin(distractor_people, torch.from_numpy(names[:number]))
        curve = _fnir_curve(query, query_people, distractors[inside], distractor_people[inside])
        parts.append(curve.assign(gallery_people=num_query_people + number))
    return pd.concat(parts, ignore_index=True)[SEARCH] if parts else pd.DataFrame(columns=SEARCH)


def _fnir_curve(
    query: Tensor, query_people: Tensor, distractors: Tensor, distractor_people: Tensor
) -> pd.DataFrame:
    """Returns FPIR, FNIR and its band, at most SEARCH_POINTS, evenly spaced in log(FPIR)."""
    best_same, best_other = identification.search_cosines(query, query_people, distractors)
    thresholds = np.append(best_other.numpy(), -np.inf)
    thresholds[:-1] = np.sort(thresholds[:-1])[::-1]
    searches = len(best_other)
    rows = []
    if (best_same > -torch.inf).any():
        intervals = SearchIntervals(query, query_people, distractors, distractor_people, best_same)
        for alarms in np.unique(np.geomspace(1, searches, SEARCH_POINTS).astype(int)):
            hits = identification.rank1_hits(best_same, best_other, float(thresholds[alarms]))
            found = hits.double().mean().item()
            low, high = intervals.found(found, alarms / searches)
            rows.append([alarms / searches, 1 - found, 1 - high, 1 - low])
    return pd.DataFrame(rows, columns=["fpir", "fnir", "low", "high"]).round(6)
