"""Faces that the hourglass is given, cut from photographs or read from crops."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerec.geometry import square_matrices
from facerec.imaging.arrays import stack_images
from facerec.imaging.io import read_image
from facerec.imaging.warp import crop_faces, warp
from facerec.parallel import parallel_map

CONTEXT = 1.5  # training reads this much about the crop, so that jittered boxes see few borders


def add_context(squares: np.ndarray) -> np.ndarray:
    """Returns squares (N, 3) of x, y, side, grown about their centres by CONTEXT."""
    margin = squares[:, 2:] * (CONTEXT - 1) / 2
    return np.concatenate([squares[:, :2] - margin, squares[:, 2:] * CONTEXT], axis=1)


def context_to_crop(context_size: int, size: int) -> np.ndarray:
    """Returns the matrix (2, 3) from a face with CONTEXT to its crop.

    Args:
        context_size: side of the face with CONTEXT, px.
        size: side of the crop, px.
    """
    side = context_size / CONTEXT
    margin = (context_size - side) / 2
    return square_matrices(np.array([[margin, margin, side]]), size)[0]


def cut_faces(
    folder: Path,
    image_ids: Sequence[str],
    squares: np.ndarray,
    size: int,
    map_over: float = math.inf,
) -> np.ndarray:
    """Returns squares cut out of photographs, (N, size, size, 3) uint8.

    Args:
        folder: of the photographs.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side, px of the photographs.
        size: side of the result, px.
        map_over: as in `arrays.stack_images`.
    """
    matrices = square_matrices(squares, size)

    def cut_face(index: int) -> np.ndarray:
        return crop_faces(folder / image_ids[index], matrices[index : index + 1], size)[0]

    faces = parallel_map(cut_face, range(len(image_ids)), f"read {folder.name}")
    return stack_images(faces, len(image_ids), map_over)


def read_crops(folder: Path, image_ids: Sequence[str], size: int) -> np.ndarray:
    """Returns whole pictures scaled to (N, size, size, 3) uint8."""

    def read(image_id: str) -> np.ndarray:
        return read_crop(folder / image_id, size)

    return stack_images(parallel_map(read, image_ids, f"read {folder.name}"), len(image_ids))


def read_crop(path: Path, size: int) -> np.ndarray:
    """Returns a whole picture scaled to (size, size, 3) uint8."""
    image = read_image(path)
    whole = np.array([[0.0, 0.0, image.shape[1]]])
    return warp(image, square_matrices(whole, size)[0], size)
