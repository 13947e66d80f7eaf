"""Photographs as the engine needs them: decoded no larger than its networks look."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerec import geometry
from facerec.collections.originals import read_original, read_pixels
from facerec.detection.detections import Detections, Detector, enlarged
from facerec.imaging.warp import reduced_matrix, warp

# Sides of the crop's square that are kept each way from its middle: points may lie outside the
# crop, and the aligned face is turned.
REACH = 1.5
NAN = float("nan")


@dataclass(frozen=True)
class Surroundings:
    """A face with what is around it, cut out of a photograph.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        corner: (2,) x, y of its first pixel, px of the decoded photograph.
        reduction: px of the photograph for each px of the decoded one.
    """

    pixels: np.ndarray
    corner: np.ndarray
    reduction: int

    def warp(self, matrix: np.ndarray, size: int) -> np.ndarray:
        """Returns the square (size, size, 3) that a matrix cuts out of the photograph.

        Args:
            matrix: (2, 3), px of the photograph → px of the square.
            size: side of the square, px.
        """
        matrix = reduced_matrix(matrix, self.reduction)
        moved = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ self.corner])
        return warp(self.pixels, moved, size)


@dataclass(frozen=True)
class Sighting:
    """The F faces of a photograph, before anything but the detector has seen them.

    Attributes:
        detections: px of the photograph.
        squares: (F, 3) x, y, side of the crops in which points are found.
        crops: (F, crop_size, crop_size, 3) uint8 RGB.
        surroundings: (F,) of the faces.
    """

    detections: Detections
    squares: np.ndarray
    crops: np.ndarray
    surroundings: list[Surroundings]

    def __len__(self) -> int:
        return len(self.detections)


@dataclass(frozen=True)
class Finder:
    """Finds faces in photographs and cuts them out.

    Attributes:
        detector: finds the boxes.
        long_side: px that the detector looks at.
        box_scale: side of the crops, of the smaller side of the box.
        crop_size: px that a crop must have.
        face_size: px that a face of a box's smaller side must have.
    """

    detector: Detector
    long_side: int
    box_scale: float
    crop_size: int
    face_size: int

    def in_image(self, image: np.ndarray) -> Sighting:
        """Returns the faces of a photograph (H, W, 3) uint8 RGB."""
        return self._cut(image, 1, self.detector.detect(image))

    def in_boxes(self, image: np.ndarray, boxes: np.ndarray) -> Sighting:
        """Returns the faces in given boxes (F, 4), px, of a photograph (H, W, 3) uint8 RGB."""
        count = len(boxes)
        return self._cut(image, 1, Detections(boxes, np.ones(count), np.full((count, 5, 2), NAN)))

    def in_file(self, path: Path) -> Sighting:
        """Returns the faces of a photograph in a file, of any format that `import` reads.

        It is decoded at the size that the detector needs, and again if a face is so small in it
        that more of its pixels are of use.

        Raises:
            ValueError: it cannot be read; the message names the file.
        """
        try:
            _, header = read_original(path)
            image, reduction = read_pixels(path, header, self.long_side)
            found = self.detector.detect(image)
            detections = enlarged(found, np.full(2, 1 / reduction))
            if reduction > 1 and len(detections):
                scale = min(1.0, self._scale(detections))
                if scale * reduction > 1:
                    long_side = round(scale * max(header.width, header.height))
                    image, reduction = read_pixels(path, header, long_side)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return self._cut(image, int(reduction), detections)

    def _scale(self, detections: Detections) -> float:
        """Returns how large the photograph must be decoded for its smallest face."""
        sides = detections.boxes_as_celeba()[:, 2:].min(axis=1)
        return float(max(self.crop_size / self.box_scale, self.face_size) / sides.min())

    def _cut(self, image: np.ndarray, reduction: int, detections: Detections) -> Sighting:
        size = self.crop_size
        squares = geometry.crop_squares(detections.boxes_as_celeba(), self.box_scale)
        parts = [_surroundings(image, reduction, square) for square in squares]
        matrices = geometry.square_matrices(squares, size)
        crops = np.zeros((len(parts), size, size, 3), np.uint8)
        for index, (part, matrix) in enumerate(zip(parts, matrices, strict=True)):
            crops[index] = part.warp(matrix, size)
        return Sighting(detections, squares, crops, parts)


def _surroundings(image: np.ndarray, reduction: int, square: np.ndarray) -> Surroundings:
    """Returns what is around a face, copied: the photograph itself need not be kept.

    Args:
        image: (H, W, 3), the decoded photograph.
        reduction: px of the photograph for each px of it.
        square: (3,) x, y, side of the face's crop, px of the photograph.
    """
    middle, reach = square[:2] + square[2] / 2, REACH * square[2]
    limits = np.array(image.shape[1::-1])
    left, top = np.clip(np.floor((middle - reach) / reduction), 0, limits).astype(int)
    right, bottom = np.clip(np.ceil((middle + reach) / reduction), 0, limits).astype(int)
    part = image[top:bottom, left:right].copy()
    return Surroundings(part, np.array([left, top]), reduction)
