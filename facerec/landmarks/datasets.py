"""Faces as the hourglass is shown them, cut from photographs."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerec.geometry import square_matrices
from facerec.imaging.arrays import stack_images
from facerec.imaging.io import read_image
from facerec.imaging.warp import crop_faces, warp
from facerec.parallel import parallel_map

CONTEXT = 1.5  # training reads this much about the crop, so that most jittered boxes see photograph, not border


def widen(squares: np.ndarray) -> np.ndarray:
    """Returns the squares (N, 3) of x, y, side grown about their centres by CONTEXT."""
    margin = squares[:, 2:] * (CONTEXT - 1) / 2
    return np.concatenate([squares[:, :2] - margin, squares[:, 2:] * CONTEXT], axis=1)


def cut_faces(
    folder: Path,
    image_ids: Sequence[str],
    squares: np.ndarray,
    pixels: int,
    map_over: float = math.inf,
) -> np.ndarray:
    """Returns the squares of photographs, (N, pixels, pixels, 3) uint8.

    Args:
        folder: of the photographs.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side, px of the photographs.
        pixels: side of the result.
        map_over: as in `images.stack_images`.
    """
    matrices = square_matrices(squares, pixels)

    def face(index: int) -> np.ndarray:
        return crop_faces(folder / image_ids[index], matrices[index : index + 1], pixels)[0]

    faces = parallel_map(face, range(len(image_ids)), f"read {folder.name}")
    return stack_images(faces, len(image_ids), map_over)


def read_crops(folder: Path, image_ids: Sequence[str], pixels: int) -> np.ndarray:
    """Returns whole pictures scaled to (N, pixels, pixels, 3) uint8."""
    faces = parallel_map(
        lambda name: read_crop(folder / name, pixels), image_ids, f"read {folder.name}"
    )
    return stack_images(faces, len(image_ids))


def read_crop(path: Path, pixels: int) -> np.ndarray:
    """Returns a whole picture scaled to (pixels, pixels, 3) uint8."""
    image = read_image(path)
    whole = np.array([[0.0, 0.0, image.shape[1]]])
    return warp(image, square_matrices(whole, pixels)[0], pixels)


def wide_to_crop(wide_pixels: int, pixels: int) -> np.ndarray:
    """Returns the matrix (2, 3) from a face with CONTEXT, `wide_pixels` wide, to its crop, `pixels` wide."""
    side = wide_pixels / CONTEXT
    square = np.array([[(wide_pixels - side) / 2, (wide_pixels - side) / 2, side]])
    return square_matrices(square, pixels)[0]
