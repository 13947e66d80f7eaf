"""What an engine asks of its networks. Ours and others', with torch or without, give the same."""

from typing import Protocol

import numpy as np

from facerec.alignment.points import PointFinder


class Points(PointFinder, Protocol):
    """Finds the five points of faces in crops.

    Attributes:
        box_scale: side of a crop's square, of the smaller side of the face's box.
    """

    box_scale: float


class Embedder(Protocol):
    """Gives embeddings of aligned faces.

    Attributes:
        image_size: px, side of the aligned faces.
        alignment: number of points by which they are aligned: 2, 3 or 5.
        target: (5, 2) px, where the points lie in them.
        embedding_dim: length of an embedding, E.
    """

    image_size: int
    alignment: int
    target: np.ndarray
    embedding_dim: int

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Returns embeddings (N, E) float32, not normalised, of faces (N, S, S, 3) uint8 RGB."""
