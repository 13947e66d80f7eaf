"""Batch augmentation on the device: affine jitter of pictures and points, colour, blur, erasing.

Random numbers are drawn on the CPU from a generator, so that a run is the same whatever the device draws. What goes to
a GPU goes without waiting for it: a step is begun while the one before it is still computed.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from facerec.geometry import MIRRORED, closer_matrices

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
BLUR_SIGMA = (0.003, 0.015)  # of the face's side
ERASE_SIDE = (0.15, 0.45)  # of the face's side, either side of the erased rectangle


def uniform(count: int, reach: float, generator: torch.Generator) -> Tensor:
    """Returns `count` numbers from [-reach, reach]."""
    return (torch.rand(count, generator=generator) * 2 - 1) * reach


def _drawn(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Returns which of `count` faces, (C,) their indices, are among a share of all."""
    return (torch.rand(count, generator=generator) < share).nonzero()[:, 0]


def jitter_matrices(
    count: int, pixels: int, rotation: float, shift: float, scale: float, mirror: bool, generator: torch.Generator
) -> Tensor:
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
    angle = torch.deg2rad(uniform(count, rotation, generator))
    size = 1 + uniform(count, scale, generator)
    flip = torch.where(torch.rand(count, generator=generator) < 0.5 * mirror, -1.0, 1.0)
    cos, sin = size * angle.cos(), size * angle.sin()
    linear = torch.stack([torch.stack([cos * flip, -sin], -1), torch.stack([sin * flip, cos], -1)], dim=1)
    centre = torch.full((2,), (pixels - 1) / 2)
    moved = torch.stack([uniform(count, shift * pixels, generator) for _ in range(2)], dim=1)
    return torch.cat([linear, (centre + moved - linear @ centre).unsqueeze(2)], dim=2)


def compose(first: Tensor, then: Tensor) -> Tensor:
    """Returns the matrices (B, 2, 3) that do `first`, `then` the other; either may be (2, 3)."""
    linear = then[..., :2] @ first[..., :2]
    return torch.cat([linear, then[..., :2] @ first[..., 2:] + then[..., 2:]], dim=-1)


def invert(matrices: Tensor) -> Tensor:
    """Returns the inverses (B, 2, 3)."""
    linear = torch.linalg.inv(matrices[..., :2])
    return torch.cat([linear, -linear @ matrices[..., 2:]], dim=-1)


def transform_points(matrices: Tensor, points: Tensor) -> Tensor:
    """Returns points (B, K, 2) moved by matrices (B, 2, 3); where these mirror, left and right change names."""
    moved = points @ matrices[..., :2].mT + matrices[..., 2].unsqueeze(-2)
    mirrored = torch.linalg.det(matrices[..., :2]) < 0
    return torch.where(mirrored[..., None, None], moved[..., MIRRORED, :], moved)


def closer(points: Tensor, pixels: int, weights: Tensor | None = None) -> Tensor:
    """Returns the matrices (B, 2, 3) to a closer look at faces with points (B, 5, 2), as `closer_matrices`."""
    known = None if weights is None else weights.double().numpy()
    return torch.from_numpy(closer_matrices(points.double().numpy(), pixels, known)).float()


def finite_or(matrices: Tensor, otherwise: Tensor) -> Tensor:
    """Returns matrices (B, 2, 3), and the other ones where they are not finite."""
    return torch.where(torch.isfinite(matrices).flatten(1).all(dim=1)[:, None, None], matrices, otherwise)


def to_float(faces: Tensor) -> Tensor:
    """Returns faces (B, H, W, 3) uint8 as (B, 3, H, W) in [0, 1]."""
    return faces.permute(0, 3, 1, 2).float().div_(255)


