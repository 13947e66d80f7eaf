"""FMR and FNMR by group of photographs, at one threshold for all: whom it fails on.

Two definitions, both after NIST's FRTE reports on demographics (Grother et al., NISTIR 8280):

- FNMR of a group: same-person comparisons whose probe is in the group. Of two photographs of the
  open set, either is a probe once.
- FMR of a group: different-person comparisons with both sides in the group.

Attributes, eye distance and yaw are groups of the open set's photographs. The number of training
photographs is one of known people: a photograph of val or wild is compared with each person's mean
training embedding.
"""

import numpy as np
import pandas as pd

from facerec.evaluation.decisions import Decisions
from facerec.evaluation.params import EvaluateParams
from facerec.evaluation.recognizer_results import RecognizerResult
from facerec.evaluation.slices import TRAINING_PHOTOGRAPHS, groupings
from facerec.metrics.intervals import share_interval
from facerec.metrics.pair_rates import pair_rate

RATES = ["fnmr", "fnmr_low", "fnmr_high", "fmr", "fmr_low", "fmr_high"]
COLUMNS = ["slice", "group", "photographs", "people", *RATES, "threshold"]
NOT_MEASURED = (np.nan, np.nan, np.nan)


def error_slices(
    result: RecognizerResult,
    strangers: pd.DataFrame,
    train_counts: pd.Series,
    params: EvaluateParams,
) -> pd.DataFrame:
    """Returns FMR and FNMR of every group of every slice with 95 % intervals, COLUMNS.

    NaN where a group has no such comparison. No rows if the open set has too few pairs for the
    threshold.

    Args:
        result: of one seed.
        strangers: an OPENSET table with the points that the hourglass found.
        train_counts: training photographs by label.
        params: of the intervals.
    """
    if result.decisions is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = _of_strangers(result.decisions, strangers, params)
    rows += _of_known_people(result, result.decisions.threshold, train_counts, params)
    table = pd.DataFrame(rows, columns=COLUMNS[:-1]).round(6)
    return table.assign(threshold=result.decisions.threshold)


def _of_strangers(
    decisions: Decisions, strangers: pd.DataFrame, params: EvaluateParams
) -> list[list[object]]:
    person_ids, people = np.unique(strangers.person_id, return_inverse=True)
    probes = decisions.genuine.T.ravel()
    misses = np.tile(decisions.is_missed, 2)
    rows = []
    for name, groups in groupings(strangers).items():
        for group in pd.unique(groups):
            is_member = groups == group
            counts = np.bincount(people[is_member], minlength=len(person_ids))
            is_probe = is_member[probes]
            fnmr = _rate(misses[is_probe], people[probes[is_probe]])
            pairs = people[decisions.false_matches[is_member[decisions.false_matches].all(axis=1)]]
            matches = _matrix(pairs, len(person_ids))
            fmr = pair_rate(matches + matches.T, counts, counts, *_resampling(params))
            rows.append([name, group, is_member.sum(), (counts > 0).sum(), *fnmr, *fmr])
    return rows


def _of_known_people(
    result: RecognizerResult, threshold: float, train_counts: pd.Series, params: EvaluateParams
) -> list[list[object]]:
    labels = result.report.label.to_numpy()
    is_match = (result.prototype_cosines() > threshold).numpy()
    num_people = is_match.shape[1]
    matches = np.zeros((num_people, num_people), int)
    np.add.at(matches, labels, is_match)
    is_missed = ~is_match[np.arange(len(labels)), labels]
    seen = train_counts.reindex(range(num_people)).to_numpy()
    rows = []
    for count in pd.unique(seen[labels]):
        of_group = seen == count
        is_member = of_group[labels]
        probes = np.bincount(labels[is_member], minlength=num_people)
        fnmr = _rate(is_missed[is_member], labels[is_member])
        fmr = pair_rate(matches, probes, of_group, *_resampling(params))
        people = (probes > 0).sum()
        rows.append([TRAINING_PHOTOGRAPHS, count, is_member.sum(), people, *fnmr, *fmr])
    return rows


def _rate(is_error: np.ndarray, people: np.ndarray) -> tuple[float, float, float]:
    """Returns a share of errors with its interval, NaN if nothing was compared."""
    if not len(is_error):
        return NOT_MEASURED
    return float(is_error.mean()), *share_interval(is_error, people)


def _matrix(pairs: np.ndarray, num_people: int) -> np.ndarray:
    """Returns how many pairs (M, 2) there are of each two people, (P, P)."""
    codes = pairs[:, 0] * num_people + pairs[:, 1]
    return np.bincount(codes, minlength=num_people**2).reshape(num_people, num_people)


def _resampling(params: EvaluateParams) -> tuple[int, int]:
    return params.bootstrap_resamples, params.seed
