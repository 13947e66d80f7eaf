"""False-match and false-non-match rate at every threshold."""

import numpy as np
import pandas as pd

from facerec.metrics.bootstrap import PairBootstrap

STEPS = 256  # between the thresholds 1 and -1
COLUMNS = ["threshold", "fmr", "fmr_low", "fmr_high", "fnmr", "fnmr_low", "fnmr_high"]


def error_rates(different: np.ndarray, same: np.ndarray, resampled: PairBootstrap) -> pd.DataFrame:
    """Returns FMR(T) and FNMR(T) with their 95 % bands, COLUMNS, by rising threshold T in [-1, 1].

    FMR(T) is the share of different-person pairs whose cosine is above T, FNMR(T) the share of
    same-person pairs whose cosine is not (ISO/IEC 19795-1).

    Args:
        different: (B,) different-person pairs in each bin of `bins_of`; B is divisible by STEPS.
        same: (B,) same-person pairs.
        resampled: the same pairs, in as many bins.
    """
    columns = {"threshold": np.linspace(1, -1, STEPS + 1)}
    matches = _shares_above(different[None])[0]
    low, high = resampled.different_interval(matches, _shares_above(resampled.different))
    columns |= {"fmr": matches, "fmr_low": low, "fmr_high": high}
    hits = _shares_above(same[None])[0]
    low, high = resampled.same_interval(hits, _shares_above(resampled.same))
    columns |= {"fnmr": 1 - hits, "fnmr_low": 1 - high, "fnmr_high": 1 - low}
    frame = pd.DataFrame(columns)
    return frame[COLUMNS][::-1].round(6).reset_index(drop=True)


def _shares_above(counts: np.ndarray) -> np.ndarray:
    """Returns the shares (R, STEPS + 1) above each threshold from 1 down to -1.

    Args:
        counts: (R, B) in bins from the highest cosine down.
    """
    in_step = counts.reshape(len(counts), STEPS, -1).sum(axis=2, dtype=np.float64)
    above = np.concatenate([np.zeros((len(counts), 1)), in_step.cumsum(axis=1)], axis=1)
    with np.errstate(invalid="ignore"):  # a resample without such pairs
        return above / above[:, -1:]
