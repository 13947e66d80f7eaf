"""Batches of faces; a thread fetches the next batch while a network learns from this one."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from facerec.networks.devices import device

Batch = tuple[Tensor, ...]


class FaceDataset(Dataset[Batch]):
    """Faces, in memory or mapped from a file, with their targets; indexed by batches.

    Args:
        faces: (M, H, W, 3) uint8.
        rows: (N,) indices into `faces`, of the faces to learn from.
        targets: (N, …) labels or points of those faces.
    """

    def __init__(self, faces: np.ndarray, rows: Tensor, targets: Tensor) -> None:
        self.faces, self.rows, self.targets = faces, rows, targets

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: Tensor) -> Batch:
        """Returns the faces (B, H, W, 3) with these indices (B,), and their targets (B, …)."""
        faces = torch.from_numpy(self.faces[self.rows[indices].numpy()])
        if device().type == "cuda":
            faces = faces.pin_memory()  # copied to the GPU without waiting for it
        return faces, self.targets[indices]


def prefetched(dataset: Dataset[Batch], batches: Sequence[Tensor]) -> Iterator[Batch]:
    """Yields the batches with these indices (B,); a thread fetches the next one meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(dataset.__getitem__, batches[0])
        for indices in batches[1:]:
            batch = pending.result()
            pending = pool.submit(dataset.__getitem__, indices)
            yield batch
        yield pending.result()
