"""The five points of faces, taken from px of the crop to px of the photograph.

Where they lie in the crop is decided by `StackedHourglass.predict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from facerec import geometry
from facerec.imaging.warp import warp
from facerec.landmarks.heatmaps import inside
from facerec.landmarks.hourglass import StackedHourglass


@dataclass(frozen=True)
class FoundPoints:
    """The points of N faces.

    Attributes:
        points: (N, 5, 2), px of the photographs.
        confidence: (N,) mean over the points, in [0, 1].
        outside: (N,) how many of the points lie outside the crop.
    """

    points: np.ndarray
    confidence: np.ndarray
    outside: np.ndarray


def find_points_in_crops(
    network: StackedHourglass, crops: np.ndarray, squares: np.ndarray
) -> FoundPoints:
    """Returns the points that the hourglass finds in crops.

    Args:
        network: the hourglass.
        crops: (N, W, W, 3) uint8 RGB, W = `network.face_size`.
        squares: (N, 3) x, y, side of the crops, px of the photographs.
    """
    points, confidence = network.predict(crops)
    is_inside = inside(torch.from_numpy(points), network.face_size)
    from_crop = geometry.invert(geometry.square_matrices(squares, network.face_size))
    return FoundPoints(
        geometry.transform_points(from_crop, points),
        confidence.mean(axis=1),
        (~is_inside).sum(dim=1).numpy(),
    )


def find_points(
    network: StackedHourglass, photographs: Sequence[np.ndarray], squares: np.ndarray
) -> np.ndarray:
    """Returns the points (N, 5, 2) that the hourglass finds in photographs, px of these.

    Args:
        network: the hourglass.
        photographs: (N,) images (H, W, 3) uint8 RGB.
        squares: (N, 3) x, y, side around the faces, px of the photographs.
    """
    size = network.face_size
    matrices = geometry.square_matrices(squares, size)
    crops = [
        warp(photograph, matrix, size)
        for photograph, matrix in zip(photographs, matrices, strict=True)
    ]
    return find_points_in_crops(network, np.stack(crops), squares).points
