"""From photographs with boxes to embeddings: crop, predicted points, alignment, embedding.

The pipeline's steps without its files: nothing is stored as JPEG, and the crop is cut at the hourglass's own size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facerec import geometry
from facerec.imaging import warp
from facerec.imaging.io import read_image
from facerec.landmarks.hourglass import StackedHourglass
from facerec.parallel import in_batches, parallel_map
from facerec.recognition.recognizer import Recognizer

BATCH = 64  # photographs held at a time


def embed_photographs(
    landmarks: StackedHourglass,
    recognizer: Recognizer,
    paths: Sequence[Path],
    boxes: np.ndarray | None,
    box_scale: float,
) -> Tensor:
    """Returns embeddings (N, E), not normalised; zeros for a face that cannot be aligned.

    Args:
        landmarks: finds the points.
        recognizer: its config names the alignment.
        paths: (N,) the photographs.
        boxes: (N, 4) x, y, width, height, px; None: the whole photograph is the box.
        box_scale: side of the crop, of the smaller side of the box.
    """
    parts = []
    for batch in in_batches(range(len(paths)), BATCH, "embed"):
        photographs = list(parallel_map(read_image, [paths[index] for index in batch], None))
        whole = np.array([[0.0, 0.0, photo.shape[1], photo.shape[0]] for photo in photographs])
        squares = geometry.crop_squares(whole if boxes is None else boxes[batch], box_scale)
        parts.append(_embed(landmarks, recognizer, photographs, squares))
    return torch.cat(parts) if parts else torch.zeros(0, recognizer.config["embedding_dim"])


def _embed(
    landmarks: StackedHourglass,
    recognizer: Recognizer,
    photographs: list[np.ndarray],
    squares: np.ndarray,
) -> Tensor:
    points = find_points(landmarks, photographs, squares)
    alignment = recognizer.config["head"]["alignment"]
    matrices = geometry.alignment_matrices(points, recognizer.pixels)[alignment]
    faces = [
        warp.warp(photo, move, recognizer.pixels)
        for photo, move in zip(photographs, matrices, strict=True)
    ]
    usable = np.isfinite(matrices).all(axis=(1, 2))
    return recognizer.embed(np.stack(faces)) * torch.from_numpy(usable)[:, None]


def find_points(
    landmarks: StackedHourglass, photographs: list[np.ndarray], squares: np.ndarray
) -> np.ndarray:
    """Returns the points (N, 5, 2) that the hourglass finds, px of the photographs.

    Args:
        landmarks: finds them.
        photographs: (N,) pictures (H, W, 3) uint8.
        squares: (N, 3) x, y, side about the faces, px of the photographs.
    """
    shown = landmarks.face_size
    to_crop = geometry.square_matrices(squares, shown)
    crops = [
        warp.warp(photo, move, shown) for photo, move in zip(photographs, to_crop, strict=True)
    ]
    points, _ = landmarks.predict(np.stack(crops))
    return geometry.transform_points(geometry.invert(to_crop), points)
