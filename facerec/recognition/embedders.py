"""Whatever gives embeddings, ours or a reference, and its faces."""

from pathlib import Path

import pandas as pd

from facerec import tables
from facerec.networks.devices import device
from facerec.recognition import recognizer, references
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.references import Reference

Embedder = Recognizer | Reference


def load_embedders(folder: Path, seeds: list[int]) -> list[Embedder]:
    """Returns the recognisers of a folder, one a seed, or its only reference.

    Args:
        folder: that `train_recognizer` has written.
        seeds: of the trainings.

    Raises:
        ValueError: a file is absent or damaged.
    """
    if (folder / references.CONFIG).exists():
        return [references.load(folder)]
    return [recognizer.load(folder / f"seed_{seed}.pt", device()) for seed in seeds]


def read_faces(
    embedder: Embedder, aligned: Path, photographs: Path, predicted: Path, frame: pd.DataFrame
) -> AlignedFaces:
    """Returns the faces of a table's photographs, as this embedder takes them.

    Args:
        embedder: ours takes the aligned faces, a reference has its own cut from the photographs.
        aligned: folder of the aligned faces.
        photographs: folder of the photographs.
        predicted: a PREDICTED table.
        frame: rows with image_id.

    Raises:
        ValueError: a face is unreadable, or the table does not list it.
    """
    alignment = embedder.config.alignment
    if isinstance(embedder, Reference):
        usable = tables.is_aligned(predicted, frame.image_id, alignment)
        faces = references.warp_faces(embedder.config, photographs, predicted, frame.image_id)
        return AlignedFaces(frame, faces, usable)
    return read_aligned(aligned, predicted, frame, alignment)
