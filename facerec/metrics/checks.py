"""Checks of what metrics are given."""

import torch
from torch import Tensor

from facerec.metrics.verification import _row_blocks


def _require_finite(*embeddings: Tensor) -> None:
    for rows in embeddings:
        for start, some in _row_blocks(rows, rows.shape[1]):
            spoilt = (~torch.isfinite(some).all(dim=1)).nonzero()
            if len(spoilt):
                raise ValueError(f"the embedding in row {start + int(spoilt[0])} is not finite")


def _require_same(pairs: int) -> None:
    if not pairs:
        raise ValueError("there is no same-person pair: no person has two photographs")
