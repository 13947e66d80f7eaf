"""The stacked hourglass network (Newell, Yang, Deng 2016) for five facial points."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional as F

from facerec.geometry import (
    FLIP_INDEX,
    invert,
    refinement_matrices,
    square_matrices,
    transform_points,
    where_finite,
)
from facerec.landmarks.heatmaps import decode_heatmaps, inside
from facerec.landmarks.params import STRIDE, Block, Loss
from facerec.networks import checkpoints
from facerec.networks.devices import autocast
from facerec.networks.sampling import to_float, warp_batch
from facerec.parallel import in_batches
from facerec.params import Params, Precision

NUM_POINTS = 5
KIND = "hourglass"


class HourglassConfig(Params):
    """What the config of a checkpoint may hold: the arguments of `StackedHourglass`, within what ends."""

    pixels: Annotated[int, Field(ge=1, le=4096)]
    stacks: Annotated[int, Field(ge=1, le=64)]
    channels: Annotated[int, Field(ge=1, le=4096)]
    depth: Annotated[int, Field(ge=1, le=10)]
    block: Block
    loss: Loss
    sigma: PositiveFloat
    flip_test: bool
    looks: Annotated[int, Field(ge=1, le=100)]
    detail: Annotated[float, Field(ge=1, le=2)]
    precision: Precision


class Residual(nn.Module):
    """Residual block with pre-activation.

    `bottleneck`: 1×1 to half the width, 3×3, 1×1 back (Newell et al., fig. 4 left). `basic`: two 3×3 at full width, as
    in the notebook, at almost five times the price.
    """

    def __init__(self, block: Block, channels_in: int, channels_out: int) -> None:
        super().__init__()
        layers = _bottleneck if block == "bottleneck" else _basic
        self.body = nn.Sequential(*layers(channels_in, channels_out))
        self.skip = (
            nn.Conv2d(channels_in, channels_out, 1)
            if channels_in != channels_out
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).add_(self.skip(x))


def _bottleneck(channels_in: int, channels_out: int) -> list[nn.Module]:
    half = channels_out // 2
    narrow, across = _normalised_conv(channels_in, half, 1), _normalised_conv(half, half, 3)
    return [*narrow, *across, *_normalised_conv(half, channels_out, 1)]


def _basic(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        *_normalised_conv(channels_in, channels_out, 3),
        *_normalised_conv(channels_out, channels_out, 3),
    ]


def _normalised_conv(channels_in: int, channels_out: int, kernel: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
    return [nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True), convolution]


class Hourglass(nn.Module):
    """One hourglass: down `depth` times and up again, with a skip branch at every scale (fig. 3)."""

    def __init__(self, block: Block, depth: int, channels: int) -> None:
        super().__init__()
        self.skip = Residual(block, channels, channels)
        self.down = Residual(block, channels, channels)
        self.inner = (
            Hourglass(block, depth - 1, channels)
            if depth > 1
            else Residual(block, channels, channels)
        )
        self.up = Residual(block, channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return F.interpolate(low, size=x.shape[-2:], mode="nearest").add_(self.skip(x))


class Stack(nn.Module):
    """An hourglass with its heatmaps, which go back into the features for the next one, if any (fig. 4 right)."""

    def __init__(self, block: Block, depth: int, channels: int, last: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Hourglass(block, depth, channels),
            Residual(block, channels, channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.heatmaps = nn.Conv2d(channels, NUM_POINTS, 1)
        if not last:
            self.features_back = nn.Conv2d(channels, channels, 1)
            self.heatmaps_back = nn.Conv2d(NUM_POINTS, channels, 1)
        self.last = last

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        with autocast(
            x.device, "fp32"
        ):  # bf16 has too few digits to tell where between two pixels a point lies
            heatmaps = self.heatmaps(features.float())
        if not self.last:
            x = x + self.features_back(features) + self.heatmaps_back(heatmaps)
        return x, heatmaps


class StackedHourglass(nn.Module):
    """Heatmaps of five points from faces, one set per stack (intermediate supervision).

    Args:
        pixels: side of the input, a multiple of 4 · 2^depth.
        stacks: hourglasses, one after the other.
        channels: width, best a multiple of 64: a CPU's vectors hold 16, and the first layers have a fourth.
        depth: how often each hourglass halves the heatmap's resolution.
        block: its residual blocks.
        loss: that it learns from, which says how its output is read: logits for `kl`, heatmaps for the others.
        sigma: of the Gaussians that it learns, px of the heatmap.
        flip_test: whether its prediction is the mean over the face and its mirror image.
        looks: how often it looks at a face: first as it is, then each time as straight and close as the points that it
            found say, each weighted by its confidence, where the same network is a finer judge. A cascade (Sun, Wang,
            Tang 2013) of one network. What it says is the median of the looks, so that with three one that goes astray
            does no harm.
        detail: px of a face to one of the first look at it, for a closer look to have what to see; at most 2, beyond
            which the first would skip some.
        precision: of its layers; heatmaps are float32.
    """

    def __init__(
        self,
        pixels: int,
        stacks: int,
        channels: int,
        depth: int,
        block: Block,
        loss: Loss,
        sigma: float,
        flip_test: bool,
        looks: int,
        detail: float,
        precision: Precision,
    ) -> None:
        super().__init__()
        if pixels % (STRIDE * 2**depth):
            multiple = STRIDE * 2**depth
            raise ValueError(
                f"hourglass.pixels: expected a multiple of {multiple} at depth {depth}, got {pixels}"
            )
        self.config: dict[str, Any] = {
            "pixels": pixels,
            "stacks": stacks,
            "channels": channels,
            "depth": depth,
            "block": block,
            "loss": loss,
            "sigma": sigma,
            "flip_test": flip_test,
            "looks": looks,
            "detail": detail,
            "precision": precision,
        }
        self.pixels, self.loss, self.sigma = pixels, loss, sigma
        self.flip_test, self.looks, self.precision = flip_test, looks, precision
        self.face_pixels = face_pixels(pixels, looks, detail)
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels // 4, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels // 4),
            nn.ReLU(inplace=True),
            Residual(block, channels // 4, channels // 2),
            nn.MaxPool2d(2),
            Residual(block, channels // 2, channels // 2),
            Residual(block, channels // 2, channels),
        )
        self.stacks = nn.ModuleList(
            Stack(block, depth, channels, last=index + 1 == stacks) for index in range(stacks)
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Returns what the loss looks at, (B, stacks, 5, S, S), S = pixels / 4, of faces (B, 3, pixels, pixels).

        The faces are in [0, 1]. For `kl` that are logits: a softmax over the pixels says where the point is.
        For the others it is heatmaps.
        """
        with autocast(faces.device, self.precision):
            x, heatmaps = self.stem(faces - 0.5), []
            for stack in self.stacks:
                x, seen = stack(x)
                heatmaps.append(seen)
        return torch.stack(heatmaps, dim=1)

    @torch.inference_mode()
    def predict(
        self,
        faces: np.ndarray,
        batch: int = 64,
        decode: Callable[[Tensor], tuple[Tensor, Tensor]] = decode_heatmaps,
        title: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the points (N, 5, 2), px of the faces, and their confidence (N, 5) in [0, 1].

        Args:
            faces: (N, W, W, 3) uint8 RGB, best `face_pixels` wide.
            batch: faces at a time.
            decode: takes heatmaps (B, 5, S, S) to points (B, 5, 2) and confidence (B, 5).
            title: of what is told about how far it is, if anything.
        """
        self.eval()
        if not len(faces):
            return np.zeros((0, NUM_POINTS, 2), np.float32), np.zeros((0, NUM_POINTS), np.float32)
        found = [self._predict_batch(part, decode) for part in in_batches(faces, batch, title)]
        points, confidence = zip(*found, strict=True)
        return np.concatenate(points), np.concatenate(confidence)

    def _predict_batch(
        self, faces: np.ndarray, decode: Callable[[Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[np.ndarray, np.ndarray]:
        held = to_float(torch.from_numpy(faces).to(next(self.parameters()).device))
        matrices, seen = _whole(held, self.pixels), []
        for look in range(self.looks):
            points, confidence = decode(self._heatmaps(warp_batch(held, matrices, self.pixels)))
            if (
                look
            ):  # beyond the border of a closer look is not where the point is, nor outside the face
                off = ~inside(points, self.pixels // STRIDE)
                points[off], confidence[off] = torch.nan, torch.nan
            found = transform_points(invert(matrices), to_input(points).cpu().numpy())
            weights = confidence.cpu().numpy()
            seen.append((found, weights))
            if look + 1 < self.looks:
                matrices = where_finite(refinement_matrices(found, self.pixels, weights), matrices)
        points, confidence = (
            torch.from_numpy(np.stack(looks)).nanquantile(0.5, dim=0)
            for looks in zip(*seen, strict=True)
        )
        return points.float().numpy(), confidence.numpy()

    @torch.inference_mode()
    def heatmaps(self, faces: np.ndarray) -> Tensor:
        """Returns the last stack's heatmaps (N, 5, S, S) of the first look at faces.

        They are as tall as `draw_heatmaps` draws them where the network is certain and the border is far: a softmax
        has all its volume inside, so that a point on the border looks taller.

        Args:
            faces: (N, W, W, 3) uint8 RGB, best `face_pixels` wide.
        """
        held = to_float(torch.from_numpy(faces).to(next(self.parameters()).device))
        return self._heatmaps(warp_batch(held, _whole(held, self.pixels), self.pixels))

    def _heatmaps(self, batch: Tensor) -> Tensor:
        seen = self._last_heatmaps(batch)
        if not self.flip_test:
            return seen
        return (seen + self._last_heatmaps(batch.flip(3)).flip(3)[:, FLIP_INDEX]) / 2

    def _last_heatmaps(self, batch: Tensor) -> Tensor:
        output = self(batch)[:, -1]
        if self.loss != "kl":
            return output
        probability = output.flatten(2).softmax(dim=2).view_as(output)
        return probability * 2 * math.pi * self.sigma**2  # the volume under a Gaussian of height 1


def face_pixels(pixels: int, looks: int, detail: float) -> int:
    """Returns the side of the faces that a network with an input of so many px is shown, to look at so often."""
    return pixels if looks == 1 else round(pixels * detail)


def _whole(faces: Tensor, pixels: int) -> np.ndarray:
    """Returns the matrices (B, 2, 3) that scale faces (B, 3, W, W) to `pixels`."""
    return square_matrices(np.tile([0.0, 0.0, faces.shape[3]], (len(faces), 1)), pixels)


def to_heatmap(points: Tensor) -> Tensor:
    """Returns points of the input in px of the heatmap."""
    return (points + 0.5) / STRIDE - 0.5


def to_input(points: Tensor) -> Tensor:
    """Returns points of the heatmap in px of the input."""
    return (points + 0.5) * STRIDE - 0.5


def save(network: StackedHourglass, path: Path) -> None:
    """Writes the network with its architecture."""
    checkpoints.save(path, KIND, network.config, network.state_dict())


def load(path: Path, device: torch.device) -> StackedHourglass:
    """Returns the network on a device, channels_last, as `save` wrote it."""
    return (
        checkpoints.restore(
            path, KIND, lambda config: StackedHourglass(**config.model_dump()), HourglassConfig
        )
        .to(device)
        .to(memory_format=torch.channels_last)
        .eval()
    )
