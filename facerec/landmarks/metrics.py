"""How far predicted landmarks are off, beside the guess that every face is the mean shape."""

import numpy as np
import pandas as pd

from facerec.annotation_names import POINTS
from facerec.geometry import eye_distance, frontality
from facerec.landmarks.evaluation import Predictions
from facerec.metrics.bootstrap import bootstrap_interval

FRONTAL = 0.3  # the notebook's rule
LIMIT = 8  # % of the eye distance from which on a face has failed
RESAMPLES = 1000  # of people, behind each interval
CURVE_END, CURVE_STEP = 20.0, 0.25  # % of the eye distance


def nme(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns the errors (N, 5), % of each face's eye distance (normalised mean error before the mean).

    They are not finite where the eyes share a pixel.

    Args:
        predicted: (N, 5, 2).
        true: (N, 5, 2), same pixels.

    Raises:
        ValueError: the shapes differ.
    """
    if predicted.shape != true.shape:
        raise ValueError(
            f"predicted points {predicted.shape} and true points {true.shape} differ in shape"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100 * np.linalg.norm(predicted - true, axis=2) / eye_distance(true)[:, None]


def area_under_curve(errors: np.ndarray) -> np.ndarray:
    """Returns what each face (N,) adds to the area under the cumulative error curve up to LIMIT, in [0, 1].

    The curve is the mean of steps from 0 to 1 at each face's error, so its area, of LIMIT, is the mean of
    1 - error / LIMIT, not below 0.
    """
    return np.clip(1 - errors / LIMIT, 0, 1)


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the correlation of two rows' ranks (N,), equal values sharing theirs; NaN if one is constant."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    return float(np.corrcoef([pd.Series(values).rank() for values in (first, second)])[0, 1])


def summary(exams: dict[str, Predictions], mean_shape: np.ndarray, seed: int) -> dict[str, float]:
    """Returns the metrics of every exam, each under its plain name followed by the exam's suffix.

    `nme`, `nme_<point>`: the mean error. `auc_to_8`: area under the cumulative error curve. `failure_rate_at_8`: share
    of the faces that are off by more. Each has `_low` and `_high`, its 95 % interval by resampling people, and
    `_mean_shape`, what guessing one mean shape gives. `nme_of_confident_half`, `nme_of_other_half` and
    `confidence_spearman`: does confidence know how large the error is? `…_frontal`: of frontal faces alone.

    On profiles the distance between the eyes is small and the error in terms of it large; frontal faces are those
    whose nose is at least FRONTAL of the eye distance from both eyes, in x. `faces` are those that could be measured:
    eyes that share a pixel have no distance. `faces_not_found` are those on which a point is NaN: they have failed,
    and have no error.

    Args:
        exams: answers by suffix; "" for the boxes as given.
        mean_shape: (5, 2), px of the crop, from the training faces.
        seed: of the intervals.
    """
    values: dict[str, float] = {}
    exams = {suffix: _measurable(given) for suffix, given in exams.items()}
    for suffix, given in exams.items():
        baseline = np.broadcast_to(mean_shape, given.true.shape)
        values |= _means(given, baseline, suffix, seed)
    first = next(iter(exams.values()))
    rounded = {name: round(value, 4) for name, value in values.items() if np.isfinite(value)}
    return rounded | {"faces": len(first.true), "frontal_faces": int(is_frontal(first.true).sum())}


def mean_nme(predicted: np.ndarray, true: np.ndarray) -> float:
    """Returns the mean error, % of the eye distance, of the faces that have an error; NaN if none has."""
    errors = nme(predicted, true).mean(axis=1)
    return float(errors[np.isfinite(errors)].mean()) if np.isfinite(errors).any() else np.nan


def _measurable(given: Predictions) -> Predictions:
    """Returns the answers to faces whose eyes are apart."""
    apart = eye_distance(given.true) > 0
    return Predictions(
        given.predicted[apart], given.confidence[apart], given.true[apart], given.people[apart]
    )


def is_frontal(true: np.ndarray) -> np.ndarray:
    """Returns whether faces with points (N, 5, 2) are frontal, (N,) bool."""
    return frontality(true) >= FRONTAL


def error_curves(exams: dict[str, Predictions], mean_shape: np.ndarray) -> pd.DataFrame:
    """Returns the cumulative error curves: faces, curve, error (% of the eye distance), share at most so far off.

    Args:
        exams: answers, by what the plot calls their boxes.
        mean_shape: (5, 2), px of the crop.
    """
    steps = np.arange(0, CURVE_END + CURVE_STEP, CURVE_STEP)
    parts = []
    for boxes, given in exams.items():
        given = _measurable(given)
        guesses = {
            "hourglass": given.predicted,
            "mean shape": np.broadcast_to(mean_shape, given.true.shape),
        }
        kinds = {"all": np.ones(len(given.true), bool), "frontal": is_frontal(given.true)}
        for guess, points in guesses.items():
            errors = nme(points, given.true).mean(axis=1)
            for faces, chosen in kinds.items():
                if chosen.any():
                    share = (
                        np.searchsorted(np.sort(errors[chosen]), steps, side="right") / chosen.sum()
                    )
                    curve = {
                        "faces": faces,
                        "curve": f"{guess}, {boxes}",
                        "error": steps,
                        "share": share.round(6),
                    }
                    parts.append(pd.DataFrame(curve))
    return pd.concat(parts, ignore_index=True)


def _means(given: Predictions, baseline: np.ndarray, suffix: str, seed: int) -> dict[str, float]:
    """Returns the means over faces, their intervals, and the baseline's."""
    frontal = is_frontal(given.true)
    ours, theirs = (nme(points, given.true) for points in (given.predicted, baseline))
    values: dict[str, float] = {}
    for name, by_face in _by_face(ours).items():
        values |= _with_interval(f"{name}{suffix}", by_face, given.people, seed)
        values[f"{name}{suffix}_mean_shape"] = float(_by_face(theirs)[name].mean())
    sure, found = given.confidence.mean(axis=1), np.isfinite(ours).all(axis=1)
    values[f"faces_not_found{suffix}"] = int((~found).sum())
    if found.any():
        values[f"nme_median{suffix}"] = float(np.median(ours[found].mean(axis=1)))
    values |= _of_confidence(ours[found].mean(axis=1), sure[found], suffix)
    if frontal.any():
        for name in ("nme", "auc_to_8", "failure_rate_at_8"):
            key = f"{name}_frontal{suffix}"
            values |= _with_interval(
                key, _by_face(ours[frontal])[name], given.people[frontal], seed
            )
            values[f"{key}_mean_shape"] = float(_by_face(theirs[frontal])[name].mean())
        both = frontal & found
        values |= _of_confidence(ours[both].mean(axis=1), sure[both], f"_frontal{suffix}")
    return values


def _by_face(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Returns, by metric, the numbers (N,) whose mean it is, from errors (N, 5)."""
    of_face = errors.mean(axis=1)
    values = {
        "nme": of_face,
        **{f"nme_{point}": errors[:, index] for index, point in enumerate(POINTS)},
    }
    area = np.nan_to_num(area_under_curve(of_face))
    return values | {"auc_to_8": area, "failure_rate_at_8": 1 - (of_face <= LIMIT).astype(float)}


def _with_interval(
    name: str, values: np.ndarray, people: np.ndarray, seed: int
) -> dict[str, float]:
    values, people = values[np.isfinite(values)], people[np.isfinite(values)]
    if not len(values):
        return {}
    low, high = bootstrap_interval(values, people, RESAMPLES, seed)
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def _of_confidence(errors: np.ndarray, confidence: np.ndarray, suffix: str) -> dict[str, float]:
    """Returns the mean error of the more confident half of the faces and of the other, and the ranks' correlation."""
    surest_first = np.argsort(-confidence, kind="stable")
    halves = np.array_split(errors[surest_first], 2)
    names = (f"nme_of_confident_half{suffix}", f"nme_of_other_half{suffix}")
    means = {
        name: float(half.mean()) for name, half in zip(names, halves, strict=True) if len(half)
    }
    return means | {f"confidence_spearman{suffix}": spearman(confidence, errors)}
