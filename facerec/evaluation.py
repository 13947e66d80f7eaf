"""The numbers that describe one recogniser, as flat metrics and as plots' tables."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec import recognition_metrics as metrics
from facerec.bootstrap import (
    COVERAGE,
    BootstrapParams,
    PairBootstrap,
    bootstrap_interval,
    interval,
    macro_interval,
    macro_mean,
)
from facerec.calibration import calibration_error, fit_calibration, reliability
from facerec.operating_points import RATES

log = logging.getLogger(__name__)

ROC_POINTS = 200
CONFUSED_PEOPLE = 20
HISTOGRAM_BINS = 100
CURVE = ["fpr", "tpr", "low", "high"]
HISTOGRAM = ["pairs", "cosine", "share"]
RELIABILITY = ["predicted", "observed", "weight", "pairs"]


def closed_set_metrics(
    split: str, scores: Tensor, prototype_cosines: Tensor, labels: Tensor, usable: np.ndarray, params: BootstrapParams
) -> dict[str, float]:
    """Returns top-1, top-5, macro top-1 and top-1 by prototypes, each with its interval; nothing without photographs.

    Args:
        split: prefix of the names.
        scores: (N, K) without margin.
        prototype_cosines: (N, K) to each person's mean training embedding.
        labels: (N,) 0 … K-1.
        usable: (N,) whether the face could be aligned; what could not counts as wrong.
        params: of the intervals.
    """
    if not len(labels):
        log.info("%s: no photographs, so no accuracy", split)
        return {}
    people, settings = labels.numpy(), (params.bootstrap, params.seed)
    top1 = metrics.hits_at(scores, labels, 1).numpy() & usable
    hits = {
        "top1": top1,
        "top5": metrics.hits_at(scores, labels, 5).numpy() & usable,
        "top1_prototypes": metrics.hits_at(prototype_cosines, labels, 1).numpy() & usable,
    }
    values: dict[str, float] = {}
    for name, hit in hits.items():
        values |= _with_interval(f"{split}_{name}", hit.mean(), bootstrap_interval(hit, people, *settings))
    return values | _with_interval(
        f"{split}_macro_top1", macro_mean(top1, people), macro_interval(top1, people, *settings)
    )


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


def open_set_metrics(embeddings: Tensor, people: np.ndarray, is_query: np.ndarray, params: BootstrapParams) -> OpenSet:
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
    codes = np.unique(people, return_inverse=True)[1].astype(np.int32)
    if np.bincount(codes, minlength=1).max() < 2 or len(set(codes)) < 2:
        log.info("open set: %d photographs of %d people, too few for pairs", len(people), len(set(codes)))
        return OpenSet({}, *(pd.DataFrame(columns=columns) for columns in (CURVE, HISTOGRAM, RELIABILITY)))
    cosines, *photographs = metrics.pair_cosines(embeddings)
    first, second = (of_pairs.numpy() for of_pairs in photographs)
    same = torch.from_numpy(codes[first] == codes[second])

    def resample(pairs: np.ndarray) -> PairBootstrap:
        chosen = cosines.numpy()[pairs], codes[first[pairs]], codes[second[pairs]]
        return PairBootstrap(*chosen, params.bootstrap, params.seed)

    everything = resample(np.ones(len(cosines), dtype=bool))
    values = _verification(cosines, same, everything)
    curve = _curve(cosines.numpy(), same.numpy(), everything)
    if is_query.any():
        chosen = torch.tensor(is_query)
        query, others = embeddings[chosen], embeddings[~chosen]
        query_people = torch.from_numpy(codes[is_query].astype(np.int64))
        by_query = resample(is_query[first] | is_query[second])
        values |= _identification(query, query_people, others, by_query)
        values |= _search(query, query_people, others, params)
    calibrated, table = _calibration(cosines.numpy(), codes[first], codes[second])
    return OpenSet(values | calibrated, curve, _histogram(cosines.numpy(), same.numpy()), table)


def _verification(cosines: Tensor, same: Tensor, resampled: PairBootstrap) -> dict[str, float]:
    values = _with_interval("openset_auc", metrics.auc(cosines, same), interval(resampled.auc()))
    values |= _with_interval("openset_eer", metrics.eer(cosines, same), interval(resampled.eer()))
    for name, rate in RATES.items():
        try:
            tpr = metrics.tpr_at_fpr(cosines, same, rate)
        except ValueError as error:
            log.info("open set, verification: %s", error)
            continue
        band = interval(resampled.tpr_at_fprs(np.array([rate]))[:, 0])
        values |= _with_interval(f"openset_tpr_at_fpr_{name}", tpr, band)
        values[f"openset_threshold_at_fpr_{name}"] = _rounded(metrics.threshold_at_fpr(cosines, same, rate))
    return values


def _calibration(cosines: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[dict[str, float], pd.DataFrame]:
    """Returns the calibration by all pairs, its error on people whom it was not fitted to, and RELIABILITY on those."""
    same = first == second
    half, other = ((first % 2 == rest) & (second % 2 == rest) for rest in (0, 1))
    try:
        whole = fit_calibration(cosines, same)
        tried = fit_calibration(cosines[half], same[half])
        table = reliability(tried.probability(cosines[other]), same[other])
    except ValueError as error:
        log.info("open set: %s", error)
        return {}, pd.DataFrame(columns=RELIABILITY)
    values = {"calibration_slope": whole.slope, "calibration_intercept": whole.intercept}
    values["calibration_error"] = calibration_error(table)
    return {name: _rounded(value) for name, value in values.items()}, table.round(6)


def _histogram(cosines: np.ndarray, same: np.ndarray) -> pd.DataFrame:
    """Returns which share of the pairs of each kind has which cosine, HISTOGRAM."""
    edges = np.linspace(-1, 1, HISTOGRAM_BINS + 1)
    parts = []
    for pairs, chosen in {"same person": same, "different people": ~same}.items():
        counts, _ = np.histogram(cosines[chosen].clip(-1, 1), edges)
        parts.append(
            pd.DataFrame({"pairs": pairs, "cosine": (edges[:-1] + edges[1:]) / 2, "share": counts / chosen.sum()})
        )
    return pd.concat(parts, ignore_index=True).round(6)


def mean_and_sd(values: list[dict[str, float]]) -> dict[str, float]:
    """Returns the mean of each number over the seeds, and, of several seeds, its standard deviation as `<name>_sd`.

    The ends of an interval are means too: they say what another sample of people would have given, the standard
    deviation what another seed would have.
    """
    result = {}
    for name in values[0]:
        numbers = np.array([of[name] for of in values if name in of])
        result[name] = _rounded(numbers.mean())
        if len(numbers) > 1 and not name.endswith(("_low", "_high")):
            result[f"{name}_sd"] = _rounded(numbers.std(ddof=1))
    return result | {"seeds": len(values)}


def mean_curve(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Returns the mean of several seeds' tables that differ in nothing but their numbers."""
    texts = curves[0].select_dtypes(exclude="number")
    numbers = sum(curve.select_dtypes("number").to_numpy(float) for curve in curves) / len(curves)
    mean = pd.DataFrame(numbers, columns=curves[0].select_dtypes("number").columns).round(6)
    return pd.concat([texts, mean], axis=1)[list(curves[0])]


