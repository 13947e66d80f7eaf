"""The numbers that describe one recogniser on people whom it knows, and the mean of several seeds' numbers."""

import logging

import numpy as np
import pandas as pd
from torch import Tensor

from facerec.metrics.bootstrap import (
    BootstrapParams,
    bootstrap_interval,
    macro_interval,
    macro_mean,
)
from facerec.recognition import scoring

log = logging.getLogger(__name__)

CONFUSED_PEOPLE = 20


def closed_set_metrics(
    split: str,
    scores: Tensor,
    prototype_cosines: Tensor,
    labels: Tensor,
    usable: np.ndarray,
    params: BootstrapParams,
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
    top1 = scoring.top_k_hits(scores, labels, 1).numpy() & usable
    hits = {
        "top1": top1,
        "top5": scoring.top_k_hits(scores, labels, 5).numpy() & usable,
        "top1_prototypes": scoring.top_k_hits(prototype_cosines, labels, 1).numpy() & usable,
    }
    values: dict[str, float] = {}
    for name, hit in hits.items():
        values |= with_interval(
            f"{split}_{name}", hit.mean(), bootstrap_interval(hit, people, *settings)
        )
    return values | with_interval(
        f"{split}_macro_top1", macro_mean(top1, people), macro_interval(top1, people, *settings)
    )


def mean_and_sd(values: list[dict[str, float]]) -> dict[str, float]:
    """Returns the mean of each number over the seeds, and, of several seeds, its standard deviation as `<name>_sd`.

    The ends of an interval are means too: they say what another sample of people would have given, the standard
    deviation what another seed would have.
    """
    result = {}
    for name in values[0]:
        numbers = np.array([of[name] for of in values if name in of])
        result[name] = rounded(numbers.mean())
        if len(numbers) > 1 and not name.endswith(("_low", "_high")):
            result[f"{name}_sd"] = rounded(numbers.std(ddof=1))
    return result | {"seeds": len(values)}


def mean_curve(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Returns the mean of several seeds' tables that differ in nothing but their numbers."""
    texts = curves[0].select_dtypes(exclude="number")
    numbers = sum(curve.select_dtypes("number").to_numpy(float) for curve in curves) / len(curves)
    mean = pd.DataFrame(numbers, columns=curves[0].select_dtypes("number").columns).round(6)
    return pd.concat([texts, mean], axis=1)[list(curves[0])]


def confusion(
    actual: np.ndarray, predicted: np.ndarray, people: int = CONFUSED_PEOPLE
) -> pd.DataFrame:
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


def with_interval(name: str, value: float, band: tuple[float, float]) -> dict[str, float]:
    """Returns a metric with the ends of its interval, `<name>_low` and `<name>_high`."""
    return {name: rounded(value), f"{name}_low": rounded(band[0]), f"{name}_high": rounded(band[1])}


def rounded(value: float) -> float:
    """Returns a metric with as many digits as files hold."""
    return round(float(value), 6)
