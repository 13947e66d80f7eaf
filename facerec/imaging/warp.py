"""Squares cut out of images by matrices."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from facerec import geometry
from facerec.imaging.io import Order, read_reduced

MIN_UNSMOOTHED_SCALE = 2 / 3  # below, bilinear interpolation would leave pixels out
ROUNDING_ERROR = 1e-6  # px that a square of whole pixels may be off
MAX_HALVINGS = 14  # of an image: the largest becomes one pixel
MAX_PADDING = 2  # side of a square of whole pixels, of the image's smaller side


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Returns the square (size, size, 3) that a matrix cuts out of an image, black outside it.

    An image that shrinks by more than a third is averaged first, which avoids aliasing.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3), px of the image → px of the square. If it is not finite, all is black.
        size: side of the result, px.
    """
    black = np.zeros((size, size, image.shape[2]), np.uint8)
    if not np.isfinite(matrix).all():
        return black
    # Crops are such squares. Another path would change their bytes, and all results after them.
    square = _whole_square(image, matrix, size)
    if square is not None:
        return _resize(square, size)
    part, part_matrix = _visible_part(image, matrix, size)
    if not part.size:
        return black
    part, part_matrix = _shrink(part, part_matrix)
    return cv2.warpAffine(part, part_matrix, (size, size), flags=cv2.INTER_LINEAR)


def _whole_square(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray | None:
    """Returns the part of the image that a matrix only resizes, if it is a square of whole pixels.

    It is black outside the image. A square far larger than the image, or outside it, gives None.
    """
    (zoom, shear_x, x_offset), (shear_y, zoom_y, y_offset) = matrix.tolist()
    if shear_x or shear_y or zoom != zoom_y or zoom <= 0:
        return None
    exact = np.array([0.5 - (x_offset + 0.5) / zoom, 0.5 - (y_offset + 0.5) / zoom, size / zoom])
    height, width = image.shape[:2]
    if exact[2] > MAX_PADDING * min(height, width) + ROUNDING_ERROR:
        return None
    if np.abs(exact - np.rint(exact)).max() > ROUNDING_ERROR:
        return None
    x, y, side = (round(value) for value in exact.tolist())
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + side, width), min(y + side, height)
    if left >= right or top >= bottom:
        return None
    square = np.zeros((side, side, image.shape[2]), np.uint8)
    square[top - y : bottom - y, left - x : right - x] = image[top:bottom, left:right]
    return square


def _resize(square: np.ndarray, size: int) -> np.ndarray:
    """Returns a square image `size` px wide, averaged where it shrinks by more than a third.

    Where it shrinks by less than half, it is enlarged to twice the size first: blocks of 2 × 2
    pixels then have the mean, at half the time of INTER_AREA on parts of pixels.
    """
    side = len(square)
    if size >= MIN_UNSMOOTHED_SCALE * side:
        return cv2.resize(square, (size, size), interpolation=cv2.INTER_LINEAR)
    if side < 2 * size:
        square = cv2.resize(square, (2 * size, 2 * size), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)


def _visible_part(
    image: np.ndarray, matrix: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the part of the image under the square and a margin around it, and its matrix."""
    inverse = cv2.invertAffineTransform(matrix)
    linear = inverse[:, :2]
    start = inverse[:, 2] - (linear[:, 0] + linear[:, 1])  # of the pixel before the first
    edges = linear * (size + 1)
    first = start + np.minimum(edges, 0).sum(axis=1)
    last = start + np.maximum(edges, 0).sum(axis=1)
    margin = 2 + (last - first).max() / size
    sides = np.array(image.shape[1::-1])
    left, top = np.floor(np.clip(first - margin, 0, sides)).astype(int)
    right, bottom = np.ceil(np.clip(last + margin, 0, sides)).astype(int)
    return image[top:bottom, left:right], _with_source(matrix, 1, left, top)


def _shrink(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the image averaged down to at least the matrix's scale, and the matrix from there.

    Blocks of 2 × 2, 4 × 4, 8 × 8 … pixels become one. If the rest still shrinks to less than
    MIN_UNSMOOTHED_SCALE, it is smoothed by 1, 2, 1.
    """
    scale = max(geometry.scale(matrix), 0.5**MAX_HALVINGS)
    block = 2 ** int(-math.log2(min(scale, 1)))
    if block > 1:
        image = _block_means(image, block)
        matrix = reduced_matrix(matrix, block)
    if geometry.scale(matrix) < MIN_UNSMOOTHED_SCALE:
        image = cv2.GaussianBlur(image, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    return image, matrix


def _block_means(image: np.ndarray, block: int) -> np.ndarray:
    """Returns the means of blocks; the last row and column are repeated to fill the last blocks."""
    height, width = image.shape[:2]
    bottom, right = -height % block, -width % block
    image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = (image.shape[1] // block, image.shape[0] // block)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def reduced_matrix(matrix: np.ndarray, reduction: int) -> np.ndarray:
    """Returns the matrix for an image of block means, `reduction` × `reduction` px to a block."""
    offset = (reduction - 1) / 2
    return _with_source(matrix, reduction, offset, offset)


def _with_source(matrix: np.ndarray, scale: float, x: float, y: float) -> np.ndarray:
    """Returns the matrix for source points p, if the given one takes `scale` × p + (x, y)."""
    offset = matrix[:, 2] + (matrix[:, 0] * x + matrix[:, 1] * y)
    return np.column_stack([matrix[:, :2] * scale, offset])


def crop_faces(
    path: Path, matrices: Sequence[np.ndarray] | np.ndarray, size: int, order: Order = "RGB"
) -> list[np.ndarray]:
    """Returns the squares (size, size, 3) that matrices cut out of a photograph, black outside it.

    The photograph is decoded once, no larger than needed.

    Args:
        path: of the photograph.
        matrices: (2, 3) each, px of the photograph → px of the square. If one is not finite, its
            square is black.
        size: side of the squares, px.
        order: of the colours, as in `read_reduced`.

    Raises:
        ValueError, MemoryError: as `read_image`.
    """
    scales = [geometry.scale(matrix) for matrix in matrices if np.isfinite(matrix).all()]
    photograph, reduction = read_reduced(path, max(scales, default=0), order)
    return [warp(photograph, reduced_matrix(matrix, reduction), size) for matrix in matrices]
