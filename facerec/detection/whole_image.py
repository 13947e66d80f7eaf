"""The whole photograph as the face: for collections that are cut to faces already."""

from dataclasses import dataclass

import numpy as np

from facerec.detection.detections import Detections


@dataclass(frozen=True)
class WholeImage:
    """Takes each photograph for one face, without points."""

    def detect(self, image: np.ndarray) -> Detections:
        """Returns one box around the photograph (H, W, 3), with score 1 and points of NaN."""
        height, width = image.shape[:2]
        return Detections(
            np.array([[0.0, 0.0, width, height]]), np.ones(1), np.full((1, 5, 2), np.nan)
        )
