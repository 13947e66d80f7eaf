"""A backbone that does not have to learn what an edge is: oriented gradients, then a few residual layers.

A few thousand photographs are too few to learn a ResNet's first layers from. Histograms of oriented gradients (Dalal
and Triggs 2005) are what such layers end up computing, and need no photographs; learning starts above them, as it does
above a scattering transform in Oyallon et al. 2018, "Scattering networks for hybrid representation learning".
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock
from torchvision.transforms.v2.functional import rgb_to_grayscale

from facerec.recognition.params import GRADIENTS_STEP

BINS = 8  # directions, over the whole turn: dark to light is not light to dark
CELL = 4  # px of the face between two histograms
LEVELS = 2  # gradients of the face, and of the face at half the size
FAINT = 1e-3  # energy of histograms that is noise: flat skin is not blown up to full contrast
WIDTHS = (64, 128)  # channels of the residual blocks; each but the first halves the map


class OrientedGradients(nn.Module):
    """Histograms of gradient directions, in overlapping cells, relative to the contrast about them.

    Nothing in it is learned. A gradient counts in the bins within a quarter turn of its direction, by the fourth power
    of the cosine to them, times its length.
    """

    channels = BINS * LEVELS
    cos: Tensor
    sin: Tensor

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(BINS).view(1, -1, 1, 1) * (2 * math.pi / BINS)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Returns histograms (B, channels, pixels / CELL, pixels / CELL) float32, each at most 1.

        Args:
            faces: (B, 3, pixels, pixels), brightness in any unit about 1; pixels a multiple of CELL.
        """
        with torch.autocast(faces.device.type, enabled=False):
            gray = rgb_to_grayscale(faces.float())
            levels = []
            for level in range(LEVELS):
                gray = F.avg_pool2d(gray, 2) if level else gray
                levels.append(_relative(_in_cells(self._by_direction(gray), CELL // 2**level)))
            return torch.cat(levels, dim=1)

    def _by_direction(self, gray: Tensor) -> Tensor:
        """Returns how much of the gradient of (B, 1, H, W) points along each direction, (B, BINS, H, W)."""
        padded = F.pad(gray, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        shrink = (
            (across.square() + down.square()).add_(1e-8).pow_(-3 / 8)
        )  # its fourth power leaves one length of four
        along = (across * shrink * self.cos).addcmul_(down * shrink, self.sin)
        return along.clamp_(min=0).square_().square_()


def _in_cells(gradients: Tensor, cell: int) -> Tensor:
    """Returns means over squares of twice the cell's side, one a cell."""
    return F.avg_pool2d(gradients, 2 * cell, stride=cell, padding=cell // 2)


def _relative(histograms: Tensor) -> Tensor:
    """Returns histograms (B, BINS, H, W) over the root of the energy of the 3 × 3 about each."""
    energy = histograms.square().sum(dim=1, keepdim=True)
    about = F.avg_pool2d(energy, 3, stride=1, padding=1, count_include_pad=False)
    return (histograms / (about + FAINT).sqrt()).clamp(max=1)


class GradientNet(nn.Module):
    """Oriented gradients, residual blocks, and every place's features as they are, not averaged over the face.

    Aligned faces have the same feature in the same place, so that a place is worth knowing.

    Args:
        pixels: side of the faces, a multiple of 8.

    Attributes:
        features: length of the result.

    Raises:
        ValueError: `pixels` is no such multiple.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        if pixels % GRADIENTS_STEP:
            raise ValueError(
                f"recognizer.backbone: gradients needs faces of a multiple of {GRADIENTS_STEP} px, got {pixels}"
            )
        self.gradients = OrientedGradients()
        widths = (OrientedGradients.channels, *WIDTHS)
        blocks = [
            _block(widths[index], widths[index + 1], stride=2 if index else 1)
            for index in range(len(WIDTHS))
        ]
        self.blocks = nn.Sequential(nn.BatchNorm2d(OrientedGradients.channels), *blocks)
        self.features = WIDTHS[-1] * (pixels // GRADIENTS_STEP) ** 2
        self.norm = nn.BatchNorm1d(self.features)

    def forward(self, faces: Tensor) -> Tensor:
        """Returns features (B, features) of faces (B, 3, pixels, pixels)."""
        return self.norm(self.blocks(self.gradients(faces)).flatten(1))


def _block(before: int, after: int, stride: int) -> BasicBlock:
    """Returns a ResNet's block (He et al. 2016) that changes the number of channels."""
    shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
    return BasicBlock(before, after, stride, shortcut)
