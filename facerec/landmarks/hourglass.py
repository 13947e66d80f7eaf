"""The stacked hourglass network (Newell, Yang, Deng 2016) for five facial points."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facerec.geometry import FLIP_INDEX
from facerec.landmarks.decoding import decode_heatmaps
from facerec.landmarks.params import STRIDE, Block, HourglassConfig
from facerec.landmarks.refinement import Decode, predict_points, whole_faces
from facerec.networks import checkpoints
from facerec.networks.devices import autocast
from facerec.networks.warping import to_float, warp_batch
from facerec.parallel import in_batches

NUM_POINTS = 5
KIND = "hourglass"


class Residual(nn.Module):
    """Residual block with pre-activation.

    `bottleneck`: 1×1 to half the width, 3×3, 1×1 back (Newell et al., fig. 4 left). `basic`: two
    3×3 at full width, as in the notebook, which costs almost five times as much.
    """

    def __init__(self, block: Block, channels_in: int, channels_out: int) -> None:
        super().__init__()
        layers = _bottleneck if block == "bottleneck" else _basic
        self.body = nn.Sequential(*layers(channels_in, channels_out))
        same_width = channels_in == channels_out
        self.skip = nn.Identity() if same_width else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).add_(self.skip(x))


def _bottleneck(channels_in: int, channels_out: int) -> list[nn.Module]:
    half = channels_out // 2
    return [
        *_normalised_conv(channels_in, half, 1),
        *_normalised_conv(half, half, 3),
        *_normalised_conv(half, channels_out, 1),
    ]


def _basic(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        *_normalised_conv(channels_in, channels_out, 3),
        *_normalised_conv(channels_out, channels_out, 3),
    ]


def _normalised_conv(channels_in: int, channels_out: int, kernel: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
    return [nn.BatchNorm2d(channels_in), nn.ReLU(inplace=True), convolution]


class Hourglass(nn.Module):
    """One hourglass: down `depth` times and up again, with a skip branch at each scale (fig. 3)."""

    def __init__(self, block: Block, depth: int, channels: int) -> None:
        super().__init__()
        self.skip = Residual(block, channels, channels)
        self.down = Residual(block, channels, channels)
        if depth > 1:
            self.inner: nn.Module = Hourglass(block, depth - 1, channels)
        else:
            self.inner = Residual(block, channels, channels)
        self.up = Residual(block, channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return F.interpolate(low, size=x.shape[-2:], mode="nearest").add_(self.skip(x))


class Stack(nn.Module):
    """An hourglass with its heatmaps, which join the features for the next one (fig. 4 right)."""

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
        # bf16 has too few digits to tell where between two pixels a point lies
        with autocast(x.device, "fp32"):
            heatmaps = self.heatmaps(features.float())
        if not self.last:
            x = x + self.features_back(features) + self.heatmaps_back(heatmaps)
        return x, heatmaps


class StackedHourglass(nn.Module):
    """Heatmaps of five points from faces, one set per stack (intermediate supervision).

    With `refine_steps` it is a cascade (Sun, Wang, Tang 2013) of one network. After the first
    prediction the face is cropped again, straight and close by the predicted points, and the same
    network predicts more precisely. The answer is the median of all predictions, so that with two
    steps a single wrong one does no harm.

    Args:
        config: its sizes, and how it predicts.
    """

    def __init__(self, config: HourglassConfig) -> None:
        super().__init__()
        self.config = config
        self.face_size = config.face_size
        block, channels = config.block, config.channels
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
            Stack(block, config.depth, channels, last=index + 1 == config.stacks)
            for index in range(config.stacks)
        )

    def forward(self, faces: Tensor) -> Tensor:
        """Returns what the loss is computed from, (B, stacks, 5, S, S), with S = image_size / 4.

        For `kl` these are logits: a softmax over the pixels says where the point is. For the other
        losses these are heatmaps.

        Args:
            faces: (B, 3, image_size, image_size) in [0, 1].
        """
        heatmaps = []
        with autocast(faces.device, self.config.precision):
            x = self.stem(faces - 0.5)
            for stack in self.stacks:
                x, stack_heatmaps = stack(x)
                heatmaps.append(stack_heatmaps)
        return torch.stack(heatmaps, dim=1)

    @torch.inference_mode()
    def predict(
        self,
        faces: np.ndarray,
        batch_size: int = 64,
        decode: Decode = decode_heatmaps,
        title: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the points (N, 5, 2), px of the faces, and their confidence (N, 5) in [0, 1].

        Args:
            faces: (N, W, W, 3) uint8 RGB, best `face_size` wide.
            batch_size: faces at a time.
            decode: takes heatmaps (B, 5, S, S) to points (B, 5, 2) and confidence (B, 5).
            title: of the progress bar; none without.
        """
        self.eval()
        if not len(faces):
            return np.zeros((0, NUM_POINTS, 2), np.float32), np.zeros((0, NUM_POINTS), np.float32)
        predictions = [
            self._predict_batch(batch, decode) for batch in in_batches(faces, batch_size, title)
        ]
        points, confidence = zip(*predictions, strict=True)
        return np.concatenate(points), np.concatenate(confidence)

    def _predict_batch(self, faces: np.ndarray, decode: Decode) -> tuple[np.ndarray, np.ndarray]:
        """Returns the median points and confidence over all predictions of a batch."""
        size = self.config.image_size
        pictures = self._to_float(faces)

        def heatmaps_at(matrices: np.ndarray) -> np.ndarray:
            return self.mean_heatmaps(warp_batch(pictures, matrices, size)).cpu().numpy()

        width, steps = faces.shape[2], self.config.refine_steps
        return predict_points(heatmaps_at, len(faces), width, size, steps, decode)

    @torch.inference_mode()
    def heatmaps(self, faces: np.ndarray) -> Tensor:
        """Returns the last stack's heatmaps (N, 5, S, S) of whole faces, without refinement.

        They are as tall as `draw_heatmaps` draws them where the network is certain and the border
        is far: a softmax has all its volume inside, so that a point on the border is taller.

        Args:
            faces: (N, W, W, 3) uint8 RGB, best `face_size` wide.
        """
        size = self.config.image_size
        matrices = whole_faces(len(faces), faces.shape[2], size)
        return self.mean_heatmaps(warp_batch(self._to_float(faces), matrices, size))

    def _to_float(self, faces: np.ndarray) -> Tensor:
        """Returns faces (N, W, W, 3) uint8 as (N, 3, W, W) in [0, 1] on the network's device."""
        return to_float(torch.from_numpy(faces).to(next(self.parameters()).device))

    def mean_heatmaps(self, batch: Tensor) -> Tensor:
        """Returns the last stack's heatmaps (B, 5, S, S), with `flip_test` of both sides.

        Args:
            batch: (B, 3, image_size, image_size) in [0, 1].
        """
        heatmaps = self._last_heatmaps(batch)
        if not self.config.flip_test:
            return heatmaps
        mirrored = self._last_heatmaps(batch.flip(3)).flip(3)[:, FLIP_INDEX]
        return (heatmaps + mirrored) / 2

    def _last_heatmaps(self, batch: Tensor) -> Tensor:
        output = self(batch)[:, -1]
        if self.config.loss != "kl":
            return output
        probability = output.flatten(2).softmax(dim=2).view_as(output)
        # times the volume under a Gaussian of height 1
        return probability * 2 * math.pi * self.config.sigma**2


def to_heatmap(points: Tensor) -> Tensor:
    """Returns points of the input in px of the heatmap."""
    return (points + 0.5) / STRIDE - 0.5


def save(network: StackedHourglass, path: Path) -> None:
    """Writes the network with its config."""
    checkpoints.save(path, KIND, network.config.model_dump(), network.state_dict())


def load(path: Path, device: torch.device) -> StackedHourglass:
    """Returns the network on a device, channels_last, as `save` wrote it."""
    network = checkpoints.restore(path, KIND, StackedHourglass, HourglassConfig)
    return network.to(device).to(memory_format=torch.channels_last).eval()
