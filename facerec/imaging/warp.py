"""Squares cut out of pictures by matrices."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from facerec import geometry
from facerec.geometry import scale
from facerec.imaging.io import Order, read_reduced

SHRINK_UNDER = 2 / 3  # px to a px: above, bilinear interpolation leaves hardly a pixel out
NOT_WHOLE = (
    1e-6  # px that the corner or the side of a square of whole pixels may be off, by rounding
)
MAX_HALVINGS = 14  # of a photograph; that many take the largest to a pixel


def warp(image: np.ndarray, matrix: np.ndarray, pixels: int) -> np.ndarray:
    """Returns the square (pixels, pixels, 3) that `matrix` cuts from an image, black outside it.

    Only the part that is seen is worked on; where the picture shrinks by more than a third it is averaged first, which
    keeps it from aliasing.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3), px of the image → px of the square. Not finite: the result is black.
        pixels: side of the result.
    """
    if not all(map(math.isfinite, matrix.ravel().tolist())):
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    if (whole := _whole_square(image, matrix, pixels)) is not None:
        return _resized(whole, pixels)
    part, part_matrix = _visible_part(image, matrix, pixels)
    if not part.size:
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    part, part_matrix = _shrink(part, part_matrix)
    return cv2.warpAffine(
        part, part_matrix, (pixels, pixels), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )


def _whole_square(image: np.ndarray, matrix: np.ndarray, pixels: int) -> np.ndarray | None:
    """Returns the square that `matrix` only resizes, black outside the image; None if it is not whole pixels of it.

    Nor is it returned where the image is a small part of it.
    """
    (zoom, *sheared, right), (turned, zoom_y, down) = matrix.tolist()
    if any(sheared) or turned or zoom != zoom_y or zoom <= 0:
        return None
    exact = 0.5 - (right + 0.5) / zoom, 0.5 - (down + 0.5) / zoom, pixels / zoom
    left, top, side = (round(value) for value in exact)
    height, width = image.shape[:2]
    if max(abs(left - exact[0]), abs(top - exact[1]), abs(side - exact[2])) > NOT_WHOLE:
        return None
    if side > 2 * min(width, height):
        return None
    part = image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if not part.size or part.shape[:2] == (side, side):
        return part if part.size else None
    before = max(-top, 0), max(-left, 0)
    after = side - part.shape[0] - before[0], side - part.shape[1] - before[1]
    return cv2.copyMakeBorder(part, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT)


def _resized(square: np.ndarray, pixels: int) -> np.ndarray:
    """Returns a square picture `pixels` wide, averaged where it shrinks by more than a third.

    Where it shrinks to more than half, the means are those of 2 × 2 pixels of one twice as wide as wanted: as near to
    the true means as INTER_AREA's, for which parts of pixels cost twice the time.
    """
    side = len(square)
    if pixels >= SHRINK_UNDER * side:
        return cv2.resize(square, (pixels, pixels), interpolation=cv2.INTER_LINEAR)
    if side < 2 * pixels:
        square = cv2.resize(square, (2 * pixels, 2 * pixels), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(square, (pixels, pixels), interpolation=cv2.INTER_AREA)


def _visible_part(
    image: np.ndarray, matrix: np.ndarray, pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the part of the image under the square, with a margin for interpolation, and its matrix."""
    spans = [_span(row, pixels) for row in cv2.invertAffineTransform(matrix).tolist()]
    margin = 2 + max(last - first for first, last in spans) / pixels
    (left, right), (top, bottom) = (
        (math.floor(min(max(0, first - margin), side)), math.ceil(min(max(0, last + margin), side)))
        for (first, last), side in zip(spans, image.shape[1::-1], strict=True)
    )
    return image[top:bottom, left:right], _moved(matrix, 1, left, top)


def _span(row: list[float], pixels: int) -> tuple[float, float]:
    """Returns the least and the largest of a coordinate of the image, by the row of the inverse matrix that gives it.

    Over the square and a pixel about it: in plain numbers, for which NumPy takes longer than the warping itself.
    """
    along_x, along_y, start = row
    start -= along_x + along_y
    ends = along_x * (pixels + 1), along_y * (pixels + 1)
    return start + sum(min(end, 0) for end in ends), start + sum(max(end, 0) for end in ends)


def _shrink(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the image averaged down to no less than the matrix's scale, and the matrix from there.

    Blocks of 2 × 2, 4 × 4, 8 × 8 … pixels become one; what still shrinks to under SHRINK_UNDER is smoothed by 1, 2, 1.
    Either takes out the finest stripes, and a picture twice as large gives the same.
    """
    block = 2 ** int(-math.log2(min(max(scale(matrix), 0.5**MAX_HALVINGS), 1)))
    if block > 1:
        image, matrix = _averaged(image, block), reduced_matrix(matrix, block)
    if scale(matrix) < SHRINK_UNDER:
        image = cv2.GaussianBlur(image, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    return image, matrix


def _averaged(image: np.ndarray, block: int) -> np.ndarray:
    """Returns the means of blocks; what they lack at the right and below is as the last pixels."""
    height, width = image.shape[:2]
    below, right = -height % block, -width % block
    if below or right:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = ((width + right) // block, (height + below) // block)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def reduced_matrix(matrix: np.ndarray, block: int) -> np.ndarray:
    """Returns the matrix from a picture whose pixels are blocks of `block` × `block` pixels of the matrix's source."""
    return matrix if block == 1 else _moved(matrix, block, (block - 1) / 2, (block - 1) / 2)


def _moved(matrix: np.ndarray, times: int, x: float, y: float) -> np.ndarray:
    """Returns the matrix from points p, where the given one is from `times` × p + (x, y)."""
    return np.array([[a * times, b * times, c + (a * x + b * y)] for a, b, c in matrix.tolist()])


def crop_faces(
    path: Path, matrices: Sequence[np.ndarray] | np.ndarray, pixels: int, order: Order = "RGB"
) -> list[np.ndarray]:
    """Returns the squares (pixels, pixels, 3) that matrices (2, 3) cut from a photograph, black outside it.

    It is decoded once, no larger than they need. A matrix that is not finite gives black.

    Args:
        path: of the photograph.
        matrices: px of the photograph → px of the square.
        pixels: side of the squares.
        order: of the colours, as in `read_reduced`.

    Raises:
        ValueError: as `read_image`.
    """
    scales = [scale for matrix in matrices if math.isfinite(scale := geometry.scale(matrix))]
    photograph, reduction = read_reduced(path, max(scales, default=0), order)
    return [warp(photograph, reduced_matrix(matrix, reduction), pixels) for matrix in matrices]