def _identification(
    query: Tensor, query_people: Tensor, distractors: Tensor, resampled: PairBootstrap
) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, rate in RATES.items():
        try:
            tpr, threshold = metrics.identification_rate(query, query_people, distractors, rate)
        except ValueError as error:
            log.info("open set, identification rate: %s", error)
            continue
        band = interval(resampled.tpr_at_fprs(np.array([rate]))[:, 0])
        values |= _with_interval(f"identification_rate_at_fpr_{name}", tpr, band)
        values[f"identification_threshold_at_fpr_{name}"] = _rounded(threshold)
    return values


def _search(query: Tensor, query_people: Tensor, distractors: Tensor, params: BootstrapParams) -> dict[str, float]:
    """Returns rank-1 and how many are found at each false-alarm rate; the intervals resample people, not thresholds."""
    own, other = metrics.search_cosines(query, query_people, distractors)
    searched = (own > -torch.inf).numpy()
    if not searched.any():
        log.info("open set, 1:N search: no query person has two photographs")
        return {}
    hits = metrics.rank1_hits(own, other).numpy()
    band = bootstrap_interval(hits, query_people.numpy()[searched], params.bootstrap, params.seed)
    values = _with_interval("search_rank1", hits.mean(), band)
    for name, rate in RATES.items():
        try:
            found, threshold = metrics.detection_rate(own, other, rate)
        except ValueError as error:
            log.info("open set, 1:N search: %s", error)
            continue
        hits = metrics.rank1_hits(own, other, threshold).numpy()
        band = bootstrap_interval(hits, query_people.numpy()[searched], params.bootstrap, params.seed)
        values |= _with_interval(f"search_found_at_false_alarms_{name}", found, band)
    return values


def _curve(cosines: np.ndarray, same: np.ndarray, resampled: PairBootstrap) -> pd.DataFrame:
    """Returns at most ROC_POINTS of the ROC, evenly in the logarithm of the false-positive rate, with a 95 % band."""
    false = np.sort(cosines[~same])[::-1]
    true = np.sort(cosines[same])
    accepted = np.unique(np.geomspace(1, len(false), ROC_POINTS).astype(int))
    thresholds = np.append(false, -np.inf)[accepted]
    tpr = 1 - np.searchsorted(true, thresholds, side="right") / len(true)
    fpr = accepted / len(false)
    band = np.nanquantile(resampled.tpr_at_fprs(fpr), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0)
    return pd.DataFrame(dict(zip(CURVE, (fpr, tpr, *band), strict=True))).round(6)


def confusion(actual: np.ndarray, predicted: np.ndarray, people: int = CONFUSED_PEOPLE) -> pd.DataFrame:
    """Returns one row a photograph, `actual` and `predicted`, of the people most often taken for one another.

    A matrix of hundreds of people cannot be read. The pairs of people are gone through from the most often confused
    down until `people` of them are together; whom else they were taken for is `other`.

    Args:
        actual: (N,) person ids.
        predicted: (N,) person ids.
        people: at most so many.
    """
    wrong = actual != predicted
    pairs = np.sort(np.stack([actual[wrong], predicted[wrong]], axis=1), axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    chosen = list(dict.fromkeys(found[order].ravel().tolist()))[:people]
    kept = np.isin(actual, chosen)
    names = np.where(np.isin(predicted, chosen), predicted.astype(str), "other")
    return pd.DataFrame({"actual": actual[kept].astype(str), "predicted": names[kept]}).sort_values(
        ["actual", "predicted"], ignore_index=True
    )


def _with_interval(name: str, value: float, band: tuple[float, float]) -> dict[str, float]:
    return {name: _rounded(value), f"{name}_low": _rounded(band[0]), f"{name}_high": _rounded(band[1])}


def _rounded(value: float) -> float:
    return round(float(value), 6)
