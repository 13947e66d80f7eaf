"""The five points of faces, taken from px of the crop to px of the photograph.

Where they lie in the crop is decided by the network. This file needs no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facerec import geometry
from facerec.imaging.warp import warp
from facerec.landmarks.decoding import inside


class PointFinder(Protocol):
    """What finds points in crops: a `StackedHourglass`, or its ONNX export without torch."""

    face_size: int  # px, side of the crops

    def predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns points (N, 5, 2), px of the crops, and their confidence (N, 5)."""


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
    network: PointFinder, crops: np.ndarray, squares: np.ndarray
) -> FoundPoints:
    """Returns the points that the hourglass finds in crops.

    Args:
        network: the hourglass.
        crops: (N, W, W, 3) uint8 RGB, W = `network.face_size`.
        squares: (N, 3) x, y, side of the crops, px of the photographs.
    """
    points, confidence = network.predict(crops)
    is_inside = inside(points, network.face_size)
    from_crop = geometry.invert(geometry.square_matrices(squares, network.face_size))
    return FoundPoints(
        geometry.transform_points(from_crop, points),
        confidence.mean(axis=1),
        (~is_inside).sum(axis=1),
    )


def find_points(
    network: PointFinder, photographs: Sequence[np.ndarray], squares: np.ndarray
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


def aligned_faces(
    network: PointFinder,
    photographs: Sequence[np.ndarray],
    boxes: np.ndarray,
    box_scale: float,
    alignment: int,
    image_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns aligned faces (N, image_size, image_size, 3) uint8, and which are, (N,) bool.

    A face that cannot be aligned is black.

    Args:
        network: the hourglass.
        photographs: (N,) images (H, W, 3) uint8 RGB, N > 0.
        boxes: (N, 4) x, y, width, height, px.
        box_scale: side of the crop, of the smaller side of the box.
        alignment: number of points to align by: 2, 3 or 5.
        image_size: side of the result, px.
    """
    points = find_points(network, photographs, geometry.crop_squares(boxes, box_scale))
    matrices = geometry.alignment_matrices(points, image_size)[alignment]
    faces = [
        warp(photograph, matrix, image_size)
        for photograph, matrix in zip(photographs, matrices, strict=True)
    ]
    return np.stack(faces), np.isfinite(matrices).all(axis=(1, 2))
