"""The cascade of predictions, each on a closer crop, in numpy: it needs no torch.

The network is called through a function, so that torch's and onnxruntime's share this code.
"""

from collections.abc import Callable

import numpy as np

from facerec.geometry import (
    invert,
    refinement_matrices,
    square_matrices,
    transform_points,
    where_finite,
)
from facerec.landmarks.decoding import decode_heatmaps, inside

Decode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def predict_points(
    heatmaps_at: Callable[[np.ndarray], np.ndarray],
    count: int,
    face_size: int,
    image_size: int,
    steps: int,
    decode: Decode = decode_heatmaps,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points (N, 5, 2), px of the faces, and their confidence (N, 5) in [0, 1].

    After the first prediction the face is cropped again, straight and close by the predicted
    points. The answer is the median of all predictions.

    Args:
        heatmaps_at: heatmaps (N, 5, S, S) of faces warped by matrices (N, 2, 3), px of the faces →
            px of the network's input.
        count: number of faces, N.
        face_size: side of the faces, px.
        image_size: side of the network's input, px.
        steps: further predictions after the first one.
        decode: takes heatmaps (N, 5, S, S) to points (N, 5, 2) and confidence (N, 5).
    """
    matrices = whole_faces(count, face_size, image_size)
    all_points, all_confidence = [], []
    for step in range(steps + 1):
        heatmaps = heatmaps_at(matrices)
        points, confidence = decode(heatmaps)
        if step:  # a closer crop does not show what is beyond its border, though the face may
            outside = ~inside(points, heatmaps.shape[-1])
            points[outside] = np.nan
            confidence[outside] = np.nan
        stride = image_size / heatmaps.shape[-1]
        face_points = transform_points(invert(matrices), (points + 0.5) * stride - 0.5)
        all_points.append(face_points)
        all_confidence.append(confidence)
        if step < steps:
            closer = refinement_matrices(face_points, image_size, confidence)
            matrices = where_finite(closer, matrices)
    return _median(all_points).astype(np.float32), _median(all_confidence)


def whole_faces(count: int, face_size: int, image_size: int) -> np.ndarray:
    """Returns the matrices (N, 2, 3) that scale faces of `face_size` px to `image_size`."""
    return square_matrices(np.tile([0.0, 0.0, face_size], (count, 1)), image_size)


def _median(predictions: list[np.ndarray]) -> np.ndarray:
    """Returns the median of arrays of one shape, number by number; NaN does not count.

    numpy's own `nanmedian` warns of a number that all lack, which is NaN here.
    """
    ordered = np.sort(np.stack(predictions), axis=0)  # NaN comes last
    number = (~np.isnan(ordered)).sum(axis=0, keepdims=True)
    middle = [np.maximum(number - 1, 0) // 2, np.minimum(number // 2, len(ordered) - 1)]
    low, high = (np.take_along_axis(ordered, index, axis=0)[0] for index in middle)
    return (low + high) / 2
