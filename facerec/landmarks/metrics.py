"""How far predicted landmarks are off, compared with the mean shape as a guess."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from facerec.annotation_names import POINTS
from facerec.geometry import eye_distance, frontality
from facerec.landmarks.evaluation import Predictions
from facerec.metrics.bootstrap import bootstrap_interval
from facerec.metrics.intervals import share_interval

FRONTAL = 0.3  # the notebook's rule
LIMIT = 8  # % of the eye distance; a face that is further off has failed
RESAMPLES = 1000  # of people, behind the interval of an error
SHARES = ("auc_to_8", "failure_rate_at_8")  # metrics that are means of numbers in [0, 1]
CURVE_END, CURVE_STEP = 20.0, 0.25  # % of the eye distance


def nme(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns the errors (N, 5), % of each face's eye distance: their mean is the NME.

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


def mean_nme(predicted: np.ndarray, true: np.ndarray) -> float:
    """Returns the mean error, % of the eye distance, over faces with an error; NaN if none has."""
    errors = nme(predicted, true).mean(axis=1)
    finite = errors[np.isfinite(errors)]
    return float(finite.mean()) if len(finite) else np.nan


def area_under_curve(errors: np.ndarray) -> np.ndarray:
    """Returns what each face (N,) adds to the area under the cumulative error curve, in [0, 1].

    The curve is the mean of one step from 0 to 1 at each face's error. Up to LIMIT, and divided by
    it, its area is the mean of 1 - error / LIMIT, at least 0.
    """
    return np.clip(1 - errors / LIMIT, 0, 1)


def is_frontal(true: np.ndarray) -> np.ndarray:
    """Returns whether faces with points (N, 5, 2) are frontal, (N,) bool."""
    return frontality(true) >= FRONTAL


def summary(
    predictions: dict[str, Predictions], mean_shape: np.ndarray, seed: int
) -> dict[str, float]:
    """Returns the metrics of each evaluation set, by name and suffix.

    `nme`, `nme_<point>`: the mean error. `auc_to_8`: area under the cumulative error curve.
    `failure_rate_at_8`: share of the faces that are further off. Each has `_low` and `_high`, its
    95 % interval over people, and `_mean_shape`, the value of the mean shape as a guess.
    `nme_of_confident_half`, `nme_of_other_half` and `confidence_spearman` say whether confidence
    follows the error. `…_frontal`: of frontal faces alone.

    In profile the eyes are close to each other, and the error relative to their distance is large.
    Frontal faces are those whose nose is at least FRONTAL of the eye distance from both eyes, in x.
    `faces` counts the measurable ones: eyes that share a pixel have no distance.
    `faces_not_found` have a point that is NaN: they have failed, and have no error.

    Args:
        predictions: by suffix; "" for the boxes as given.
        mean_shape: (5, 2), px of the crop, from the training faces.
        seed: of the intervals.
    """
    values: dict[str, float] = {}
    for suffix, given in predictions.items():
        values |= _set_metrics(_measurable(given), mean_shape, suffix, seed)
    first = _measurable(next(iter(predictions.values())))
    rounded = {name: round(value, 4) for name, value in values.items() if np.isfinite(value)}
    return rounded | {"faces": len(first.true), "frontal_faces": int(is_frontal(first.true).sum())}


def error_curves(predictions: dict[str, Predictions], mean_shape: np.ndarray) -> pd.DataFrame:
    """Returns the cumulative error curves, with columns faces, curve, error and share.

    `share` of the faces are off by at most `error`, % of the eye distance.

    Args:
        predictions: by the name of the boxes in the plot.
        mean_shape: (5, 2), px of the crop.
    """
    parts = []
    for boxes, given in predictions.items():
        given = _measurable(given)
        guesses = {"hourglass": given.predicted, "mean shape": _repeated(mean_shape, given)}
        kinds = {"all": np.ones(len(given.true), bool), "frontal": is_frontal(given.true)}
        for guess, points in guesses.items():
            errors = nme(points, given.true).mean(axis=1)
            for faces, chosen in kinds.items():
                if chosen.any():
                    curve = _cumulative_curve(errors[chosen])
                    parts.append(curve.assign(faces=faces, curve=f"{guess}, {boxes}"))
    return pd.concat(parts, ignore_index=True)[["faces", "curve", "error", "share"]]


def _cumulative_curve(errors: np.ndarray) -> pd.DataFrame:
    steps = np.arange(0, CURVE_END + CURVE_STEP, CURVE_STEP)
    share = np.searchsorted(np.sort(errors), steps, side="right") / len(errors)
    return pd.DataFrame({"error": steps, "share": share.round(6)})


def _measurable(given: Predictions) -> Predictions:
    """Returns the predictions on faces whose eyes do not share a pixel."""
    kept = eye_distance(given.true) > 0
    return Predictions(
        given.predicted[kept], given.confidence[kept], given.true[kept], given.people[kept]
    )


def _repeated(mean_shape: np.ndarray, given: Predictions) -> np.ndarray:
    """Returns the mean shape (5, 2) as a prediction (N, 5, 2) on each face."""
    return np.broadcast_to(mean_shape, given.true.shape)


def _set_metrics(
    given: Predictions, mean_shape: np.ndarray, suffix: str, seed: int
) -> dict[str, float]:
    """Returns the metrics of one evaluation set."""
    errors = nme(given.predicted, given.true)
    baseline = nme(_repeated(mean_shape, given), given.true)
    face_errors = errors.mean(axis=1)
    face_confidence = given.confidence.mean(axis=1)
    is_found = np.isfinite(errors).all(axis=1)
    frontal = is_frontal(given.true)
    metrics, baseline_metrics = _face_metrics(errors), _face_metrics(baseline)
    values: dict[str, float] = {}
    for name, numbers in metrics.items():
        values |= _with_interval(name, suffix, numbers, given.people, seed)
        values[f"{name}{suffix}_mean_shape"] = float(baseline_metrics[name].mean())
    values[f"faces_not_found{suffix}"] = int((~is_found).sum())
    if is_found.any():
        values[f"nme_median{suffix}"] = float(np.median(face_errors[is_found]))
    values |= _confidence_metrics(face_errors[is_found], face_confidence[is_found], suffix)
    if frontal.any():
        for name in ("nme", "auc_to_8", "failure_rate_at_8"):
            end = f"_frontal{suffix}"
            numbers, people = metrics[name][frontal], given.people[frontal]
            values |= _with_interval(name, end, numbers, people, seed)
            values[f"{name}{end}_mean_shape"] = float(baseline_metrics[name][frontal].mean())
        both = is_found & frontal
        values |= _confidence_metrics(face_errors[both], face_confidence[both], f"_frontal{suffix}")
    return values


def _face_metrics(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the numbers (N,) whose means are the metrics, from errors (N, 5)."""
    face_errors = errors.mean(axis=1)
    return {
        "nme": face_errors,
        **{f"nme_{point}": errors[:, index] for index, point in enumerate(POINTS)},
        "auc_to_8": np.nan_to_num(area_under_curve(face_errors)),
        "failure_rate_at_8": 1 - (face_errors <= LIMIT).astype(float),
    }


