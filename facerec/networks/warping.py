"""Batches of faces as tensors, and warping them by matrices."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facerec.geometry import invert
from facerec.networks.devices import to_device

WHITE = 255


def channels_first(faces: Tensor) -> Tensor:
    """Returns faces (B, H, W, 3) uint8 as (B, 3, H, W) float32 in [0, 255]."""
    return faces.permute(0, 3, 1, 2).float()


def to_float(faces: Tensor) -> Tensor:
    """Returns faces (B, H, W, 3) uint8 as (B, 3, H, W) in [0, 1]."""
    return channels_first(faces).div_(WHITE)


def warp_batch(faces: Tensor, matrices: np.ndarray, size: int) -> Tensor:
    """Returns faces (B, 3, size, size) warped by matrices, bilinear, black outside.

    Args:
        faces: (B, 3, H, W).
        matrices: (B, 2, 3), px of `faces` → px of the result.
        size: side of the result, px.
    """
    height, width = faces.shape[2:]
    # `grid_sample` counts from -1 at the first pixel to 1 at the last.
    to_grid = np.array([[2 / (width - 1)], [2 / (height - 1)]])
    back = (invert(matrices) * to_grid).astype(np.float32)
    steps = np.arange(size, dtype=np.float32)
    columns = back[:, :, 0, None] * steps  # (B, 2, size): x, y that a column adds
    rows = back[:, :, 1, None] * steps + (back[:, :, 2, None] - 1)
    places = to_device(faces.device, torch.from_numpy(np.stack([columns, rows], axis=1)))
    column_places, row_places = places.unbind(1)
    # Sums of the two are cheaper than a product of matrices for each pixel.
    grid = (column_places[:, :, None] + row_places[..., None]).permute(0, 2, 3, 1)
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
