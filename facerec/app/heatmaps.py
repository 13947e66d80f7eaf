"""What the hourglass sees in a face: a heatmap for each of the five points."""

from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from facerec import geometry
from facerec.app.looking import Engine, Seen, squares_of
from facerec.app.uploads import Upload
from facerec.detection.detections import Detections

SIZE = 128  # px, of a picture
SHADE = 0.45  # brightness of the face under a heatmap


@runtime_checkable
class Heatmaps(Protocol):
    """An hourglass that shows its heatmaps, such as `OnnxHourglass`."""

    face_size: int
    box_scale: float

    def heatmaps(self, faces: np.ndarray) -> np.ndarray: ...


def heatmap_pictures(engine: Engine, upload: Upload, seen: Seen) -> list[list[np.ndarray]]:
    """Returns for each face five pictures (SIZE, SIZE, 3) uint8 RGB, in the order of POINTS.

    Each is the crop that the hourglass looks at first, dark, and bright where it saw the point.
    There are none if the engine takes its points from the detector, or has no ONNX hourglass.
    """
    network = engine.points
    if not isinstance(network, Heatmaps) or not seen.faces:
        return [[] for _ in seen.faces]
    found = Detections(
        np.stack([face.box for face in seen.faces]),
        np.array([face.score for face in seen.faces]),
        np.stack([face.points for face in seen.faces]),
    )
    squares = geometry.crop_squares(found.boxes_as_celeba(), network.box_scale)
    crops = squares_of(upload, squares, network.face_size)
    heatmaps = network.heatmaps(crops)
    return [
        [_picture(crop, heatmap) for heatmap in of_face]
        for crop, of_face in zip(crops, heatmaps, strict=True)
    ]


def _picture(crop: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Returns a crop (W, W, 3) under a heatmap (S, S), scaled to its highest value."""
    face = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32)
    heat = cv2.resize(np.maximum(heatmap, 0), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    heat = (heat / max(float(heat.max()), 1e-6))[..., None]
    colour = np.array([255.0, 190.0, 40.0], np.float32)
    mixed = SHADE * face * (1 - heat) + colour * heat
    return np.clip(mixed, 0, 255).astype(np.uint8)
