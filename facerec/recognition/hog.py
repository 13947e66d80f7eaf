"""A backbone that does not have to learn what an edge is: oriented gradients, then residual layers.

A few thousand photographs are too few to learn a ResNet's first layers from. Histograms of oriented
gradients (Dalal and Triggs 2005) are what such layers end up computing, and need no photographs.
Learning starts above them, as it does above a scattering transform in Oyallon et al. 2018,
"Scattering networks for hybrid representation learning".
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facerec.recognition.params import HOG_STEP

BINS = 8  # directions, over the whole turn: dark to light is not light to dark
CELL = 4  # px of the face between two histograms
LEVELS = 2  # gradients of the face, and of the face at half the size
FAINT = 1e-3  # energy of histograms that is noise: flat skin is not amplified to full contrast
WIDTHS = (64, 128)  # channels of the residual blocks; each but the first halves the map
LUMA = (0.2989, 0.587, 0.114)  # of red, green and blue in a grey value (ITU-R BT.601)


class OrientedGradients(nn.Module):
    """Histograms of gradient directions, in overlapping cells, relative to the contrast about them.

    Nothing in it is learned. A gradient counts in the bins within a quarter turn of its direction,
    by the fourth power of the cosine to them, times its length.
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
        """Returns histograms (B, channels, H / CELL, W / CELL) float32, each at most 1.

        Args:
            faces: (B, 3, H, W), brightness in any unit about 1; H and W multiples of CELL.
        """
        with torch.autocast(faces.device.type, enabled=False):
            gray = _grayscale(faces.float())
            levels = []
            for level in range(LEVELS):
                gray = F.avg_pool2d(gray, 2) if level else gray
                cells = _mean_in_cells(self._by_direction(gray), CELL // 2**level)
                levels.append(_relative_to_contrast(cells))
            return torch.cat(levels, dim=1)

    def _by_direction(self, gray: Tensor) -> Tensor:
        """Returns the part of each gradient of (B, 1, H, W) in each direction, (B, BINS, H, W)."""
        padded = F.pad(gray, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        # The fourth power below then leaves one length of four.
        shrink = (across.square() + down.square()).add_(1e-8).pow_(-3 / 8)
        along = (across * shrink * self.cos).addcmul_(down * shrink, self.sin)
        return along.clamp_(min=0).square_().square_()


def _grayscale(faces: Tensor) -> Tensor:
    """Returns grey values (B, 1, H, W) of faces (B, 3, H, W)."""
    red, green, blue = faces.split(1, dim=1)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _mean_in_cells(gradients: Tensor, cell: int) -> Tensor:
    """Returns means over squares of twice the cell's side, one a cell."""
    return F.avg_pool2d(gradients, 2 * cell, stride=cell, padding=cell // 2)


def _relative_to_contrast(histograms: Tensor) -> Tensor:
    """Returns histograms (B, BINS, H, W) over the root of the energy of 3 × 3 cells."""
    energy = histograms.square().sum(dim=1, keepdim=True)
    about = F.avg_pool2d(energy, 3, stride=1, padding=1, count_include_pad=False)
    return (histograms / (about + FAINT).sqrt()).clamp(max=1)


class ResidualBlock(nn.Module):
    """The basic block of a ResNet (He et al. 2016), with a convolution on the shortcut.

    Our own, as torchvision's takes a second to import, in every stage that uses a recogniser.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.shortcut = _conv_norm(in_channels, out_channels, 1, stride)
        self.first = _conv_norm(in_channels, out_channels, 3, stride)
        self.second = _conv_norm(out_channels, out_channels, 3, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Returns (B, out_channels, H / stride, W / stride) of (B, in_channels, H, W)."""
        residual = self.second(F.relu(self.first(features), inplace=True))
        return F.relu(residual + self.shortcut(features), inplace=True)


def _conv_norm(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class HogNet(nn.Module):
    """Oriented gradients and residual blocks; the features of every place, not their mean.

    Aligned faces have the same feature in the same place, so the place is worth knowing.

    Args:
        image_size: px, side of the faces, a multiple of HOG_STEP.

    Attributes:
        num_features: length of the result.

    Raises:
        ValueError: `image_size` is no such multiple.
    """

    def __init__(self, image_size: int) -> None:
        super().__init__()
        if image_size % HOG_STEP:
            raise ValueError(
                f"recognizer.backbone: hog needs faces of a multiple of {HOG_STEP} px, "
                f"got {image_size}"
            )
        self.gradients = OrientedGradients()
        widths = (OrientedGradients.channels, *WIDTHS)
        blocks = [
            ResidualBlock(widths[index], widths[index + 1], stride=2 if index else 1)
            for index in range(len(WIDTHS))
        ]
        self.blocks = nn.Sequential(nn.BatchNorm2d(OrientedGradients.channels), *blocks)
        self.num_features = WIDTHS[-1] * (image_size // HOG_STEP) ** 2
        self.norm = nn.BatchNorm1d(self.num_features)

    def forward(self, faces: Tensor) -> Tensor:
        """Returns features (B, num_features) of faces (B, 3, image_size, image_size)."""
        return self.norm(self.blocks(self.gradients(faces)).flatten(1))