def _with_interval(
    name: str, suffix: str, values: np.ndarray, people: np.ndarray, seed: int
) -> dict[str, float]:
    """Returns the mean of the finite values and its interval, nothing if none is finite."""
    is_finite = np.isfinite(values)
    if not is_finite.any():
        return {}
    values, people = values[is_finite], people[is_finite]
    if name in SHARES:
        low, high = share_interval(values, people)
    else:
        low, high = bootstrap_interval(values, people, RESAMPLES, seed)
    key = f"{name}{suffix}"
    return {key: float(values.mean()), f"{key}_low": low, f"{key}_high": high}


def _confidence_metrics(
    errors: np.ndarray, confidence: np.ndarray, suffix: str
) -> dict[str, float]:
    """Returns the mean errors of the more confident half and of the other, and the correlation."""
    most_confident_first = np.argsort(-confidence, kind="stable")
    halves = np.array_split(errors[most_confident_first], 2)
    names = (f"nme_of_confident_half{suffix}", f"nme_of_other_half{suffix}")
    values = {
        name: float(half.mean()) for name, half in zip(names, halves, strict=True) if len(half)
    }
    if len(errors) > 1 and np.ptp(errors) > 0 and np.ptp(confidence) > 0:
        values[f"confidence_spearman{suffix}"] = float(spearmanr(confidence, errors).statistic)
    return values
