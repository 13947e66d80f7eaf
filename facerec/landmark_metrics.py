"""How far predicted landmarks are off."""

import numpy as np

from facerec.geometry import eye_distance
from facerec.tables import POINTS

FRONTAL = 0.3  # the notebook's rule


def nme(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns the errors (N, 5), % of each face's eye distance (normalised mean error before the mean).

    Args:
        predicted: (N, 5, 2).
        true: (N, 5, 2), same pixels.

    Raises:
        ValueError: the shapes differ.
    """
    if predicted.shape != true.shape:
        raise ValueError(f"predicted points {predicted.shape} and true points {true.shape} differ in shape")
    return 100 * np.linalg.norm(predicted - true, axis=2) / eye_distance(true)[:, None]


def summary(predicted: np.ndarray, true: np.ndarray, mean_shape: np.ndarray) -> dict[str, float]:
    """Returns the mean NME overall, of frontal faces and per point, and that of guessing one mean shape for every face.

    On profiles the distance between the eyes is small and the error in terms of it large; frontal faces are those
    whose nose is at least FRONTAL of the eye distance from both eyes, in x.

    Args:
        predicted: (N, 5, 2), px of the crop.
        true: (N, 5, 2), px of the crop.
        mean_shape: (5, 2), px of the crop, from the training faces.
    """
    errors = nme(predicted, true)
    baseline = nme(np.broadcast_to(mean_shape, true.shape), true)
    per_point = {f"nme_{name}": error for name, error in zip(POINTS, errors.mean(axis=0), strict=True)}
    frontal = _is_frontal(true)
    values = {"nme": errors.mean(), "nme_median": np.median(errors.mean(axis=1)), **per_point}
    values |= {"nme_mean_shape": baseline.mean(), "faces": len(true), "frontal_faces": frontal.sum()}
    if frontal.any():
        values |= {"nme_frontal": errors[frontal].mean(), "nme_frontal_mean_shape": baseline[frontal].mean()}
    return {name: round(float(value), 4) for name, value in values.items()}


def _is_frontal(points: np.ndarray) -> np.ndarray:
    left, right, nose = (points[:, index, 0] for index in (0, 1, 2))
    return np.minimum(nose - left, right - nose) >= FRONTAL * np.abs(right - left)
