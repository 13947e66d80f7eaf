"""From a cosine to the probability that two photographs show one person, and its error."""

import numpy as np
import pandas as pd

from facerec.metrics.logistic import Calibration

BINS = 10


def fit_calibration(cosines: np.ndarray, same: np.ndarray, counts: np.ndarray) -> Calibration:
    """Returns the logistic fitted by maximum likelihood; both kinds of pairs weigh the same.

    Args:
        cosines: (P,) of pairs.
        same: (P,) whether they show one person.
        counts: (P,) how many pairs each stands for.

    Raises:
        ValueError: one of the kinds is absent.
    """
    from sklearn.linear_model import LogisticRegression  # takes seconds to import

    weight = _balanced(same, counts) * counts.sum()
    used = weight > 0
    model = LogisticRegression(C=np.inf).fit(cosines[used, None], same[used], weight[used])
    return Calibration(float(model.coef_[0, 0]), float(model.intercept_[0]))


def reliability(
    probability: np.ndarray, same: np.ndarray, counts: np.ndarray, bins: int = BINS
) -> pd.DataFrame:
    """Returns the `predicted` probability and the `observed` share of same-person pairs by bin.

    Both kinds of pairs weigh the same; `weight` sums to 1. Bins without pairs are left out.

    Args:
        probability: (P,) in [0, 1].
        same: (P,) bool.
        counts: (P,) how many pairs each stands for.
        bins: of equal width.

    Raises:
        ValueError: one of the kinds is absent.
    """
    weight = _balanced(same, counts)
    index = np.minimum((probability * bins).astype(int), bins - 1)
    total, predicted, observed = (
        np.bincount(index, weight * values, minlength=bins) for values in (1.0, probability, same)
    )
    used = total > 0
    columns = {"predicted": predicted[used] / total[used], "observed": observed[used] / total[used]}
    pairs = np.bincount(index, counts, minlength=bins)[used].astype(int)
    return pd.DataFrame({**columns, "weight": total[used], "pairs": pairs})


def _balanced(same: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns weights (P,) by which each kind of pairs weighs one half."""
    num_same = counts[same].sum()
    num_different = counts[~same].sum()
    if not num_same or not num_different:
        raise ValueError(
            f"a calibration needs same- and different-person pairs, got {num_same} of "
            f"{num_same + num_different} same"
        )
    return counts * np.where(same, 0.5 / num_same, 0.5 / num_different)


def calibration_error(table: pd.DataFrame) -> float:
    """Returns the expected calibration error in [0, 1] (Naeini et al. 2015).

    Args:
        table: from `reliability`.
    """
    return float((table.weight * (table.predicted - table.observed).abs()).sum())
