"""A recogniser on people it was never trained on: verification, identification, calibration.

Pairs come a block at a time, so that memory does not grow with their number.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec.evaluation.closed_set import rounded, with_interval
from facerec.evaluation.open_set_calibration import RELIABILITY, calibrate
from facerec.evaluation.open_set_curves import CURVE, HISTOGRAM, histogram, roc_curve
from facerec.evaluation.params import EvaluateParams
from facerec.evaluation.search_curves import CMC, SEARCH, open_set_cmc, search_curves
from facerec.metrics import identification, verification
from facerec.metrics.bootstrap import PairBootstrap, bins_of
from facerec.metrics.error_rates import COLUMNS as ERROR_RATES
from facerec.metrics.error_rates import error_rates
from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.metrics.search_intervals import SearchIntervals
from facerec.progress import Progress

log = logging.getLogger(__name__)

OPEN_SET = "openset"  # name of the exam in tables
DIGITS = 6  # as `closed_set.rounded`
BINS = 4096  # of the cosines, over [-1, 1]


@dataclass(frozen=True)
class OpenSet:
    """What a recogniser does with people it was never trained on.

    Attributes:
        values: verification, identification rate, 1:N search, calibration.
        thresholds: at which rates, how sure those are, and how much was measured; the names are
            those of `thresholds.json`.
        roc: CURVE, false- and true-positive rates with a 95 % band.
        cosines: HISTOGRAM of the cosines of same- and different-person pairs.
        error_rates: `error_rates.COLUMNS`, FMR(T) and FNMR(T) with their bands.
        cmc: CMC, the rank of the right person in a search.
        search: SEARCH, FNIR against FPIR at several sizes of the gallery.
        reliability: RELIABILITY of a calibration fitted to half of the people, on the other half.
    """

    values: dict[str, float]
    thresholds: dict[str, float]
    roc: pd.DataFrame
    cosines: pd.DataFrame
    error_rates: pd.DataFrame
    cmc: pd.DataFrame
    search: pd.DataFrame
    reliability: pd.DataFrame

    def threshold(self, fpr: float) -> float | None:
        """Returns the cosine threshold at one of OPERATING_FPRS, None if it was not measured."""
        name = next(name for name, rate in OPERATING_FPRS.items() if rate == fpr)
        return self.values.get(f"openset_threshold_at_fpr_{name}")

    @classmethod
    def empty(cls) -> "OpenSet":
        """Returns what an open set without pairs gives: no numbers, and tables without rows."""
        columns = (CURVE, HISTOGRAM, ERROR_RATES, CMC, SEARCH, RELIABILITY)
        return cls({}, {}, *(pd.DataFrame(columns=names) for names in columns))


def open_set_metrics(
    embeddings: Tensor, people: np.ndarray, is_query: np.ndarray, params: EvaluateParams
) -> OpenSet:
    """Returns verification, identification rate, 1:N search and calibration.

    Verification takes every pair of photographs; the identification rate leaves out pairs of two
    distractors. What the number of pairs cannot resolve is left out, and the log says why.

    Args:
        embeddings: (N, E), not necessarily normalised. Zeros stand for a face that could not be
            aligned: its cosine with everything is 0, so nothing finds it.
        people: (N,) who is on each photograph.
        is_query: (N,) bool; the others are distractors.
        params: of the intervals.
    """
    by_person = np.argsort(people, kind="stable")  # a person's pairs then come in one or two blocks
    embeddings = embeddings[torch.from_numpy(by_person)]
    is_query = is_query[by_person]
    codes = np.unique(people[by_person], return_inverse=True)[1].astype(np.int32)
    num_people = len(set(codes))
    if np.bincount(codes, minlength=1).max() < 2 or num_people < 2:
        log.info(
            "open set: %d photographs of %d people, too few for pairs", len(people), num_people
        )
        return OpenSet.empty()
    pairs = _Pairs.count(embeddings, codes, is_query, params)
    fpr, tpr = verification.roc_of_photographs(embeddings, torch.from_numpy(codes))
    values, thresholds = _verification(embeddings, codes, fpr, tpr, pairs.resampled)
    cmc = pd.DataFrame(columns=CMC)
    search = pd.DataFrame(columns=SEARCH)
    if is_query.any():
        query_rows = torch.tensor(is_query)
        query = embeddings[query_rows]
        distractors = embeddings[~query_rows]
        query_people = torch.from_numpy(codes[is_query].astype(np.int64))
        values |= _identification(query, query_people, distractors, pairs.resampled_by_query)
        distractor_people = torch.from_numpy(codes[~is_query].astype(np.int64))
        found, of_search = _search(query, query_people, distractors, distractor_people)
        values |= found
        thresholds |= of_search | {"searches": len(query), "gallery_people": num_people - 1}
        search = search_curves(query, query_people, distractors, distractor_people, params.seed)
        cmc = open_set_cmc(OPEN_SET, embeddings, codes, is_query)
    calibration, reliability_table = calibrate(pairs.counts)
    different, same = pairs.counts.sum(axis=0)
    counts = {
        "people": num_people,
        "photographs": len(people),
        "same_pairs": int(same.sum()),
        "different_pairs": int(different.sum()),
    }
    return OpenSet(
        values=values | calibration,
        thresholds=thresholds | calibration | counts,
        roc=roc_curve(fpr, tpr, int(different.sum()), pairs.resampled),
        cosines=histogram(different, same),
        error_rates=error_rates(different, same, pairs.resampled),
        cmc=cmc,
        search=search,
        reliability=reliability_table,
    )


@dataclass(frozen=True)
class _Pairs:
    """The counts of one pass over all pairs.

    Attributes:
        counts: (3, 2, BINS) pairs in each bin of cosines, the highest first. First axis: both
            people have even numbers, both have odd ones, the rest. Second axis: different people,
            one person.
        resampled: all pairs.
        resampled_by_query: all but those of two distractors.
    """

    counts: np.ndarray
    resampled: PairBootstrap
    resampled_by_query: PairBootstrap

    @classmethod
    def count(
        cls, embeddings: Tensor, people: np.ndarray, is_query: np.ndarray, params: EvaluateParams
    ) -> "_Pairs":
        counts = np.zeros(3 * 2 * BINS, np.int64)
        settings = int(people.max()) + 1, params.bootstrap_resamples, params.seed, BINS
        resampled = PairBootstrap(*settings)
        resampled_by_query = PairBootstrap(*settings)
        with Progress("open set, pairs", math.comb(len(people), 2)) as progress:
            for cosines, i, j in verification.pair_blocks(embeddings):
                bins = bins_of(cosines.numpy(), BINS)
                first = people[i.numpy()]
                second = people[j.numpy()]
                half = np.where(first % 2 == second % 2, first % 2, 2)
                places = (half * 2 + (first == second)) * BINS + bins
                counts += np.bincount(places, minlength=len(counts))
                resampled.add(bins, first, second)
                has_query = is_query[i.numpy()] | is_query[j.numpy()]
                resampled_by_query.add(bins[has_query], first[has_query], second[has_query])
                progress.advance(len(bins))
        return cls(counts.reshape(3, 2, BINS), resampled, resampled_by_query)


def _verification(
    embeddings: Tensor, people: np.ndarray, fpr: Tensor, tpr: Tensor, resampled: PairBootstrap
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the metrics of verification, and what `OpenSet.thresholds` has of them."""
    values: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    whole = {
        "openset_auc": (verification.auc(fpr, tpr), resampled.auc()),
        "openset_eer": (verification.eer(fpr, tpr), resampled.eer()),
    }
    for name, (value, estimates) in whole.items():
        values |= with_interval(name, value, resampled.curve_interval(value, estimates))
    no_distractors = embeddings[:0]
    points = _operating_points(embeddings, people, no_distractors, resampled, "verification")
    for name, tpr_at_fpr, band, threshold in points:
        values |= with_interval(f"openset_tpr_at_fpr_{name}", tpr_at_fpr, band)
        values[f"openset_threshold_at_fpr_{name}"] = rounded(threshold)
        rate = OPERATING_FPRS[name]
        low, high = resampled.fpr_interval(rate, threshold)
        thresholds[f"threshold_at_fpr_{name}"] = _rounded_up(threshold)
        thresholds |= {f"fpr_{name}_low": rounded(low), f"fpr_{name}_high": rounded(high)}
        thresholds |= with_interval(f"tpr_at_fpr_{name}", tpr_at_fpr, band)
    return values, thresholds


