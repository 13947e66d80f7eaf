"""Photographs that arrive by HTTP, looked at by an engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from facerec import geometry
from facerec.app.uploads import Refused, Upload, as_file, read_header
from facerec.collections.originals import Header, read_pixels
from facerec.engine.faces import Face
from facerec.engine.operating_point import OperatingPoint
from facerec.imaging.warp import reduced_matrix, warp

SAME_FACE_OVERLAP = 0.5  # intersection over union of two boxes of one face
THUMBNAIL_SIZE = 192  # px
THUMBNAIL_SCALE = 1.5  # side of a thumbnail, of the smaller side of the box


class Engine(Protocol):
    """What the page asks of an engine: that of `facerec.engine`, or a made-up one of a test."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def operating_point(self) -> OperatingPoint | None: ...

    @property
    def description(self) -> dict[str, str]: ...

    @property
    def points(self) -> object: ...

    @property
    def embedding_dim(self) -> int: ...

    def over_files(
        self, paths: Sequence[Path], title: str | None
    ) -> Iterator[tuple[Path, list[Face] | ValueError]]: ...


@dataclass(frozen=True)
class Seen:
    """A photograph and its faces.

    Attributes:
        name: of the file, for messages.
        header: its size.
        faces: the highest score of the detector first.
    """

    name: str
    header: Header
    faces: list[Face]

    def face_at(self, box: np.ndarray | None) -> Face:
        """Returns the face in a box (4,), or the only face.

        Raises:
            Refused: there is no such face, it is not clear which, or it cannot be aligned.
        """
        if not self.faces:
            raise Refused(f"{self.name}: no face was found")
        if box is None:
            usable = [face for face in self.faces if face.usable]
            if len(usable) > 1:
                raise Refused(f"{self.name}: {len(usable)} faces; say which one by `box`")
            face = usable[0] if usable else self.faces[0]
        else:
            face = max(self.faces, key=lambda each: overlap(each.box, box))
            if overlap(face.box, box) < SAME_FACE_OVERLAP:
                raise Refused(f"{self.name}: no face was found in this box")
        if not face.usable:
            raise Refused(
                f"{self.name}: the face cannot be aligned, so nobody could be recognised by it; "
                "take another photograph"
            )
        return face

    def largest(self) -> Face:
        """Returns the largest face that can be compared.

        Raises:
            Refused: there is none.
        """
        usable = [face for face in self.faces if face.usable]
        if not usable:
            raise Refused(f"{self.name}: no face was found that can be compared")
        return max(usable, key=lambda face: float(face.box[2] * face.box[3]))


def look(engine: Engine, upload: Upload, max_pixels: int) -> Seen:
    """Returns the faces of a photograph.

    Raises:
        Refused: it is no image, damaged, or too large.
    """
    with as_file(upload) as path:
        header = read_header(upload, path, max_pixels)
        return Seen(upload.name, header, _faces(engine, upload, path))


def _faces(engine: Engine, upload: Upload, path: Path) -> list[Face]:
    ((_, found),) = engine.over_files([path], None)
    if isinstance(found, ValueError):
        raise Refused(f"{upload.name}: {str(found).removeprefix(f'{path}: ')}")
    return found


def squares_of(upload: Upload, squares: np.ndarray, size: int) -> np.ndarray:
    """Returns squares of a photograph, (N, size, size, 3) uint8 RGB, black outside it.

    Args:
        upload: the photograph, which has been looked at.
        squares: (N, 3) x, y, side, px of the upright photograph.
        size: side of the result, px.
    """
    with as_file(upload) as path:
        header = read_header(upload, path, 2**62)
        long_side = max(header.width, header.height)
        zoom = size / max(float(squares[:, 2].min()), 1.0) if len(squares) else 0.0
        try:
            image, reduction = read_pixels(path, header, round(long_side * min(zoom, 1.0)))
        except ValueError as error:
            raise Refused(f"{upload.name}: {error}") from None
    matrices = geometry.square_matrices(squares.astype(float), size)
    cut = [warp(image, reduced_matrix(matrix, int(reduction)), size) for matrix in matrices]
    return np.stack(cut) if cut else np.zeros((0, size, size, 3), np.uint8)


def thumbnail(upload: Upload, face: Face) -> np.ndarray:
    """Returns a face with a little around it, (THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3) uint8 RGB."""
    square = geometry.crop_squares(face.box[None], THUMBNAIL_SCALE)
    return squares_of(upload, square, THUMBNAIL_SIZE)[0]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the intersection over union of two boxes (4,) x, y, width, height."""
    first = np.maximum(one[:2], other[:2])
    last = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    common = np.prod(np.maximum(last - first, 0))
    return float(common / (np.prod(one[2:]) + np.prod(other[2:]) - common))
