"""Recognisers that others have trained: ONNX files, on the same exams as ours.

They have no head, so people are scored by prototypes.
"""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec import geometry, tables
from facerec.files import write_bytes
from facerec.imaging.arrays import stack_images
from facerec.imaging.warp import crop_faces
from facerec.parallel import in_batches, num_workers, parallel_map
from facerec.recognition.onnx_embedder import OnnxEmbedder, target
from facerec.recognition.params import ReferenceEntry

MODEL = "model.onnx"
CONFIG = "reference.json"


class ReferenceConfig(ReferenceEntry):
    """The entry with what the file and the training photographs add to it."""

    embedding_dim: int
    person_ids: list[int]  # (K,) who each label is


class NoHead:
    """The head of a network that has none."""

    def scores(self, embeddings: Tensor) -> Tensor | None:
        """Returns None: prototypes score people instead."""
        return None


class Reference:
    """Embeddings of aligned faces by an ONNX file; used as a `Recognizer` is.

    Args:
        config: how faces are given to it.
        content: of the file.

    Raises:
        ValueError: as `OnnxEmbedder`.
    """

    def __init__(self, config: ReferenceConfig, content: bytes) -> None:
        self.config = config
        self.head = NoHead()
        self._embedder = OnnxEmbedder(config, content, num_workers())

    def embed(
        self, faces: np.ndarray, batch_size: int = 64, flip: bool = True, title: str | None = None
    ) -> Tensor:
        """Returns embeddings (N, E) float32, not normalised, as `Recognizer.embed` does.

        Raises:
            ValueError: the faces have another size, or the file's input has.
        """
        parts = [
            self._embedder.embed(batch, flip) for batch in in_batches(faces, batch_size, title)
        ]
        return torch.from_numpy(
            np.concatenate(parts) if parts else np.zeros((0, self.config.embedding_dim), np.float32)
        )


def install(name: str, entry: ReferenceEntry, person_ids: list[int], folder: Path) -> None:
    """Copies an entry's file and settings into a folder, after trying it on a face.

    Args:
        name: of the entry.
        entry: the entry.
        person_ids: (K,) who each label is.
        folder: output.

    Raises:
        ValueError: the file is absent or another one, or it does not fit the settings.
    """
    content = read_checked(name, entry)
    where = f"recognizers.{name}.model: {entry.model}"
    settings = entry.model_dump() | {"person_ids": person_ids}
    try:
        settings["embedding_dim"] = OnnxEmbedder(entry, content, num_workers()).embedding_dim
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    write_bytes(folder / MODEL, content)
    write_bytes(folder / CONFIG, ReferenceConfig(**settings).model_dump_json(indent=2).encode())


def read_checked(name: str, entry: ReferenceEntry) -> bytes:
    """Returns the content of an entry's file.

    Raises:
        ValueError: it is absent, or its hash is not the entry's.
    """
    try:
        content = Path(entry.model).read_bytes()
    except OSError as error:
        raise ValueError(
            f"recognizers.{name}.model: {entry.model}: {error.strerror}; put the file there, or "
            f"remove the entry"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise ValueError(
            f"recognizers.{name}.sha256: {entry.model} has {digest}, expected {entry.sha256}; "
            f"if you trust this file, write its hash into the entry"
        )
    return content


def load(folder: Path) -> Reference:
    """Returns the reference that `install` put into a folder.

    Raises:
        ValueError: a file is damaged.
    """
    try:
        config = ReferenceConfig.model_validate_json((folder / CONFIG).read_bytes())
        return Reference(config, (folder / MODEL).read_bytes())
    except (ValueError, OSError) as error:
        raise ValueError(f"{folder}: damaged reference: {error}") from None


def warp_faces(
    config: ReferenceConfig, photographs: Path, predicted: Path, image_ids: pd.Series
) -> np.ndarray:
    """Returns faces (N, image_size, image_size, 3) uint8, cut from the photographs.

    Its size and template may be others than those of the pipeline's aligned faces, and an enlarged
    face has less detail. A face that cannot be aligned is black.

    Args:
        config: of the reference.
        photographs: their folder.
        predicted: a PREDICTED table, with the points that the hourglass found.
        image_ids: (N,).

    Raises:
        ValueError: a photograph is unreadable, or the table does not list it.
    """
    size = config.image_size
    if not len(image_ids):
        return np.zeros((0, size, size, 3), np.uint8)
    found = tables.read(predicted, tables.PREDICTED).set_index("image_id").reindex(image_ids)
    matrices = geometry.alignment_matrices_to(target(config), tables.points(found))
    cut = partial(_cut, photographs, size)
    work = zip(image_ids, matrices[config.alignment], strict=True)
    return stack_images(parallel_map(cut, work, "warp for the reference"), len(image_ids))


def _cut(photographs: Path, size: int, work: tuple[str, np.ndarray]) -> np.ndarray:
    image_id, matrix = work
    return crop_faces(photographs / image_id, [matrix], size)[0]
