"""An engine for fast tests: faces are coloured squares on grey, and people are colours."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facerec.collections.originals import read_original, read_pixels
from facerec.engine.faces import Face
from facerec.engine.operating_point import OperatingPoint

GREY = 128
SIDE = 60
PEOPLE = {
    "red": (230, 40, 40),
    "green": (40, 220, 60),
    "blue": (50, 60, 230),
    "pink": (240, 90, 230),
}
POINT = OperatingPoint(
    verify_threshold=0.9,
    verify_fpr=0.01,
    search_threshold=0.95,
    search_fpir=0.02,
    gallery_people=10,
    slope=40.0,
    intercept=-36.0,
    collection="coloured squares",
    people=10,
    photographs=100,
)


def picture(*people: str, shade: int = 0) -> Image.Image:
    """Returns a photograph of some people side by side; other shades are other photographs."""
    pixels = np.full((SIDE + 40, (SIDE + 30) * len(people) + 30, 3), GREY, np.uint8)
    for place, name in enumerate(people):
        left = 30 + place * (SIDE + 30)
        pixels[20 : 20 + SIDE, left : left + SIDE] = np.clip(np.array(PEOPLE[name]) + shade, 0, 255)
    return Image.fromarray(pixels)


def jpeg(*people: str, shade: int = 0) -> bytes:
    """Returns such a photograph as a file."""
    file = io.BytesIO()
    picture(*people, shade=shade).save(file, "JPEG", quality=95)
    return file.getvalue()


class Heat:
    """A made-up hourglass.

    Attributes:
        face_size: px, side of its crops.
        box_scale: side of a crop, of the smaller side of the box.
    """

    face_size, box_scale = 64, 1.2

    def heatmaps(self, faces: np.ndarray) -> np.ndarray:
        """Returns heatmaps (N, 5, 16, 16) with one bright pixel."""
        found = np.zeros((len(faces), 5, 16, 16), np.float32)
        for point in range(5):
            found[:, point, 3 * point, 8] = 1
        return found


@dataclass
class ColourEngine:
    """Finds squares that are not grey; the embedding is the colour."""

    fingerprint: str = "c" * 64
    operating_point: OperatingPoint | None = POINT
    description: dict[str, str] = field(default_factory=lambda: {"model": "colours"})
    points: object = field(default_factory=Heat)
    embedding_dim: int = 3
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def over_files(
        self, paths: Sequence[Path], title: str | None
    ) -> Iterator[tuple[Path, list[Face] | ValueError]]:
        """Yields the faces of photographs, or why one cannot be read."""
        for path in paths:
            try:
                header = read_original(path)[1]
                image = read_pixels(path, header, 10_000)[0]
            except ValueError as error:
                yield path, ValueError(f"{path}: {error}")
                continue
            yield path, self.faces_of(image)

    def faces_of(self, image: np.ndarray) -> list[Face]:
        """Returns the faces of a photograph, from left to right."""
        spread = image.max(axis=2).astype(int) - image.min(axis=2)
        _, _, stats, _ = cv2.connectedComponentsWithStats((spread > 60).astype(np.uint8))
        boxes = sorted(row[:4].tolist() for row in stats[1:] if row[4] > 200)
        return [self._face(image, np.array(box, float)) for box in boxes]

    def _face(self, image: np.ndarray, box: np.ndarray) -> Face:
        x, y, width, height = box.astype(int)
        part = image[y : y + height, x : x + width]
        colour = (part.reshape(-1, 3).mean(axis=0) - GREY) * self.weights
        places = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])
        return Face(
            box=box,
            score=0.9,
            points=box[:2] + places * box[2:],
            confidence=0.8,
            embedding=(colour / np.linalg.norm(colour)).astype(np.float32),
            usable=True,
            aligned=cv2.resize(part, (64, 64)),
        )
