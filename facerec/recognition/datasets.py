"""The aligned faces of a table's photographs, and which of them could be aligned."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec import tables
from facerec.imaging.arrays import load_faces
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.references import Reference


@dataclass(frozen=True)
class AlignedFaces:
    """The faces that a recogniser is trained with or evaluated on.

    Attributes:
        frame: N rows of a table.
        faces: (N, image_size, image_size, 3) uint8.
        usable: (N,) bool, whether the face could be aligned; one that could not is black.
    """

    frame: pd.DataFrame
    faces: np.ndarray
    usable: np.ndarray

    @property
    def labels(self) -> Tensor:
        """Returns each photograph's person as a class, (N,) int64."""
        return torch.tensor(self.frame.label.to_numpy(dtype=np.int64))

    def embed(
        self, network: Recognizer | Reference, flip: bool = True, title: str | None = None
    ) -> Tensor:
        """Returns embeddings (N, E), zeros for faces that could not be aligned.

        Args:
            network: the recogniser, or a reference.
            flip: as in `Recognizer.embed`.
            title: as in `Recognizer.embed`.
        """
        if self.frame.empty:
            return torch.zeros(0, network.config.embedding_dim)
        embeddings = network.embed(self.faces, flip=flip, title=title)
        return embeddings * torch.from_numpy(self.usable)[:, None]


def read_aligned(
    folder: Path, predicted: Path, frame: pd.DataFrame, points: int, map_over: float = math.inf
) -> AlignedFaces:
    """Returns the aligned faces of a table's photographs.

    Args:
        folder: of the aligned faces.
        predicted: a PREDICTED table, which says of every face whether it could be aligned.
        frame: rows with image_id.
        points: by which the faces are aligned: 2, 3 or 5.
        map_over: as in `imaging.arrays.load_faces`.

    Raises:
        ValueError: a face is unreadable, or the table does not list it.
    """
    usable = tables.is_aligned(predicted, frame.image_id, points)
    return AlignedFaces(frame, load_faces(folder, frame.image_id, map_over), usable)
