"""Training of the hourglass: its parameters, the faces that it learns from, its loss on jittered batches of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from facerec import geometry
from facerec.geometry import (
    MIN_SPREAD_PX,
    compose,
    eye_distance,
    refinement_matrices,
    spread,
    where_finite,
)
from facerec.landmarks import datasets as landmark_faces
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.losses import heatmap_loss
from facerec.landmarks.params import HourglassParams
from facerec.networks.devices import device, to_device
from facerec.networks.sampling import channels_first, warp_batch
from facerec.training.augment import (
    blur,
    draw_blurs,
    draw_colours,
    draw_rectangles,
    erase,
    jitter_colour,
    jitter_matrices,
    move_landmarks,
)
from facerec.training.prefetch import Batches
from facerec.training.samplers import weighted_order

MOST_OFTEN = 12.0  # times, that a face is learned from for each of a median one: some eyes coincide
LEAST = 1e-9  # that is divided by
CLOSER_SHARE = 0.75  # of the faces are learned from as a second look sees them
# The network's own points straighten a face not quite: that much jitter, in training.
CLOSER_ROTATION, CLOSER_SHIFT, CLOSER_SCALE = 8.0, 0.04, 0.08


@dataclass(frozen=True)
class TrainingFaces:
    """Faces with CONTEXT about their crops, and their points.

    Attributes:
        faces: (N, W, W, 3) uint8.
        points: (N, 5, 2), px of `faces`.
    """

    faces: Tensor
    points: Tensor


def read_faces(
    photographs: Path,
    image_ids: Sequence[str],
    squares: np.ndarray,
    points: np.ndarray,
    pixels: int,
    map_over: float = math.inf,
) -> TrainingFaces:
    """Returns the faces to learn from.

    Args:
        photographs: folder.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side of the crops, px of the photographs.
        points: (N, 5, 2), px of the photographs.
        pixels: side of the crops, as the network is shown them.
        map_over: as in `images.stack_images`.
    """
    wide = landmark_faces.widen(squares)
    wide_pixels = round(pixels * landmark_faces.CONTEXT)
    faces = landmark_faces.cut_faces(photographs, image_ids, wide, wide_pixels, map_over)
    moved = geometry.transform_points(geometry.square_matrices(wide, wide_pixels), points)
    return TrainingFaces(torch.from_numpy(faces), torch.from_numpy(moved).float())


def build(params: HourglassParams) -> StackedHourglass:
    """Returns an untrained network on the device, the same for the same seed."""
    torch.manual_seed(params.seed)
    network = StackedHourglass(
        pixels=params.pixels,
        stacks=params.stacks,
        channels=params.channels,
        depth=params.depth,
        block=params.block,
        loss=params.loss,
        sigma=params.sigma,
        flip_test=params.flip_test,
        looks=params.looks,
        detail=params.detail,
        precision=params.precision,
    )
    return network.to(device()).to(memory_format=torch.channels_last)


def order_of(points: Tensor, params: HourglassParams) -> Callable[[Generator], Tensor]:
    """Returns what draws the indices (N,) of an epoch: turned faces, of which there are few, more than once.

    A face whose eyes are k times nearer each other than the median face's, for its size, is drawn k^`turned_power`
    times as often, MOST_OFTEN times at most: an error of a pixel is k times the share of its eye distance, and with a
    power of 2 a squared error counts as much as its share of the eye distance squared. A face of which a point is
    absent (NaN), or whose points all coincide, counts as the median one.

    Args:
        points: (N, 5, 2).
        params: of their weight.
    """
    size = spread(points.numpy())
    known = size >= MIN_SPREAD_PX  # False for NaN too
    apart = np.where(known, eye_distance(points.numpy()) / np.where(known, size, 1), np.nan)
    nearer = (
        np.where(known, np.nanmedian(apart) / np.maximum(apart, LEAST), 1)
        if known.any()
        else np.ones(len(size))
    )
    weights = torch.from_numpy(np.clip(nearer, 1, None) ** params.turned_power).clamp_max(
        MOST_OFTEN
    )
    return lambda generator: weighted_order(weights, generator)


def batch_loss(
    network: StackedHourglass,
    faces: Tensor | Batches,
    points: Tensor,
    params: HourglassParams,
    to_target: Callable[[Tensor], Tensor] = to_heatmap,
) -> Callable[[Tensor, float, Generator], Tensor]:
    """Returns what `training.fit` asks for: the loss of the faces with given indices, jittered anew each time.

    Args:
        network: on the device.
        faces: (N, W, W, 3) uint8, or what fetches batches of them.
        points: (N, 5, 2), px of the faces.
        params: of the loss and the augmentation.
        to_target: takes points of the input (B, 5, 2) to the heatmap's px.
    """

    def loss_fn(indices: Tensor, _: float, generator: Generator) -> Tensor:
        crops, moved = augmented(faces[indices], points[indices], params, generator)
        heatmaps = network(crops)
        return heatmap_loss(params.loss, heatmaps, to_target(moved), params.sigma)

    return loss_fn


def augmented(
    faces: Tensor, points: Tensor, params: HourglassParams, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Returns crops (B, 3, pixels, pixels) in [0, 1] on the device, and their points (B, 5, 2), px of the crops.

    Args:
        faces: (B, W, W, 3) uint8, with CONTEXT about the crops.
        points: (B, 5, 2), px of the faces, on the CPU.
        params: of the augmentation.
        generator: on the CPU.
    """
    side = params.pixels
    moves = jitter_matrices(
        len(faces), side, params.rotation, params.shift, params.scale, params.mirror, generator
    )
    moves = compose(landmark_faces.wide_to_crop(faces.shape[1], side), moves)
    if params.looks > 1:
        moves = _some_closer(moves, points.numpy(), params, generator)
    crops = warp_batch(channels_first(to_device(device(), faces)), moves, side)
    crops = jitter_colour(
        crops, draw_colours(len(crops), params.brightness, params.gray, generator)
    )
    crops = blur(crops, draw_blurs(len(crops), params.blur, generator))
    crops = erase(crops, draw_rectangles(len(crops), params.erase, generator))
    return crops, to_device(
        device(), torch.from_numpy(move_landmarks(moves, points.numpy())).float()
    )


def _some_closer(
    moves: np.ndarray, points: np.ndarray, params: HourglassParams, generator: Generator
) -> np.ndarray:
    """Returns matrices (B, 2, 3) to first looks, of which a share is replaced by those to second looks, jittered."""
    jitter = jitter_matrices(
        len(moves),
        params.pixels,
        CLOSER_ROTATION,
        CLOSER_SHIFT,
        CLOSER_SCALE,
        params.mirror,
        generator,
    )
    second = where_finite(compose(refinement_matrices(points, params.pixels), jitter), moves)
    chosen = torch.rand(len(moves), generator=generator).numpy() < CLOSER_SHARE
    return np.where(chosen[:, None, None], second, moves)
