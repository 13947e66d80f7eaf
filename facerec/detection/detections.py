"""What a detector finds in one photograph, and what all detectors have in common."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from facerec.geometry import box_from_points


@dataclass(frozen=True)
class Detections:
    """The F faces of a photograph, the highest score first.

    Attributes:
        boxes: (F, 4) x, y, width, height, px of the photograph, as the detector draws them. They
            may reach past its edges.
        scores: (F,) in (0, 1].
        points: (F, 5, 2) px, in the order of annotation_names.POINTS; NaN if it finds none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def boxes_as_celeba(self) -> np.ndarray:
        """Returns boxes (F, 4) as CelebA would draw them, which the pipeline cuts its crops from.

        A face without points keeps the detector's box.
        """
        from_points = box_from_points(self.points)
        return np.where(np.isfinite(from_points), from_points, self.boxes)

    def largest(self) -> int | None:
        """Returns the index of the face with the largest box, None if there is no face."""
        return int(np.argmax(self.boxes[:, 2] * self.boxes[:, 3])) if len(self) else None


class Detector(Protocol):
    """Finds faces. It can be pickled, so that each worker process has its own."""

    def detect(self, image: np.ndarray) -> Detections:
        """Returns the faces of a photograph (H, W, 3) uint8 RGB."""


def shrink(image: np.ndarray, long_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the image with its longer side at most `long_side` px, and the zoom (2,) in x, y."""
    height, width = image.shape[:2]
    zoom = min(long_side / max(height, width), 1.0)
    small_width, small_height = (max(round(zoom * side), 1) for side in (width, height))
    if zoom < 1:
        image = cv2.resize(image, (small_width, small_height), interpolation=cv2.INTER_AREA)
    return image, np.array([small_width / width, small_height / height])


def enlarged(detections: Detections, zoom: np.ndarray) -> Detections:
    """Returns detections in a shrunk image as px of the whole one; `zoom` is that of `shrink`."""
    return Detections(
        detections.boxes / np.tile(zoom, 2),
        detections.scores,
        (detections.points + 0.5) / zoom - 0.5,
    )