def _identification(
    query: Tensor, query_people: Tensor, distractors: Tensor, resampled: PairBootstrap
) -> dict[str, float]:
    values: dict[str, float] = {}
    points = _operating_points(query, query_people, distractors, resampled, "identification rate")
    for name, rate, band, threshold in points:
        values |= with_interval(f"identification_rate_at_fpr_{name}", rate, band)
        values[f"identification_threshold_at_fpr_{name}"] = rounded(threshold)
    return values


def _operating_points(
    query: Tensor,
    query_people: Tensor | np.ndarray,
    distractors: Tensor,
    resampled: PairBootstrap,
    title: str,
) -> Iterator[tuple[str, float, tuple[float, float], float]]:
    """Yields name, accepted share of same-person pairs, its interval and threshold of each rate.

    Rates that there are too few pairs for are left out.
    """
    people = torch.as_tensor(query_people, dtype=torch.int64)
    for name, fpr in OPERATING_FPRS.items():
        try:
            accepted, threshold = identification.identification_rate(
                query, people, distractors, fpr
            )
        except ValueError as error:
            log.info("open set, %s: %s", title, error)
            continue
        estimates = resampled.tpr_at_fprs(np.array([fpr]))[:, 0]
        low, high = resampled.same_interval(np.array([accepted]), estimates[:, None])
        yield name, accepted, (float(low[0]), float(high[0])), threshold


def _search(
    query: Tensor, query_people: Tensor, distractors: Tensor, distractor_people: Tensor
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns rank-1 accuracy and the share found at each false-alarm rate, and the thresholds."""
    best_same, best_other = identification.search_cosines(query, query_people, distractors)
    if not (best_same > -torch.inf).any():
        log.info("open set, 1:N search: no query person has two photographs")
        return {}, {}
    intervals = SearchIntervals(query, query_people, distractors, distractor_people, best_same)
    rank1 = identification.rank1_hits(best_same, best_other).double().mean().item()
    values = with_interval("search_rank1", rank1, intervals.rank1(rank1))
    thresholds: dict[str, float] = {}
    for name, rate in OPERATING_FPRS.items():
        try:
            share, threshold = identification.detection_rate(best_same, best_other, rate)
        except ValueError as error:
            log.info("open set, 1:N search: %s", error)
            continue
        band = intervals.found(share, rate)
        values |= with_interval(f"search_found_at_false_alarms_{name}", share, band)
        low, high = intervals.alarms(rate, threshold)
        thresholds[f"search_threshold_at_fpir_{name}"] = _rounded_up(threshold)
        thresholds |= {f"fpir_{name}_low": rounded(low), f"fpir_{name}_high": rounded(high)}
        thresholds |= with_interval(f"found_at_fpir_{name}", share, band)
    return values, thresholds


def _rounded_up(threshold: float) -> float:
    """Returns a threshold in the digits that files hold; a lower one would accept too many."""
    return math.ceil(threshold * 10**DIGITS) / 10**DIGITS
