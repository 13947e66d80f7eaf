"""Error-versus-discard curves of the exams: which measure of quality predicts failures."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from facerec.evaluation.open_set import OPEN_SET
from facerec.evaluation.quality import QUALITY, goodness, with_norms
from facerec.evaluation.recognizer_results import CLOSED_SETS, RecognizerResult
from facerec.metrics import discard

COLUMNS = ["exam", "measure", *discard.COLUMNS]


def discard_curves(result: RecognizerResult, quality: pd.DataFrame) -> pd.DataFrame:
    """Returns the error that remains once the photographs worst by a measure are discarded.

    The error is 1 − top-1 on val and wild, and the FNMR at the threshold of the decisions on the
    open set; NaN where nothing remains. A measure that no photograph of an exam has is left out.
    COLUMNS.

    Args:
        result: of one seed.
        quality: from `quality_table`, of val, wild and the open set.
    """
    measured = with_norms(quality, result)
    curves = []
    for exam, image_ids, errors, members in _comparisons(result):
        for measure in QUALITY:
            good = goodness(measure, measured.loc[image_ids, measure].to_numpy(float))
            if len(errors) and np.isfinite(good).any():
                curve = discard.error_versus_discard(errors, members, good)
                curves.append(curve.assign(exam=exam, measure=measure))
    if not curves:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(curves, ignore_index=True)[COLUMNS].round(6)


def _comparisons(
    result: RecognizerResult,
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yields exam, image_ids (N,), errors (M,) and rows of the photographs compared (M, 1 or 2)."""
    for split in CLOSED_SETS:
        rows = result.report[result.report.split == split]
        errors = 1 - rows.is_recognized.to_numpy()
        yield split, rows.image_id.to_numpy(), errors, np.arange(len(rows))[:, None]
    if result.decisions is not None:
        yield OPEN_SET, result.stranger_ids, result.decisions.is_missed, result.decisions.genuine
