"""How alike two faces look, before any recogniser is trained: by their oriented gradients."""

from pathlib import Path

import numpy as np
import torch

from facerec.collections.records import Face, Record
from facerec.geometry import alignment_matrices
from facerec.imaging.warp import crop_faces
from facerec.parallel import parallel_map
from facerec.recognition.hog import OrientedGradients

SIDE = 64  # px of the aligned face


def descriptors(images: Path, faces: list[tuple[Record, Face]]) -> np.ndarray:
    """Returns vectors (F, E) of length 1, whose dot product says how alike two faces look.

    They are histograms of the faces aligned by five points, less the mean of all faces given, which
    takes away what every face has.

    Args:
        images: folder of the collection's images.
        faces: each with the record of its photograph.
    """
    matrices = alignment_matrices(np.array([face.points for _, face in faces]), SIDE)[5]

    def aligned(row: int) -> np.ndarray:
        path = images / faces[row][0].image_ids()[0]
        return crop_faces(path, matrices[row : row + 1], SIDE)[0]

    squares = np.stack(list(parallel_map(aligned, range(len(faces)), None)))
    batch = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
    vectors = OrientedGradients()(batch).flatten(1).numpy()
    vectors = vectors - vectors.mean(axis=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
