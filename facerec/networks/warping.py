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
    to_grid = grid_px(faces.shape[3], faces.shape[2])
    back = (invert(matrices) * to_grid).astype(np.float32)
    return sample(faces, to_device(faces.device, torch.from_numpy(back)), size)


def grid_px(width: int, height: int) -> np.ndarray:
    """Returns a pixel's width and height (2, 1) as `grid_sample` counts.

    It counts from -1 at the first pixel to 1 at the last.
    """
    return np.array([[2 / (width - 1)], [2 / (height - 1)]])


def sample(faces: Tensor, back: Tensor, size: int) -> Tensor:
    """Returns faces (B, 3, size, size), taken from places of the given ones.

    Args:
        faces: (B, 3, H, W).
        back: (B, 2, 3), px of the result → px of `faces` in `grid_px`, 0 at the first.
        size: side of the result, px.
    """
    steps = torch.arange(size, dtype=back.dtype, device=back.device)
    columns = back[:, :, 0, None] * steps  # (B, 2, size): x, y that a column adds
    rows = back[:, :, 1, None] * steps + (back[:, :, 2, None] - 1)
    # Sums of the two are cheaper than a product of matrices for each pixel.
    grid = (columns[:, :, None] + rows[..., None]).permute(0, 2, 3, 1)
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
