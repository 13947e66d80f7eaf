"""How far predicted landmarks are off."""

import numpy as np

from facerec.geometry import eye_distance
from facerec.tables import POINTS


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
    """Returns the mean NME overall and per point, and that of guessing the same mean shape for every face.

    Args:
        predicted: (N, 5, 2), px of the crop.
        true: (N, 5, 2), px of the crop.
        mean_shape: (5, 2), px of the crop, from the training faces.
    """
    errors = nme(predicted, true)
    baseline = nme(np.broadcast_to(mean_shape, true.shape), true)
    per_point = {f"nme_{name}": error for name, error in zip(POINTS, errors.mean(axis=0), strict=True)}
    values = {"nme": errors.mean(), "nme_median": np.median(errors.mean(axis=1)), **per_point}
    values |= {"nme_mean_shape": baseline.mean()}
    return {name: round(float(value), 4) for name, value in values.items()}
