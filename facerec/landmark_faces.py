"""Faces as the hourglass sees them: cut from photographs, jittered with their points; the loss on their heatmaps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from facerec import augment
from facerec.geometry import square_matrices, warp
from facerec.heatmaps import draw_heatmaps, inside
from facerec.images import parallel_map, read_image

CONTEXT = 1.5  # training reads this much about the crop, so that a jittered box still sees photograph, not border


def widen(squares: np.ndarray) -> np.ndarray:
    """Returns the squares (N, 3) of x, y, side grown about their centres by CONTEXT."""
    margin = squares[:, 2:] * (CONTEXT - 1) / 2
    return np.concatenate([squares[:, :2] - margin, squares[:, 2:] * CONTEXT], axis=1)


def cut_faces(folder: Path, image_ids: Sequence[str], squares: np.ndarray, pixels: int) -> np.ndarray:
    """Returns the squares of photographs, (N, pixels, pixels, 3) uint8.

    Args:
        folder: of the photographs.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side, px of the photographs.
        pixels: side of the result.
    """
    matrices = square_matrices(squares, pixels)

    def cut(index: int) -> np.ndarray:
        return warp(read_image(folder / image_ids[index]), matrices[index], pixels)

    return np.stack(list(parallel_map(cut, range(len(image_ids)), f"read {folder.name}")))


def read_crops(folder: Path, image_ids: Sequence[str], pixels: int) -> np.ndarray:
    """Returns whole pictures scaled to (N, pixels, pixels, 3) uint8."""
    return np.stack([*parallel_map(lambda name: read_crop(folder / name, pixels), image_ids, f"read {folder.name}")])


def read_crop(path: Path, pixels: int) -> np.ndarray:
    """Returns a whole picture scaled to (pixels, pixels, 3) uint8."""
    image = read_image(path)
    whole = np.array([[0.0, 0.0, image.shape[1]]])
    return warp(image, square_matrices(whole, pixels)[0], pixels)


def wide_to_crop(wide_pixels: int, pixels: int) -> Tensor:
    """Returns the matrix (2, 3) from a face with CONTEXT, `wide_pixels` wide, to its crop, `pixels` wide."""
    side = wide_pixels / CONTEXT
    square = np.array([[(wide_pixels - side) / 2, (wide_pixels - side) / 2, side]])
    return torch.from_numpy(square_matrices(square, pixels)[0]).float()


def jitter(faces: Tensor, points: Tensor, pixels: int, matrices: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns crops (B, 3, pixels, pixels) in [0, 1] and points (B, 5, 2) of them, both moved by `matrices`.

    Args:
        faces: (B, W, W, 3) uint8 with CONTEXT about the crop.
        points: (B, 5, 2), px of `faces`.
        pixels: side of the crops.
        matrices: (B, 2, 3), px of the crop → px of the jittered crop.
        device: of the result.
    """
    total = augment.compose(wide_to_crop(faces.shape[1], pixels), matrices)
    crops = augment.warp_batch(faces.to(device, non_blocking=True), total, pixels)
    return crops, augment.transform_points(total, points).to(device)


def heatmap_loss(heatmaps: Tensor, points: Tensor, sigma: float) -> Tensor:
    """Returns how far (Kullback-Leibler) the softmax over each heatmap's pixels is from a Gaussian about the point.

    A mean over points and stacks; points off the heatmap do not count. The notebook's squared error spends its first
    epochs on the empty background.

    Args:
        heatmaps: (B, stacks, 5, S, S) predicted, before the softmax.
        points: (B, 5, 2) true, px of the heatmap.
        sigma: of the true heatmaps, px.
    """
    side = heatmaps.shape[-1]
    present = inside(points, side)
    drawn = draw_heatmaps(torch.where(present[..., None], points, 0.0), side, sigma).flatten(2)
    target = (drawn / drawn.sum(dim=2, keepdim=True)).unsqueeze(1).expand_as(heatmaps.flatten(3))
    divergence = kl_div(heatmaps.float().flatten(3).log_softmax(dim=3), target, reduction="none").sum(dim=3)
    return (divergence * present.unsqueeze(1)).sum() / (present.sum().clamp_min(1) * heatmaps.shape[1])
