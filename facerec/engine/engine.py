"""Photographs in, faces with embeddings out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from facerec import geometry
from facerec.alignment.points import find_points_in_crops
from facerec.engine.faces import Face
from facerec.engine.networks import Embedder, Points
from facerec.engine.operating_point import OperatingPoint
from facerec.engine.photographs import Finder, Sighting
from facerec.parallel import parallel_map
from facerec.progress import Progress

TINY = 1e-12
BATCH_SIZE = 16  # photographs that a core works on at once


@dataclass(frozen=True)
class FaceEngine:
    """Finds faces, and gives each an embedding.

    Attributes:
        finder: finds the faces' boxes, and cuts them out.
        points: finds their five points in crops; None takes those of the detector.
        embedder: gives embeddings of the aligned faces.
        fingerprint: SHA-256 of the model files and settings. Embeddings of two engines may be
            compared if it is the same. The detector is left out: its boxes only say where to look.
        operating_point: thresholds; None where none were measured.
        description: for people: name, source and licence of the models.
    """

    finder: Finder
    points: Points | None
    embedder: Embedder
    fingerprint: str
    operating_point: OperatingPoint | None
    description: dict[str, str]

    @property
    def embedding_dim(self) -> int:
        """The length of an embedding."""
        return self.embedder.embedding_dim

    def faces(
        self, images: Sequence[np.ndarray], boxes: Sequence[np.ndarray] | None = None
    ) -> list[list[Face]]:
        """Returns the faces of each photograph, the highest score of the detector first.

        Args:
            images: (H, W, 3) uint8 RGB each.
            boxes: (F, 4) x, y, width, height, px, as CelebA draws them, for each photograph; None:
                the detector finds them. An engine that takes the detector's points needs None.
        """
        if boxes is None:
            return self._complete([self.finder.in_image(image) for image in images])
        if self.points is None:
            raise ValueError("the points are the detector's, so it must find the boxes too")
        given = zip(images, boxes, strict=True)
        return self._complete([self.finder.in_boxes(image, each) for image, each in given])

    def over_files(
        self, paths: Sequence[Path], title: str | None
    ) -> Iterator[tuple[Path, list[Face] | ValueError]]:
        """Yields the faces of each photograph, in order, or why it cannot be read.

        Each core takes some photographs from file to embedding, so all cores are busy whichever of
        the networks is the slowest.

        Args:
            paths: of the photographs, of any format that `facerec import` reads.
            title: of the progress report; None reports nothing.
        """
        batches = [paths[at : at + BATCH_SIZE] for at in range(0, len(paths), BATCH_SIZE)]
        with Progress(title, len(paths)) as progress:
            for batch in parallel_map(self._of_files, batches, None):
                for path, result in batch:
                    yield path, result
                    progress.advance()

    def _of_files(self, paths: Sequence[Path]) -> list[tuple[Path, list[Face] | ValueError]]:
        seen: list[Sighting | ValueError] = [self._try(path) for path in paths]
        faces = iter(self._complete([each for each in seen if isinstance(each, Sighting)]))
        return [
            (path, next(faces) if isinstance(each, Sighting) else each)
            for path, each in zip(paths, seen, strict=True)
        ]

    def _try(self, path: Path) -> Sighting | ValueError:
        try:
            return self.finder.in_file(path)
        except ValueError as error:
            return error

    def _complete(self, photographs: Sequence[Sighting]) -> list[list[Face]]:
        """Returns the faces of photographs with points, alignment and embedding."""
        if not any(map(len, photographs)):
            return [[] for _ in photographs]
        points, confidence = self._find_points(photographs)
        matrices = geometry.alignment_matrices_to(self.embedder.target, points)
        chosen = matrices[self.embedder.alignment]
        surroundings = [each for photograph in photographs for each in photograph.surroundings]
        aligned = np.stack(
            [
                each.warp(matrix, self.embedder.image_size)
                for each, matrix in zip(surroundings, chosen, strict=True)
            ]
        )
        usable = np.isfinite(chosen).all(axis=(1, 2))
        embeddings = np.zeros((len(aligned), self.embedding_dim), np.float32)
        if usable.any():
            embeddings[usable] = _normalised(self.embedder.embed(aligned[usable]))
        boxes = np.concatenate([each.detections.boxes for each in photographs])
        scores = np.concatenate([each.detections.scores for each in photographs])
        columns = (boxes, scores.tolist(), points, confidence.tolist())
        rest = (embeddings, usable.tolist(), aligned)
        faces = iter([Face(*values) for values in zip(*columns, *rest, strict=True)])
        return [list(islice(faces, len(photograph))) for photograph in photographs]

    def _find_points(self, photographs: Sequence[Sighting]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the points (F, 5, 2) of all faces, px of their photographs, and confidence."""
        if self.points is None:
            found = [each.detections for each in photographs]
            points = np.concatenate([each.points for each in found])
            return points, np.concatenate([each.scores for each in found])
        squares = np.concatenate([each.squares for each in photographs])
        crops = np.concatenate([each.crops for each in photographs])
        predicted = find_points_in_crops(self.points, crops, squares)
        return predicted.points, predicted.confidence


def _normalised(embeddings: np.ndarray) -> np.ndarray:
    """Returns embeddings (N, E) of length 1; zeros stay."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(lengths, TINY)
