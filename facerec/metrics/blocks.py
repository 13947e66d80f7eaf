"""Rows of embeddings a block at a time, so that memory does not grow with the number of pairs."""

from collections.abc import Iterator

from torch import Tensor

BLOCK = 2**22  # cosines computed at a time: 16 MiB


def row_blocks(rows: Tensor, width: int) -> Iterator[tuple[int, Tensor]]:
    """Yields (start, rows), blocks for which rows × width is at most BLOCK.

    Args:
        rows: (N, E).
        width: cosines to be computed for each row.
    """
    length = max(1, BLOCK // max(1, width))
    for start in range(0, len(rows), length):
        yield start, rows[start : start + length]
