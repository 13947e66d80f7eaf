"""One photograph of an import: its header, its named faces, the detector's faces, and its copy."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerec.collections.layouts import Source, normal_name
from facerec.collections.originals import read_original, read_pixels, store
from facerec.collections.records import Face, NamedFace, Record
from facerec.collections.xmp import read_regions, sidecars
from facerec.detection.detections import Detections, Detector
from facerec.detection.photographs import NO_FACE

MARGIN = 0.5  # of a named box's sides, around it, where a face in it is looked for again
NOBODY = "lies in no person's folder, and no face in it is named"
NO_NAMES = "no face in it is named"


@dataclass(frozen=True)
class Task:
    """A photograph to examine, and its number in the collection."""

    number: int
    source: Source


@dataclass(frozen=True)
class Examination:
    """What is done with each photograph. It can be pickled, so that processes can share the work.

    Attributes:
        folder: of the originals.
        images: folder of the collection's images.
        detector: finds faces.
        long_side: px that the detector looks at; JPEGs are decoded no larger than that.
        named_only: whether people come from named faces alone, and never from folders.
        link: whether images are hard links, as `originals.store` says.
    """

    folder: Path
    images: Path
    detector: Detector
    long_side: int
    named_only: bool
    link: bool

    def __call__(self, task: Task) -> Record:
        """Returns what was found, after the photograph was copied if it has a face to take.

        Raises:
            OSError: the copy cannot be written.
        """
        source = task.source
        path = self.folder / source.path
        person = None if self.named_only else source.person
        common = (task.number, source.path, *version(path), person)
        try:
            content, header = read_original(path)
            regions = read_regions(path, header.xmp)
            if not regions.faces and person is None:
                problem = NO_NAMES if self.named_only else NOBODY
                return Record(*common, problem=problem, xmp_problem=regions.problem)
            image, zoom = read_pixels(path, header, self.long_side)
        except ValueError as error:
            return Record(*common, problem=str(error).removeprefix(f"{path}: "))
        except OSError as error:
            return Record(*common, problem=error.strerror or "not readable")
        boxes = regions.boxes(header.width, header.height, header.orientation)
        faces, places = self._faces(image, boxes / zoom)
        named = [
            NamedFace(normal_name(region.name), box.tolist(), place)
            for region, box, place in zip(regions.faces, boxes, places, strict=True)
        ]
        record = Record(
            *common,
            hashlib.sha256(content).hexdigest(),
            header.suffix,
            _as_records(faces, zoom),
            named,
            None if len(faces) else NO_FACE,
            regions.problem,
        )
        whole = image if zoom == 1 else None
        for image_id in record.image_ids():
            if len(faces):
                store(path, content, header, whole, self.images / image_id, self.link)
        return record

    def _faces(self, image: np.ndarray, boxes: np.ndarray) -> tuple[Detections, list[int | None]]:
        """Returns the faces with points, and which of them lies in each named box (F, 4).

        A named face that the whole picture did not show, such as a small one, is looked for again
        in the part around its box, which the detector sees at a larger size.
        """
        faces = with_points(self.detector.detect(image))
        places = face_in_each(faces.boxes, boxes)
        for row, (x, y, width, height) in enumerate(boxes):
            if places[row] is not None:
                continue
            left, top = (max(int(v), 0) for v in (x - MARGIN * width, y - MARGIN * height))
            right, bottom = (
                max(int(v), 0) for v in (x + (1 + MARGIN) * width, y + (1 + MARGIN) * height)
            )
            part = np.ascontiguousarray(image[top:bottom, left:right])
            if not part.size:
                continue
            again = moved(with_points(self.detector.detect(part)), left, top)
            (found,) = face_in_each(again.boxes, boxes[row : row + 1])
            if found is not None:
                places[row] = len(faces)
                faces = joined(faces, again, found)
        return faces, places


def version(path: Path) -> tuple[int, int]:
    """Returns a photograph's size, and when it or a sidecar last changed, ns; 0 if it is gone."""
    statuses = []
    for file in (path, *sidecars(path)):
        try:
            statuses.append(file.stat())
        except OSError:
            if file == path:
                return 0, 0
    return statuses[0].st_size, max(status.st_mtime_ns for status in statuses)


def with_points(faces: Detections) -> Detections:
    """Returns the faces whose five points were found."""
    kept = np.isfinite(faces.points).all(axis=(1, 2))
    return Detections(faces.boxes[kept], faces.scores[kept], faces.points[kept])


def moved(faces: Detections, x: float, y: float) -> Detections:
    """Returns the faces of a part of a picture, in the whole picture's px."""
    return Detections(
        faces.boxes + np.array([x, y, 0, 0]), faces.scores, faces.points + np.array([x, y])
    )


def joined(faces: Detections, others: Detections, index: int) -> Detections:
    """Returns the faces and one of the others behind them."""
    one = slice(index, index + 1)
    return Detections(
        np.concatenate([faces.boxes, others.boxes[one]]),
        np.concatenate([faces.scores, others.scores[one]]),
        np.concatenate([faces.points, others.points[one]]),
    )


def face_in_each(faces: np.ndarray, boxes: np.ndarray) -> list[int | None]:
    """Returns which face lies in each box: the nearest whose middle is inside, and no face twice.

    Programs draw boxes of several sizes around a face, so overlap says little.

    Args:
        faces: (F, 4) x, y, width, height.
        boxes: (B, 4).
    """
    middles = faces[:, :2] + faces[:, 2:] / 2
    pairs = []
    for row, (x, y, width, height) in enumerate(boxes):
        off = np.abs(middles - [x + width / 2, y + height / 2]) / [width, height]
        distances = off.max(axis=1, initial=0.0)
        pairs += [(distance, row, face) for face, distance in enumerate(distances)]
    places: list[int | None] = [None] * len(boxes)
    for distance, row, face in sorted(pairs):
        if distance <= 0.5 and places[row] is None and face not in places:
            places[row] = face
    return places


def _as_records(faces: Detections, zoom: float) -> list[Face]:
    """Returns faces found on a picture whose px stand for `zoom` px of the photograph each."""
    offset = (zoom - 1) / 2  # pixel centres are integers; boxes have edges at x - 0.5
    points = faces.points * zoom + offset
    boxes = faces.boxes_as_celeba() * zoom
    return [
        Face(np.round(box, 2).tolist(), round(float(score), 4), np.round(five, 2).tolist())
        for box, score, five in zip(boxes, faces.scores, points, strict=True)
    ]
