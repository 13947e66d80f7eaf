"""Batches of faces: the next one is gathered meanwhile, where that takes longer than to hand it over."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from facerec.networks.devices import to_device


class Batches:
    """Gives batches of faces as indexing the array does, on a CUDA GPU or the CPU; to a GPU, or mapped ones, sooner.

    Args:
        faces: (M, H, W, 3) uint8, in memory or mapped.
        rows: (N,) of the array, by the indices that are asked for.
        where: the device.
    """

    def __init__(self, faces: np.ndarray, rows: Tensor, where: torch.device) -> None:
        self._faces, self._rows, self._where = faces, rows.numpy(), where
        self._pool = ThreadPoolExecutor(1)
        self._stream = torch.cuda.Stream(where) if where.type == "cuda" else None
        self._held = (
            torch.from_numpy(faces)
            if self._stream is None and not isinstance(faces, np.memmap)
            else None
        )
        self._expected: tuple[Tensor, Future[Tensor]] | None = None

    def prefetch(self, indices: Tensor) -> None:
        """Begins to fetch the batch that is asked for next, unless it is so near that asking takes longer."""
        if self._held is None:
            self._expected = indices, self._pool.submit(self._fetch, indices)

    def __getitem__(self, indices: Tensor) -> Tensor:
        """Returns the faces (B, H, W, 3) with these indices (B,)."""
        if self._held is not None:  # by torch, on all cores
            return self._held.index_select(0, torch.from_numpy(self._rows[indices.numpy()]))
        expected, self._expected = self._expected, None
        batch = (
            expected[1].result()
            if expected and torch.equal(expected[0], indices)
            else self._fetch(indices)
        )
        if self._stream is not None:
            here = torch.cuda.current_stream(self._where)
            here.wait_stream(self._stream)
            batch.record_stream(
                here
            )  # its memory is not given away before this stream is done with it
        return batch

    def _fetch(self, indices: Tensor) -> Tensor:
        # By NumPy: torch would make the pool's thread a team, and with more threads than cores all of them crawl.
        batch = torch.from_numpy(self._faces[self._rows[indices.numpy()]])
        if self._stream is None:
            return batch
        with torch.cuda.stream(self._stream):
            return to_device(self._where, batch)
