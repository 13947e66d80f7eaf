"""An open set's calibration: from a cosine to the probability of one person."""

import logging

import numpy as np
import pandas as pd

from facerec.evaluation.closed_set import rounded
from facerec.metrics.bootstrap import bin_middles
from facerec.metrics.calibration import calibration_error, fit_calibration, reliability

log = logging.getLogger(__name__)

RELIABILITY = ["predicted", "observed", "weight", "pairs"]


def calibrate(counts: np.ndarray) -> tuple[dict[str, float], pd.DataFrame]:
    """Returns the calibration by all pairs with its error, and the table RELIABILITY.

    The error is that of a calibration by half of the people on the other half.

    Args:
        counts: (3, 2, B) pairs in each bin of `bins_of`; a cosine counts as its bin's middle. First
            axis: both people are of the one half, both of the other, the rest. Second axis:
            different people, one person.
    """
    cosines = np.tile(bin_middles(counts.shape[2]), 2)
    same = np.arange(2).repeat(counts.shape[2]) == 1
    half, other_half = counts[0].ravel(), counts[1].ravel()
    try:
        by_all = fit_calibration(cosines, same, counts.sum(axis=0).ravel())
        by_half = fit_calibration(cosines, same, half)
        table = reliability(by_half.probability(cosines), same, other_half)
    except ValueError as error:
        log.info("open set: %s", error)
        return {}, pd.DataFrame(columns=RELIABILITY)
    values = {
        "calibration_slope": by_all.slope,
        "calibration_intercept": by_all.intercept,
        "calibration_error": calibration_error(table),
    }
    return {name: rounded(value) for name, value in values.items()}, table.round(6)
