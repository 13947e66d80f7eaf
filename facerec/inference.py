"""From photographs with boxes to embeddings: crop, points, alignment, embedding.

These are the pipeline's steps without its files: no image is stored as JPEG in between.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facerec.alignment.points import aligned_faces
from facerec.imaging.io import read_image
from facerec.landmarks.hourglass import StackedHourglass
from facerec.parallel import in_batches, parallel_map
from facerec.recognition.recognizer import Recognizer

BATCH_SIZE = 64  # photographs held at a time


def embed_photographs(
    hourglass: StackedHourglass,
    recognizer: Recognizer,
    paths: Sequence[Path],
    boxes: np.ndarray | None,
) -> Tensor:
    """Returns embeddings (N, E), not normalised; zeros for a face that cannot be aligned.

    Args:
        hourglass: its config says how large a crop it expects around a box.
        recognizer: its config names the alignment.
        paths: (N,) the photographs.
        boxes: (N, 4) x, y, width, height, px; None takes the whole photograph as the box.

    Raises:
        ValueError: a photograph cannot be read.
    """
    parts = []
    for batch in in_batches(range(len(paths)), BATCH_SIZE, "embed"):
        photographs = list(parallel_map(read_image, [paths[index] for index in batch], None))
        boxes_of_batch = _whole_photographs(photographs) if boxes is None else boxes[batch]
        parts.append(embed_faces(hourglass, recognizer, photographs, boxes_of_batch))
    return torch.cat(parts) if parts else torch.zeros(0, recognizer.config.embedding_dim)


def embed_faces(
    hourglass: StackedHourglass,
    recognizer: Recognizer,
    photographs: Sequence[np.ndarray],
    boxes: np.ndarray,
) -> Tensor:
    """Returns embeddings (N, E), not normalised, of photographs in memory.

    A face that cannot be aligned has zeros.

    Args:
        hourglass: its config says how large a crop it expects around a box.
        recognizer: its config names the alignment.
        photographs: (N,) images (H, W, 3) uint8 RGB, N > 0.
        boxes: (N, 4) x, y, width, height, px.
    """
    config = recognizer.config
    faces, is_aligned = aligned_faces(
        hourglass,
        photographs,
        boxes,
        hourglass.config.box_scale,
        config.alignment,
        config.image_size,
    )
    return recognizer.embed(faces) * torch.from_numpy(is_aligned)[:, None]


def _whole_photographs(photographs: Sequence[np.ndarray]) -> np.ndarray:
    """Returns boxes (N, 4) that cover the photographs."""
    return np.array([[0.0, 0.0, image.shape[1], image.shape[0]] for image in photographs])
