"""Augmentation of batches: affine jitter of pictures and points, colour, blur, erasing.

What is random is drawn on the CPU from a generator, so that a run is the same on every device, and
is then applied to the batch where that is.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facerec.geometry import FLIP_INDEX, mirrors, transform_points
from facerec.networks.devices import to_device
from facerec.networks.warping import WHITE

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
BLUR_SIGMA = (0.003, 0.015)  # of the face's side
ERASE_SIDE = (0.15, 0.45)  # of the face's side, for either side of the erased rectangle


def _uniform(rows: int, count: int, generator: torch.Generator) -> np.ndarray:
    """Returns random numbers (rows, count) in [0, 1), float32."""
    return torch.rand(rows, count, generator=generator).numpy()


def jitter_matrices(
    count: int,
    size: int,
    rotation: float,
    shift: float,
    scale: float,
    mirror: bool,
    generator: torch.Generator,
) -> np.ndarray:
    """Returns random matrices (count, 2, 3) from px of a face to px of the jittered face.

    Args:
        count: how many.
        size: side of the face, px; faces turn and grow about its centre.
        rotation: largest angle, degrees.
        shift: largest shift along each axis, of the side.
        scale: largest change of size: faces grow by 1 - scale … 1 + scale.
        mirror: whether half of them are mirrored.
        generator: on the CPU.
    """
    drawn = _uniform(5, count, generator).astype(float)
    angle, growth, right, down = 2 * drawn[:4] - 1  # in [-1, 1)
    angle = math.radians(rotation) * angle
    growth = 1 + scale * growth
    flip = np.where(drawn[4] < 0.5 * mirror, -1, 1)
    cos = growth * np.cos(angle)
    sin = growth * np.sin(angle)
    linear = np.array([[cos * flip, -sin], [sin * flip, cos]])
    about_centre = (size - 1) / 2 * (1 - linear.sum(axis=1))
    moved = about_centre + shift * size * np.array([right, down])
    return np.concatenate([linear, moved[:, None]], axis=1).transpose(2, 0, 1)


def move_landmarks(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns points (B, 5, 2) moved by matrices (B, 2, 3).

    Where a matrix mirrors a face, left and right points change places.
    """
    moved = transform_points(matrices, points)
    return np.where(mirrors(matrices)[:, None, None], moved[:, FLIP_INDEX], moved)


def draw_colours(
    count: int, brightness: float, grayscale_prob: float, generator: torch.Generator
) -> np.ndarray:
    """Returns how the colours of each face change, (count, 3) float32: factor, offset, grayscale.

    Factor and offset take a value in [0, 255] to one in [0, 1]; grayscale is 1 or 0.

    Args:
        count: of faces.
        brightness: largest change of the contrast about mid-gray, either way; the brightness
            changes by up to half as much.
        grayscale_prob: of a face.
        generator: on the CPU.
    """
    drawn = _uniform(3, count, generator)
    contrast, brighter = brightness * (2 * drawn[:2] - 1)
    factor = (1 + contrast) / WHITE
    offset = (brighter - contrast) / 2
    return np.stack([factor, offset, drawn[2] < grayscale_prob], axis=1)


def jitter_colour(faces: Tensor, colours: np.ndarray) -> Tensor:
    """Changes the colours of faces in place, and returns them in [0, 1].

    Args:
        faces: (B, 3, H, W) in [0, 255].
        colours: (B, 3) of `draw_colours`.
    """
    factor = to_device(faces.device, torch.from_numpy(colours[:, 0, None, None, None]))
    offset = to_device(faces.device, torch.from_numpy(colours[:, 1, None, None, None]))
    chosen = to_device(faces.device, torch.from_numpy(colours[:, 2].nonzero()[0]))
    luma = to_device(faces.device, torch.from_numpy(LUMA[:, None, None]))
    gray = (faces[chosen] * luma).sum(dim=1, keepdim=True)
    faces.index_copy_(0, chosen, gray.expand(-1, 3, -1, -1))
    return faces.mul_(factor).add_(offset).clamp_(0, 1)


def draw_blurs(count: int, blur_prob: float, generator: torch.Generator) -> np.ndarray:
    """Returns the sigma of each face's Gaussian blur (count,), of its side; 0 for none."""
    chosen, sigma = _uniform(2, count, generator)
    low, high = BLUR_SIGMA
    return np.where(chosen < blur_prob, low + (high - low) * sigma, 0)


def blur(faces: Tensor, sigmas: np.ndarray) -> Tensor:
    """Returns faces (B, 3, H, H) blurred by Gaussians.

    Args:
        faces: on any device.
        sigmas: (B,) of `draw_blurs`.
    """
    rows = sigmas.nonzero()[0]
    if not len(rows):
        return faces
    side = faces.shape[-1]
    radius = math.ceil(3 * BLUR_SIGMA[1] * side)
    steps = torch.arange(-radius, radius + 1)
    sigma = torch.from_numpy(side * sigmas[rows, None]).float()
    kernels = to_device(faces.device, torch.softmax(-(steps**2) / (2 * sigma**2), dim=1))
    chosen = to_device(faces.device, torch.from_numpy(rows))
    channels = faces[chosen].transpose(0, 1)  # each face is a channel, with its own kernel
    padded = F.pad(channels, (radius, radius, radius, radius), mode="replicate")
    across = F.conv2d(padded, kernels[:, None, None, :], groups=len(rows))
    blurred = F.conv2d(across, kernels[:, None, :, None], groups=len(rows))
    return faces.index_copy(0, chosen, blurred.transpose(0, 1))


def draw_rectangles(count: int, erase_prob: float, generator: torch.Generator) -> np.ndarray:
    """Returns what is erased of each face (Zhong et al. 2020), (count, 7).

    The columns are top, left, bottom, right, all 0 for nothing, of the face's side; and red, green,
    blue in [0, 1].
    """
    drawn = _uniform(8, count, generator)
    low, high = ERASE_SIDE
    size = low + (high - low) * drawn[1:3]
    start = drawn[3:5] * (1 - size)
    corners = np.concatenate([start, start + size])
    return np.concatenate([np.where(drawn[0] < erase_prob, corners, 0), drawn[5:]]).T


def erase(faces: Tensor, rectangles: np.ndarray) -> Tensor:
    """Fills rectangles of faces in place, and returns the faces.

    Args:
        faces: (B, 3, H, H) in [0, 1].
        rectangles: (B, 7) of `draw_rectangles`.
    """
    rows = rectangles[:, 2].nonzero()[0]
    start = rectangles[rows, :2, None]
    end = rectangles[rows, 2:4, None]
    steps = np.arange(faces.shape[-1]) / faces.shape[-1]
    inside = ((steps >= start) & (steps < end)).astype(np.float32)  # (erased, 2, H)
    covered = to_device(faces.device, torch.from_numpy(inside))
    chosen = to_device(faces.device, torch.from_numpy(rows))
    colours = to_device(faces.device, torch.from_numpy(rectangles[rows, 4:, None, None]))
    area = covered[:, :1, :, None] * covered[:, 1:, None, :]
    return faces.index_copy_(0, chosen, faces[chosen].lerp_(colours, area))
