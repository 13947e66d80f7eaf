"""1:N search as curves: CMC in a closed set, FNIR against FPIR by the size of the gallery."""

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec.evaluation.params import EvaluateParams
from facerec.metrics import identification
from facerec.metrics.bootstrap import bootstrap_interval

CMC = ["exam", "rank", "rate", "low", "high"]
SEARCH = ["gallery_people", "fpir", "fnir", "low", "high"]
RANKS = 20
SEARCH_POINTS = 40
GALLERIES = (0, 1 / 4, 1 / 2, 1)  # shares of the distractors that are in the gallery


def cmc_curve(
    exam: str, ranks: np.ndarray, people: np.ndarray, num_people: int, params: EvaluateParams
) -> pd.DataFrame:
    """Returns the cumulative match characteristic with its 95 % band, CMC.

    The rate at rank k is the share of searches that find their person among the k best.

    Args:
        exam: name in the table.
        ranks: (N,) of the true person, from 1.
        people: (N,) who is searched.
        num_people: in the gallery; no rank is higher.
        params: of the intervals.
    """
    rows = []
    if len(ranks):
        for rank in range(1, min(RANKS, num_people) + 1):
            hits = ranks <= rank
            band = bootstrap_interval(hits, people, params.bootstrap_resamples, params.seed)
            rows.append([exam, rank, hits.mean(), *band])
    return pd.DataFrame(rows, columns=CMC).round(6)


def search_curves(
    query: Tensor,
    query_people: Tensor,
    distractors: Tensor,
    distractor_people: np.ndarray,
    params: EvaluateParams,
) -> pd.DataFrame:
    """Returns FNIR against FPIR at several sizes of the gallery with 95 % bands, SEARCH.

    Each query photograph is searched with and without its person in the gallery, as in
    `identification.detection_rate`. The gallery holds all query people, and none, a quarter, half
    and all of the distractors; the smaller ones are part of the larger. Each FNIR is at the lowest
    threshold that gives at most that FPIR. Intervals resample people, not thresholds.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E).
        distractor_people: (D,) who is on each.
        params: of the intervals, and of the draw of distractors.
    """
    names = np.random.default_rng(params.seed).permutation(np.unique(distractor_people))
    num_query_people = len(query_people.unique())
    parts = []
    for number in sorted({math.ceil(share * len(names)) for share in GALLERIES}):
        if num_query_people + number < 2:
            continue  # nobody could be mistaken for another
        inside = torch.from_numpy(np.isin(distractor_people, names[:number]))
        bests = identification.search_cosines(query, query_people, distractors[inside])
        curve = _fnir_curve(*bests, query_people, params)
        parts.append(curve.assign(gallery_people=num_query_people + number))
    return pd.concat(parts, ignore_index=True)[SEARCH] if parts else pd.DataFrame(columns=SEARCH)


def _fnir_curve(
    best_same: Tensor, best_other: Tensor, query_people: Tensor, params: EvaluateParams
) -> pd.DataFrame:
    """Returns FPIR, FNIR and its band, at most SEARCH_POINTS, evenly spaced in log(FPIR)."""
    is_searched = best_same > -torch.inf
    people = query_people[is_searched].numpy()
    thresholds = np.append(best_other.numpy(), -np.inf)
    thresholds[:-1] = np.sort(thresholds[:-1])[::-1]
    searches = len(best_other)
    rows = []
    if len(people):
        for alarms in np.unique(np.geomspace(1, searches, SEARCH_POINTS).astype(int)):
            hits = identification.rank1_hits(best_same, best_other, float(thresholds[alarms]))
            misses = ~hits.numpy()
            band = bootstrap_interval(misses, people, params.bootstrap_resamples, params.seed)
            rows.append([alarms / searches, misses.mean(), *band])
    return pd.DataFrame(rows, columns=["fpir", "fnir", "low", "high"]).round(6)
