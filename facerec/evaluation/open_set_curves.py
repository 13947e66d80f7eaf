"""An open set's pairs as curves: ROC and the distribution of the cosines."""

import numpy as np
import pandas as pd
from torch import Tensor

from facerec.metrics.bootstrap import PairBootstrap, bin_middles

ROC_POINTS = 200
SHOWN_BINS = 128  # of the histogram
CURVE = ["fpr", "tpr", "low", "high"]
HISTOGRAM = ["pairs", "cosine", "share"]


def roc_curve(fpr: Tensor, tpr: Tensor, false_pairs: int, resampled: PairBootstrap) -> pd.DataFrame:
    """Returns at most ROC_POINTS points of the ROC with a 95 % band, CURVE.

    They are evenly spaced in the logarithm of the false-positive rate.
    """
    accepted = np.unique(np.geomspace(1, false_pairs, ROC_POINTS).astype(int))
    reached = np.searchsorted((fpr * false_pairs).round().numpy(), accepted, side="right") - 1
    rates = accepted / false_pairs
    shares = tpr.numpy()[reached]
    low, high = resampled.same_interval(shares, resampled.tpr_at_fprs(rates))
    columns = {"fpr": rates, "tpr": shares, "low": low, "high": high}
    return pd.DataFrame(columns)[CURVE].round(6)


def histogram(different: np.ndarray, same: np.ndarray) -> pd.DataFrame:
    """Returns the share of same- and of different-person pairs with each cosine, HISTOGRAM.

    Args:
        different: (B,) different-person pairs in each bin of `bins_of`.
        same: (B,) same-person pairs.
    """
    cosines = bin_middles(SHOWN_BINS)[::-1]
    parts = []
    for pairs, bins in (("same person", same), ("different people", different)):
        shares = bins[::-1].reshape(SHOWN_BINS, -1).sum(axis=1) / bins.sum()
        parts.append(pd.DataFrame({"pairs": pairs, "cosine": cosines, "share": shares}))
    return pd.concat(parts, ignore_index=True).round(6)
