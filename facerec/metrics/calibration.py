"""From a cosine to the probability that two photographs show one person, and how far that can be trusted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Platt's logistic (Platt 1999), for a pair that is as likely to show one person as two.

    Attributes:
        slope: a, of the cosine c, in 1 / (1 + exp(−a c − b)).
        intercept: b. For another prior p add log(p / (1 − p)).
    """

    slope: float
    intercept: float

    def probability(self, cosines: np.ndarray) -> np.ndarray:
        """Returns the probability (P,) that each pair shows one person."""
        return 0.5 * (
            1 + np.tanh(0.5 * (self.slope * cosines + self.intercept))
        )  # 1 / (1 + exp(−x)), never overflows


def fit_calibration(cosines: np.ndarray, same: np.ndarray, counts: np.ndarray) -> Calibration:
    """Returns the logistic fitted by maximum likelihood, both kinds of pairs weighing the same.

    Args:
        cosines: (P,) of pairs.
        same: (P,) whether they show one person.
        counts: (P,) how many pairs each stands for.

    Raises:
        ValueError: one of the kinds is absent.
    """
    from sklearn.linear_model import LogisticRegression  # seconds to import

    weight = _balanced(same, counts) * counts.sum()
    used = weight > 0
    model = LogisticRegression(C=np.inf).fit(cosines[used, None], same[used], weight[used])
    return Calibration(float(model.coef_[0, 0]), float(model.intercept_[0]))


def reliability(
    probability: np.ndarray, same: np.ndarray, counts: np.ndarray, bins: int = BINS
) -> pd.DataFrame:
    """Returns, for each bin that has pairs, the mean `predicted` and the `observed` share of same-person pairs.

    Pairs are weighted so that both kinds weigh the same, as `fit_calibration` has it; `weight` sums to 1.

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
    """Returns weights (P,) by which both kinds of pairs weigh one half."""
    one, two = counts[same].sum(), counts[~same].sum()
    if not one or not two:
        raise ValueError(
            f"a calibration needs same- and different-person pairs, got {one} of {one + two} same"
        )
    return counts * np.where(same, 0.5 / one, 0.5 / two)


def calibration_error(table: pd.DataFrame) -> float:
    """Returns the expected calibration error, in [0, 1] (Naeini et al. 2015): the bins' mean |predicted − observed|."""
    return float((table.weight * (table.predicted - table.observed).abs()).sum())
