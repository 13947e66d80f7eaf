"""Error-versus-discard curves: does a measure of quality predict which photographs fail?"""

import numpy as np
import pandas as pd

COLUMNS = ["discarded", "error", "photographs"]
STEPS = 20  # of equal shares of the photographs


def error_versus_discard(
    errors: np.ndarray, photographs: np.ndarray, quality: np.ndarray
) -> pd.DataFrame:
    """Returns the error that remains once the worst photographs are discarded, COLUMNS.

    A comparison remains while all its photographs do, so it is as good as the worse of them
    (Grother, Tabassi 2007, "Performance of biometric quality measures"; ISO/IEC 29794-1). A
    measure that predicts errors gives a falling curve; one that says nothing, a level one. The
    error is NaN where no comparison remains.

    Args:
        errors: (M,) of the comparisons, 1 for an error and 0 for none.
        photographs: (M, K) rows of `quality`: the photographs of each comparison.
        quality: (N,) higher is better. Photographs whose quality is NaN are discarded first; of
            equal ones, the first rows are.
    """
    place = np.empty(len(quality), int)
    place[np.argsort(np.nan_to_num(quality, nan=-np.inf), kind="stable")] = np.arange(len(quality))
    worst_place = place[photographs].min(axis=1)
    rows = []
    for discarded in np.unique(np.arange(STEPS) * len(quality) // STEPS):
        remains = worst_place >= discarded
        error = errors[remains].mean() if remains.any() else np.nan
        rows.append([discarded / len(quality), error, len(quality) - discarded])
    return pd.DataFrame(rows, columns=COLUMNS)
