"""How far predicted landmarks are off."""

import numpy as np

from facerec.geometry import eye_distance, frontality
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
    """Returns the mean NME overall, of frontal faces and per point, each beside that of guessing one mean shape.

    On profiles the distance between the eyes is small and the error in terms of it large; frontal faces are those
    whose nose is at least FRONTAL of the eye distance from both eyes, in x.

    Args:
        predicted: (N, 5, 2), px of the crop.
        true: (N, 5, 2), px of the crop.
        mean_shape: (5, 2), px of the crop, from the training faces.
    """
    errors = nme(predicted, true)
    baseline = nme(np.broadcast_to(mean_shape, true.shape), true)
    frontal = frontality(true) >= FRONTAL
    values = {"nme": errors.mean(), "nme_mean_shape": baseline.mean(), "nme_median": np.median(errors.mean(axis=1))}
    for index, name in enumerate(POINTS):
        values |= {f"nme_{name}": errors[:, index].mean(), f"nme_{name}_mean_shape": baseline[:, index].mean()}
    if frontal.any():
        values |= {"nme_frontal": errors[frontal].mean(), "nme_frontal_mean_shape": baseline[frontal].mean()}
    rounded = {name: round(float(value), 4) for name, value in values.items()}
    return rounded | {"faces": len(true), "frontal_faces": int(frontal.sum())}
