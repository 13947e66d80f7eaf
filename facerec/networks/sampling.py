"""Batches of pictures as tensors, sampled by matrices."""

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


def sampling_steps(matrices: np.ndarray, width: int, height: int, pixels: int) -> np.ndarray:
    """Returns where the columns and the rows of warped pictures look, (N, 2, 2, pixels) float32.

    The second axis is columns, rows; the third x, y. A pixel looks at the sum of its column's place and its row's; the
    picture reaches from -1 to 1.

    Args:
        matrices: (N, 2, 3), px of the picture → px of the result.
        width: of the picture.
        height: of it.
        pixels: side of the result.
    """
    back = (invert(matrices) * [[2 / (width - 1)], [2 / (height - 1)]]).astype(np.float32)
    per_px = back[..., :2, None].transpose(0, 2, 1, 3)
    steps = np.multiply(per_px, np.arange(pixels, dtype=np.float32), order="C")
    steps[:, 1] += back[..., 2:] - 1
    return steps


def sample(faces: Tensor, steps: np.ndarray) -> Tensor:
    """Returns faces (B, 3, pixels, pixels), bilinear, black outside.

    Args:
        faces: (B, 3, H, W).
        steps: (B, 2, 2, pixels) of `sampling_steps`.
    """
    of_columns, of_rows = to_device(faces.device, torch.from_numpy(steps)).unbind(1)
    grid = (of_columns[:, :, None] + of_rows[..., None]).permute(
        0, 2, 3, 1
    )  # cheaper than a product of matrices
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def warp_batch(faces: Tensor, matrices: np.ndarray, pixels: int) -> Tensor:
    """Returns faces (B, 3, pixels, pixels) moved by matrices, bilinear, black outside.

    Args:
        faces: (B, 3, H, W).
        matrices: (B, 2, 3), px of `faces` → px of the result.
        pixels: side of the result.
    """
    height, width = faces.shape[2:]
    return sample(faces, sampling_steps(matrices, width, height, pixels))