def warp_batch(faces: Tensor, matrices: Tensor, pixels: int) -> Tensor:
    """Returns faces (B, 3, pixels, pixels) moved by matrices, bilinear, black outside.

    Args:
        faces: (B, 3, H, W).
        matrices: (B, 2, 3), px of `faces` → px of the result.
        pixels: side of the result.
    """
    height, width = faces.shape[2:]
    to_unit = torch.tensor([[2 / (width - 1), 0, -1], [0, 2 / (height - 1), -1]])
    back = compose(invert(matrices), to_unit).to(faces.device, non_blocking=True)
    steps = torch.arange(pixels, device=faces.device, dtype=torch.float32)
    along_x, along_y = back[:, :, None, :1] * steps, back[:, :, 1:2, None] * steps[:, None] + back[:, :, 2:, None]
    grid = (along_x + along_y).permute(0, 2, 3, 1)  # the sum of a row and a column: cheaper than a product of matrices
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def jitter_colour(faces: Tensor, brightness: float, gray: float, generator: torch.Generator) -> Tensor:
    """Changes brightness and contrast of faces (B, 3, H, W) by up to ± `brightness`, makes a share gray; returns them.

    In place, as `erase`: on a CPU, memory for another batch costs more than the arithmetic.
    """
    count = len(faces)
    gain = 1 + uniform(count, brightness, generator)
    offset = uniform(count, brightness / 2, generator)
    to_gray = _drawn(count, gray, generator).to(faces.device, non_blocking=True)
    gain, offset = (values.to(faces.device, non_blocking=True).view(-1, 1, 1, 1) for values in (gain, offset))
    luma = torch.tensor(LUMA).to(faces.device, non_blocking=True)
    mean = (faces.mean(dim=(2, 3)) @ luma).view(-1, 1, 1, 1)
    grayed = (luma @ faces[to_gray].flatten(2)).view(-1, 1, *faces.shape[2:])
    faces.index_copy_(0, to_gray, grayed.expand(-1, 3, -1, -1))
    return faces.mul_(gain).add_(offset + mean * (1 - gain)).clamp_(0, 1)


def blur(faces: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Returns faces (B, 3, H, W) of which a share is blurred by Gaussians, each of a width drawn from BLUR_SIGMA."""
    low, high = BLUR_SIGMA
    sigma = faces.shape[-1] * (low + (high - low) * torch.rand(len(faces), generator=generator))
    chosen = _drawn(len(faces), share, generator)
    if not len(chosen):
        return faces
    reach = math.ceil(3 * high * faces.shape[-1])
    step = torch.arange(-reach, reach + 1)
    kernels = torch.softmax(-(step**2) / (2 * sigma[chosen, None] ** 2), dim=1).to(faces.device, non_blocking=True)
    chosen = chosen.to(faces.device, non_blocking=True)
    pictures = faces[chosen].transpose(0, 1)  # each face is a channel, with a kernel of its own
    padded = F.pad(pictures, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernels[:, None, None, :], groups=len(chosen))
    blurred = F.conv2d(across, kernels[:, None, :, None], groups=len(chosen))
    return faces.index_copy(0, chosen, blurred.transpose(0, 1))


def erase(faces: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Fills one rectangle of a share of faces (B, 3, H, W) with a random colour (Zhong et al. 2020); returns them."""
    count, side = len(faces), faces.shape[-1]
    low, high = ERASE_SIDE
    size = side * (low + (high - low) * torch.rand(count, 2, generator=generator))
    start = torch.rand(count, 2, generator=generator) * (side - size)
    chosen = _drawn(count, share, generator)
    colour = torch.rand(count, 3, 1, 1, generator=generator)[chosen].to(faces.device, non_blocking=True)
    steps = torch.arange(side)
    covered = ((steps >= start[..., None]) & (steps < (start + size)[..., None]))[chosen]
    area = (covered[:, 0, :, None] & covered[:, 1, None, :]).unsqueeze(1).to(faces.device, non_blocking=True)
    rows = chosen.to(faces.device, non_blocking=True)
    return faces.index_copy_(0, rows, torch.where(area, colour, faces[rows]))
