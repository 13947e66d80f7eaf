"""A recogniser's accuracy on people it was trained on, and the mean over several seeds."""

import logging

import numpy as np
import pandas as pd
from torch import Tensor

from facerec.metrics.intervals import macro_interval, macro_mean, share_interval
from facerec.recognition.scoring import top_k_hits

log = logging.getLogger(__name__)

CONFUSED_PEOPLE = 20


def closed_set_metrics(
    split: str,
    scores: Tensor,
    prototype_cosines: Tensor,
    labels: Tensor,
    usable: np.ndarray,
) -> dict[str, float]:
    """Returns top-1, top-5, macro top-1 and top-1 by prototypes, each with its interval.

    Without photographs nothing is returned.

    Args:
        split: prefix of the names.
        scores: (N, K) without margin.
        prototype_cosines: (N, K) to each person's mean training embedding.
        labels: (N,) 0 … K-1.
        usable: (N,) whether the face could be aligned; one that could not counts as wrong.
    """
    if not len(labels):
        log.info("%s: no photographs, so no accuracy", split)
        return {}
    people = labels.numpy()
    hits = {
        "top1": top_k_hits(scores, labels, 1).numpy() & usable,
        "top5": top_k_hits(scores, labels, 5).numpy() & usable,
        "top1_prototypes": top_k_hits(prototype_cosines, labels, 1).numpy() & usable,
    }
    values: dict[str, float] = {}
    for name, is_hit in hits.items():
        interval = share_interval(is_hit, people)
        values |= with_interval(f"{split}_{name}", is_hit.mean(), interval)
    macro = macro_mean(hits["top1"], people)
    interval = macro_interval(hits["top1"], people)
    return values | with_interval(f"{split}_macro_top1", macro, interval)


def mean_and_sd(values: list[dict[str, float]]) -> dict[str, float]:
    """Returns the mean of each metric over the seeds, and its standard deviation as `<name>_sd`.

    One seed has no standard deviation. The ends of an interval are means too: they say what another
    sample of people would have given, the standard deviation what another seed would have.

    Args:
        values: the metrics of each seed.
    """
    result = {}
    for name in values[0]:
        numbers = np.array([metrics[name] for metrics in values if name in metrics])
        result[name] = rounded(numbers.mean())
        if len(numbers) > 1 and not name.endswith(("_low", "_high")):
            result[f"{name}_sd"] = rounded(numbers.std(ddof=1))
    return result | {"seeds": len(values)}


def mean_curve(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Returns the mean of several seeds' tables, which differ in nothing but their floats."""
    floats = curves[0].select_dtypes("float").columns
    numbers = sum(curve[floats].to_numpy() for curve in curves) / len(curves)
    return curves[0].assign(**pd.DataFrame(numbers, columns=floats).round(6))


def confusion_rows(
    actual: np.ndarray, predicted: np.ndarray, max_people: int = CONFUSED_PEOPLE
) -> pd.DataFrame:
    """Returns `actual` and `predicted` of the photographs of the people most often confused.

    A matrix of hundreds of people cannot be read. People are taken pair by pair, from the most
    often confused pair down, until there are `max_people`. Everybody else is `other`.

    Args:
        actual: (N,) people's names.
        predicted: (N,) people's names.
        max_people: the largest number of people.
    """
    is_wrong = actual != predicted
    mistakes = np.sort(np.stack([actual[is_wrong], predicted[is_wrong]], axis=1), axis=1)
    pairs, counts = np.unique(mistakes, axis=0, return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    people = list(dict.fromkeys(pairs[by_count].ravel().tolist()))[:max_people]
    is_shown = np.isin(actual, people)
    names = np.where(np.isin(predicted, people), predicted, "other")
    rows = pd.DataFrame({"actual": actual[is_shown], "predicted": names[is_shown]})
    return rows.sort_values(["actual", "predicted"], ignore_index=True)


def with_interval(name: str, value: float, interval: tuple[float, float]) -> dict[str, float]:
    """Returns a metric with the ends of its interval, `<name>_low` and `<name>_high`."""
    low, high = interval
    return {name: rounded(value), f"{name}_low": rounded(low), f"{name}_high": rounded(high)}


def rounded(value: float) -> float:
    """Returns a metric rounded to the digits that files hold."""
    return round(float(value), 6)
