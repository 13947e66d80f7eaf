"""Batch augmentation on the device: affine jitter of pictures and points, colour, blur, erasing.

Random numbers are drawn on the CPU from a generator, so that a run is the same whatever the device draws, and what is
small is worked out there by NumPy, which begins an operation several times sooner than torch. What goes to a GPU goes
without waiting for it: a step is begun while the one before it is still computed.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facerec.geometry import FLIP_INDEX, mirrors, transform_points
from facerec.networks.devices import to_device
from facerec.networks.sampling import WHITE

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
BLUR_SIGMA = (0.003, 0.015)  # of the face's side
ERASE_SIDE = (0.15, 0.45)  # of the face's side, either side of the erased rectangle


def _drawn(numbers: int, count: int, generator: torch.Generator) -> np.ndarray:
    """Returns numbers (numbers, count) from [0, 1), float32: so many for each of `count` faces."""
    return torch.rand(numbers, count, generator=generator).numpy()


def _either_way(drawn: np.ndarray) -> np.ndarray:
    """Returns numbers from [0, 1) as such from [-1, 1)."""
    return 2 * drawn - 1


def jitter_matrices(
    count: int,
    pixels: int,
    rotation: float,
    shift: float,
    scale: float,
    mirror: bool,
    generator: torch.Generator,
) -> np.ndarray:
    """Returns random matrices (count, 2, 3) from a face's px to the jittered face's, about its centre.

    Args:
        count: how many.
        pixels: side of the face.
        rotation: largest angle, degrees.
        shift: largest shift along each axis, of the side.
        scale: largest change of size: faces grow by 1 - scale … 1 + scale.
        mirror: whether half of them are mirrored.
        generator: on the CPU.
    """
    drawn = _drawn(5, count, generator).astype(float)
    turned, grown, right, down = _either_way(drawn[:4])
    angle, size = math.radians(rotation) * turned, 1 + scale * grown
    flip = np.where(drawn[4] < 0.5 * mirror, -1, 1)
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    linear = np.array([[cos * flip, -sin], [sin * flip, cos]])
    moved = (pixels - 1) / 2 * (1 - linear.sum(axis=1)) + shift * pixels * np.array([right, down])
    return np.concatenate([linear, moved[:, None]], axis=1).transpose(2, 0, 1)


def move_landmarks(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns points (B, 5, 2) moved by matrices (B, 2, 3); where these mirror, left and right change names."""
    moved = transform_points(matrices, points)
    return np.where(mirrors(matrices)[:, None, None], moved[:, FLIP_INDEX], moved)


def draw_colours(
    count: int, brightness: float, gray: float, generator: torch.Generator
) -> np.ndarray:
    """Returns how each face's colours change, (count, 3) float32: times what, plus what, and 1 for gray, else 0.

    What is in [0, 255] before is in [0, 1] after.

    Args:
        count: of faces.
        brightness: largest change of the contrast about mid-gray, either way; the brightness changes by up to half
            as much.
        gray: share of the faces.
        generator: on the CPU.
    """
    drawn = _drawn(3, count, generator)
    contrast, brighter = brightness * _either_way(drawn[:2])
    return np.stack([(1 + contrast) / WHITE, (brighter - contrast) / 2, drawn[2] < gray], axis=1)


def jitter_colour(faces: Tensor, colours: np.ndarray) -> Tensor:
    """Changes the colours of faces (B, 3, H, W) in [0, 255], in place, and returns them in [0, 1].

    On a CPU, memory for another batch costs more than the arithmetic, of which each pass counts.

    Args:
        faces: in [0, 255].
        colours: (B, 3) of `draw_colours`.
    """
    times, plus = to_device(
        faces.device, torch.from_numpy(colours[:, :2, None, None, None])
    ).unbind(1)
    to_gray = to_device(faces.device, torch.from_numpy(colours[:, 2].nonzero()[0]))
    luma = to_device(faces.device, torch.from_numpy(LUMA[:, None, None]))
    grayed = (faces[to_gray] * luma).sum(dim=1, keepdim=True)
    faces.index_copy_(0, to_gray, grayed.expand(-1, 3, -1, -1))
    return faces.mul_(times).add_(plus).clamp_(0, 1)


