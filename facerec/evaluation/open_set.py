"""What a recogniser does with people whom it was never trained on: verification, identification, search, calibration.

Pairs are gone through a block at a time, so that memory does not grow with their number.
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
from facerec.metrics import identification, verification
from facerec.metrics.bootstrap import (
    COVERAGE,
    BootstrapParams,
    PairBootstrap,
    bin_middles,
    bins_of,
    bootstrap_interval,
    interval,
)
from facerec.metrics.calibration import calibration_error, fit_calibration, reliability
from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.progress import Progress

log = logging.getLogger(__name__)

ROC_POINTS = 200
BINS = 4096  # of the cosines, over [-1, 1]
SHOWN_BINS = 128  # of a histogram to look at
CURVE = ["fpr", "tpr", "low", "high"]
HISTOGRAM = ["pairs", "cosine", "share"]
RELIABILITY = ["predicted", "observed", "weight", "pairs"]


@dataclass(frozen=True)
class OpenSet:
    """What a recogniser does with people whom it was never trained on.

    Attributes:
        values: verification, identification rate, 1:N search, calibration.
        roc: CURVE, false- and true-positive rate with a 95 % band.
        cosines: HISTOGRAM, how the cosines of same- and different-person pairs are spread.
        reliability: RELIABILITY, the probabilities of a calibration by half of the people, tried on the other half.
    """

    values: dict[str, float]
    roc: pd.DataFrame
    cosines: pd.DataFrame
    reliability: pd.DataFrame


def open_set_metrics(
    embeddings: Tensor, people: np.ndarray, is_query: np.ndarray, params: BootstrapParams
) -> OpenSet:
    """Returns verification, identification rate, 1:N search and calibration on people never trained on.

    Verification takes every pair of photographs; the identification rate leaves out those of two distractors. What
    the number of pairs cannot resolve is left out, and the log says why.

    Args:
        embeddings: (N, E), not necessarily normalised; zeros stand for a face that could not be aligned, whose cosine
            with everything is 0, so that nothing finds it.
        people: (N,) who is on each photograph.
        is_query: (N,) the others are distractors.
        params: of the intervals.
    """
    by_person = np.argsort(
        people, kind="stable"
    )  # a person's pairs then come in one block, or in two
    embeddings, is_query = embeddings[torch.from_numpy(by_person)], is_query[by_person]
    codes = np.unique(people[by_person], return_inverse=True)[1].astype(np.int32)
    if np.bincount(codes, minlength=1).max() < 2 or len(set(codes)) < 2:
        log.info(
            "open set: %d photographs of %d people, too few for pairs", len(people), len(set(codes))
        )
        return OpenSet(
            {}, *(pd.DataFrame(columns=columns) for columns in (CURVE, HISTOGRAM, RELIABILITY))
        )
    pairs = _Pairs.of(embeddings, codes, is_query, params)
    fpr, tpr = verification.roc_of_photographs(embeddings, torch.from_numpy(codes))
    values = _verification(embeddings, codes, fpr, tpr, pairs.resampled)
    curve = _curve(fpr, tpr, int(pairs.counts[:, 0].sum()), pairs.resampled)
    if is_query.any():
        chosen = torch.tensor(is_query)
        query, others = embeddings[chosen], embeddings[~chosen]
        query_people = torch.from_numpy(codes[is_query].astype(np.int64))
        values |= _identification(query, query_people, others, pairs.resampled_by_query)
        values |= _search(query, query_people, others, params)
    calibrated, table = _calibration(pairs.counts)
    return OpenSet(values | calibrated, curve, _histogram(pairs.counts.sum(axis=0)), table)


@dataclass(frozen=True)
class _Pairs:
    """What one pass over all pairs counts.

    Attributes:
        counts: (3, 2, BINS) pairs in each bin of cosines, the highest first: of different people and of one; where both
            photographs show people of even numbers, where both show odd ones, and the rest.
        resampled: all pairs.
        resampled_by_query: those that are not of two distractors.
    """

    counts: np.ndarray
    resampled: PairBootstrap
    resampled_by_query: PairBootstrap

    @classmethod
    def of(
        cls, embeddings: Tensor, people: np.ndarray, is_query: np.ndarray, params: BootstrapParams
    ) -> "_Pairs":
        counts = np.zeros(3 * 2 * BINS, np.int64)
        settings = int(people.max()) + 1, params.bootstrap, params.seed, BINS
        everything, by_query = PairBootstrap(*settings), PairBootstrap(*settings)
        with Progress("open set, pairs", math.comb(len(people), 2)) as progress:
            for cosines, first, second in verification.pair_blocks(embeddings):
                i, j = first.numpy(), second.numpy()
                bins, one, other = bins_of(cosines.numpy(), BINS), people[i], people[j]
                half = np.where(one % 2 == other % 2, one % 2, 2)
                counts += np.bincount(
                    (half * 2 + (one == other)) * BINS + bins, minlength=len(counts)
                )
                everything.add(bins, one, other)
                asked = is_query[i] | is_query[j]
                by_query.add(bins[asked], one[asked], other[asked])
                progress.advance(len(bins))
        return cls(counts.reshape(3, 2, BINS), everything, by_query)


def _verification(
    embeddings: Tensor, people: np.ndarray, fpr: Tensor, tpr: Tensor, resampled: PairBootstrap
) -> dict[str, float]:
    values = with_interval("openset_auc", verification.area(fpr, tpr), interval(resampled.auc()))
    values |= with_interval("openset_eer", verification.eer(fpr, tpr), interval(resampled.eer()))
    nobody = embeddings[:0]
    for name, rate, accepted, threshold in _identified(embeddings, people, nobody, "verification"):
        band = interval(resampled.tpr_at_fprs(np.array([rate]))[:, 0])
        values |= with_interval(f"openset_tpr_at_fpr_{name}", accepted, band)
        values[f"openset_threshold_at_fpr_{name}"] = rounded(threshold)
    return values


def _identification(
    query: Tensor, query_people: Tensor, distractors: Tensor, resampled: PairBootstrap
) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, rate, accepted, threshold in _identified(
        query, query_people, distractors, "identification rate"
    ):
        band = interval(resampled.tpr_at_fprs(np.array([rate]))[:, 0])
        values |= with_interval(f"identification_rate_at_fpr_{name}", accepted, band)
        values[f"identification_threshold_at_fpr_{name}"] = rounded(threshold)
    return values


def _identified(
    query: Tensor, query_people: Tensor | np.ndarray, distractors: Tensor, what: str
) -> Iterator[tuple[str, float, float, float]]:
    """Yields name, false-positive rate, accepted share of same-person pairs and threshold, of what can be resolved."""
    people = torch.as_tensor(query_people, dtype=torch.int64)
    for name, rate in OPERATING_FPRS.items():
        try:
            yield name, rate, *identification.identification_rate(query, people, distractors, rate)
        except ValueError as error:
            log.info("open set, %s: %s", what, error)


def _search(
    query: Tensor, query_people: Tensor, distractors: Tensor, params: BootstrapParams
) -> dict[str, float]:
    """Returns rank-1 and how many are found at each false-alarm rate; the intervals resample people, not thresholds."""
    own, other = identification.search_cosines(query, query_people, distractors)
    searched = (own > -torch.inf).numpy()
    if not searched.any():
        log.info("open set, 1:N search: no query person has two photographs")
        return {}
    hits = identification.rank1_hits(own, other).numpy()
    band = bootstrap_interval(hits, query_people.numpy()[searched], params.bootstrap, params.seed)
    values = with_interval("search_rank1", hits.mean(), band)
    for name, rate in OPERATING_FPRS.items():
        try:
            found, threshold = identification.detection_rate(own, other, rate)
        except ValueError as error:
            log.info("open set, 1:N search: %s", error)
            continue
        hits = identification.rank1_hits(own, other, threshold).numpy()
        band = bootstrap_interval(
            hits, query_people.numpy()[searched], params.bootstrap, params.seed
        )
        values |= with_interval(f"search_found_at_false_alarms_{name}", found, band)
    return values


def _curve(fpr: Tensor, tpr: Tensor, false_pairs: int, resampled: PairBootstrap) -> pd.DataFrame:
    """Returns at most ROC_POINTS of the ROC, evenly in the logarithm of the false-positive rate, with a 95 % band."""
    accepted = np.unique(np.geomspace(1, false_pairs, ROC_POINTS).astype(int))
    reached = np.searchsorted((fpr * false_pairs).round().numpy(), accepted, side="right") - 1
    rates = accepted / false_pairs
    band = np.nanquantile(
        resampled.tpr_at_fprs(rates), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0
    )
    return pd.DataFrame(dict(zip(CURVE, (rates, tpr.numpy()[reached], *band), strict=True))).round(
        6
    )


def _calibration(counts: np.ndarray) -> tuple[dict[str, float], pd.DataFrame]:
    """Returns the calibration by all pairs, its error on people whom it was not fitted to, and RELIABILITY on those.

    Args:
        counts: as in `_Pairs`; a cosine counts as its bin's middle.
    """
    cosines = np.tile(bin_middles(BINS), 2)
    same = np.arange(2).repeat(BINS) == 1
    half, other, whole = counts[0].ravel(), counts[1].ravel(), counts.sum(axis=0).ravel()
    try:
        by_all, by_half = (
            fit_calibration(cosines, same, whole),
            fit_calibration(cosines, same, half),
        )
        table = reliability(by_half.probability(cosines), same, other)
    except ValueError as error:
        log.info("open set: %s", error)
        return {}, pd.DataFrame(columns=RELIABILITY)
    values = {"calibration_slope": by_all.slope, "calibration_intercept": by_all.intercept}
    values["calibration_error"] = calibration_error(table)
    return {name: rounded(value) for name, value in values.items()}, table.round(6)


def _histogram(counts: np.ndarray) -> pd.DataFrame:
    """Returns which share of the pairs of each kind has which cosine, HISTOGRAM, of counts (2, BINS) as in `_Pairs`."""
    parts = []
    for pairs, of_kind in (("same person", counts[1]), ("different people", counts[0])):
        shown = of_kind[::-1].reshape(SHOWN_BINS, -1).sum(axis=1) / of_kind.sum()
        parts.append(
            pd.DataFrame({"pairs": pairs, "cosine": bin_middles(SHOWN_BINS)[::-1], "share": shown})
        )
    return pd.concat(parts, ignore_index=True).round(6)
