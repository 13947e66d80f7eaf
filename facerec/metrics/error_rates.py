"""False-match and false-non-match rate at every threshold."""

import numpy as np
import pandas as pd

from facerec.metrics.bootstrap import COVERAGE, PairBootstrap

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
    columns |= _with_band("fmr", _shares_above(different[None])[0], resampled.different)
    columns |= _with_band("fnmr", _shares_above(same[None])[0], resampled.same)
    frame = pd.DataFrame(columns)
    misses = ["fnmr", "fnmr_low", "fnmr_high"]
    frame[misses] = 1 - frame[["fnmr", "fnmr_high", "fnmr_low"]].to_numpy()
    return frame[COLUMNS][::-1].round(6).reset_index(drop=True)


def _with_band(name: str, shares: np.ndarray, resampled: np.ndarray) -> dict[str, np.ndarray]:
    """Returns shares (T,) and the ends of their band, by name."""
    quantiles = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.nanquantile(_shares_above(resampled), quantiles, axis=0)
    return {name: shares, f"{name}_low": low, f"{name}_high": high}


def _shares_above(counts: np.ndarray) -> np.ndarray:
    """Returns the shares (R, STEPS + 1) above each threshold from 1 down to -1.

    Args:
        counts: (R, B) in bins from the highest cosine down.
    """
    in_step = counts.reshape(len(counts), STEPS, -1).sum(axis=2, dtype=np.float64)
    above = np.concatenate([np.zeros((len(counts), 1)), in_step.cumsum(axis=1)], axis=1)
    with np.errstate(invalid="ignore"):  # a resample without such pairs
        return above / above[:, -1:]