def draw_blurs(count: int, share: float, generator: torch.Generator) -> np.ndarray:
    """Returns the width (count,) of each face's Gaussian, of its side: from BLUR_SIGMA for a share of them, else 0."""
    (low, high), drawn = BLUR_SIGMA, _drawn(2, count, generator)
    return np.where(drawn[0] < share, low + (high - low) * drawn[1], 0)


def blur(faces: Tensor, widths: np.ndarray) -> Tensor:
    """Returns faces (B, 3, H, W) blurred by Gaussians of `widths` (B,) as `draw_blurs` gives them."""
    rows, side = widths.nonzero()[0], faces.shape[-1]
    if not len(rows):
        return faces
    reach = math.ceil(3 * BLUR_SIGMA[1] * side)
    step, sigma = (
        torch.arange(-reach, reach + 1),
        torch.from_numpy(side * widths[rows, None]).float(),
    )
    kernels = to_device(faces.device, torch.softmax(-(step**2) / (2 * sigma**2), dim=1))
    chosen = to_device(faces.device, torch.from_numpy(rows))
    pictures = faces[chosen].transpose(0, 1)  # each face is a channel, with a kernel of its own
    padded = F.pad(pictures, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernels[:, None, None, :], groups=len(rows))
    blurred = F.conv2d(across, kernels[:, None, :, None], groups=len(rows))
    return faces.index_copy(0, chosen, blurred.transpose(0, 1))


def draw_rectangles(count: int, share: float, generator: torch.Generator) -> np.ndarray:
    """Returns what is erased of each face (Zhong et al. 2020), (count, 7): top, left, bottom, right, red, green, blue.

    Of the face's side and in [0, 1]; top to right are 0 but for a share of the faces.
    """
    (low, high), drawn = ERASE_SIDE, _drawn(8, count, generator)
    size = low + (high - low) * drawn[1:3]
    start = drawn[3:5] * (1 - size)
    return np.concatenate([np.where(drawn[0] < share, [*start, *(start + size)], 0), drawn[5:]]).T


def erase(faces: Tensor, rectangles: np.ndarray) -> Tensor:
    """Fills rectangles (B, 7) of `draw_rectangles` of faces (B, 3, H, H) in [0, 1], in place, and returns them."""
    rows = rectangles[:, 2].nonzero()[0]
    start, end = rectangles[rows, :2, None], rectangles[rows, 2:4, None]
    steps = np.arange(faces.shape[-1]) / faces.shape[-1]
    inside = ((steps >= start) & (steps < end)).astype(np.float32)
    covered, chosen, colour = (
        to_device(faces.device, torch.from_numpy(values))
        for values in (inside, rows, rectangles[rows, 4:, None, None])
    )
    area = covered[:, :1, :, None] * covered[:, 1:, None, :]
    return faces.index_copy_(0, chosen, faces[chosen].lerp_(colour, area))


class Ahead:
    """Gives out, batch after batch, what is drawn for many faces at once.

    On a CPU, to draw for each batch alone takes an eighth of the time of augmenting it.

    Args:
        draw: for so many faces, from a generator: arrays with a row a face.
        faces: for how many at once, in whole batches.
    """

    def __init__(
        self, draw: Callable[[int, torch.Generator], Sequence[np.ndarray]], faces: int = 512
    ) -> None:
        self._draw, self._faces = draw, faces
        self._generator: torch.Generator | None = None
        self._drawn: Sequence[np.ndarray] = ()
        self._given = 0

    def take(self, count: int, generator: torch.Generator) -> list[np.ndarray]:
        """Returns the next `count` rows of each array.

        They are drawn anew when fewer are left, which are dropped, and for another generator than before, as another
        object: one that was seeded anew is not noticed.
        """
        if generator is not self._generator or self._given + count > len(self._drawn[0]):
            self._generator, self._given = generator, 0
            self._drawn = self._draw(count * max(self._faces // count, 1), generator)
        rows = slice(self._given, self._given + count)
        self._given += count
        return [drawn[rows] for drawn in self._drawn]
