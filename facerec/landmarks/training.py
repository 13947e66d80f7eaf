"""Training of the hourglass: the faces that it learns from, their augmentation, its loss."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from facerec.geometry import (
    MIN_SPREAD_PX,
    compose,
    eye_distance,
    refinement_matrices,
    spread,
    square_matrices,
    transform_points,
    where_finite,
)
from facerec.landmarks.datasets import CONTEXT, add_context, context_to_crop, cut_faces
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.losses import heatmap_loss
from facerec.landmarks.params import HourglassParams
from facerec.networks.devices import device, to_device
from facerec.networks.warping import channels_first, warp_batch
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
from facerec.training.prefetch import Batch, FaceDataset
from facerec.training.samplers import weighted_order

MAX_OVERSAMPLING = 12.0  # some eyes coincide
EPSILON = 1e-9  # smallest divisor
REFINED_SHARE = 0.75  # of the faces are cropped as in a refinement
# Predicted points straighten a face only nearly: the jitter of such crops.
REFINED_ROTATION = 8.0  # degrees
REFINED_SHIFT = 0.04  # of the side
REFINED_SCALE = 0.08


def read_faces(
    photographs: Path,
    image_ids: Sequence[str],
    squares: np.ndarray,
    points: np.ndarray,
    size: int,
    map_over: float = math.inf,
) -> FaceDataset:
    """Returns the faces to learn from, with CONTEXT about their crops, and their points.

    Args:
        photographs: folder.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side of the crops, px of the photographs.
        points: (N, 5, 2), px of the photographs.
        size: side of the crops, px, as the network is given them.
        map_over: as in `arrays.stack_images`.
    """
    wide_squares = add_context(squares)
    wide_size = round(size * CONTEXT)
    faces = cut_faces(photographs, image_ids, wide_squares, wide_size, map_over)
    face_points = transform_points(square_matrices(wide_squares, wide_size), points)
    targets = torch.from_numpy(face_points).float()
    return FaceDataset(faces, torch.arange(len(faces)), targets)


def build(params: HourglassParams, box_scale: float) -> StackedHourglass:
    """Returns an untrained network on the device, the same for the same seed.

    Args:
        params: its sizes and its seed.
        box_scale: how faces are cut for it: the crop's side, of the smaller side of the box.
    """
    torch.manual_seed(params.seed)
    network = StackedHourglass(params.config(box_scale))
    return network.to(device()).to(memory_format=torch.channels_last)


def profile_order(points: Tensor, power: float) -> Callable[[Generator], Tensor]:
    """Returns what draws the indices (N,) of an epoch, those of faces in profile more than once.

    A face whose eyes are k times nearer to each other than the median face's, for its size, is
    drawn k^power times as often, MAX_OVERSAMPLING times at most: there an error of a pixel is k
    times the share of the eye distance, and with a power of 2 a squared error counts as much as its
    share of the eye distance squared. A face with an absent point (NaN), or whose points all
    coincide, is drawn as often as the median face.

    Args:
        points: (N, 5, 2).
        power: `profile_oversampling`.
    """
    size = spread(points.numpy())
    is_known = size >= MIN_SPREAD_PX  # False for NaN too
    relative_distance = eye_distance(points.numpy())[is_known] / size[is_known]
    ratio = np.ones_like(size)
    if is_known.any():
        median = np.nanmedian(relative_distance)
        ratio[is_known] = median / np.maximum(relative_distance, EPSILON)
    weights = torch.from_numpy(np.clip(ratio, 1, None) ** power).clamp_max(MAX_OVERSAMPLING)
    return partial(weighted_order, weights)


def batch_loss(
    network: StackedHourglass,
    params: HourglassParams,
    to_target: Callable[[Tensor], Tensor] = to_heatmap,
) -> Callable[[Batch, float, Generator], Tensor]:
    """Returns a task's `loss_fn`: the loss of a batch of faces and points, which it augments.

    Args:
        network: on the device.
        params: of the loss and the augmentation.
        to_target: takes points of the input (B, 5, 2) to the heatmap's px.
    """

    def loss_fn(batch: Batch, epochs: float, generator: Generator) -> Tensor:
        faces, points = batch
        crops, crop_points = augmented(faces, points, params, generator)
        heatmaps = network(crops)
        return heatmap_loss(params.loss, heatmaps, to_target(crop_points), params.sigma)

    return loss_fn


def augmented(
    faces: Tensor, points: Tensor, params: HourglassParams, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Returns random crops (B, 3, image_size, image_size) in [0, 1], and their points (B, 5, 2).

    Both are on the device; the points are px of the crops.

    Args:
        faces: (B, W, W, 3) uint8, with CONTEXT about the crops.
        points: (B, 5, 2), px of the faces, on the CPU.
        params: of the augmentation.
        generator: on the CPU.
    """
    count, size = len(faces), params.image_size
    jitter = jitter_matrices(
        count, size, params.rotation, params.shift, params.scale, params.mirror, generator
    )
    matrices = compose(context_to_crop(faces.shape[1], size), jitter)
    if params.refine_steps:
        matrices = _with_refinements(matrices, points.numpy(), params, generator)
    crops = warp_batch(channels_first(to_device(device(), faces)), matrices, size)
    colours = draw_colours(count, params.brightness, params.grayscale_prob, generator)
    crops = jitter_colour(crops, colours)
    crops = blur(crops, draw_blurs(count, params.blur_prob, generator))
    crops = erase(crops, draw_rectangles(count, params.erase_prob, generator))
    crop_points = torch.from_numpy(move_landmarks(matrices, points.numpy())).float()
    return crops, to_device(device(), crop_points)


def _with_refinements(
    matrices: np.ndarray, points: np.ndarray, params: HourglassParams, generator: Generator
) -> np.ndarray:
    """Returns crops' matrices (B, 2, 3), a share of them replaced by crops as in a refinement."""
    count, size = len(matrices), params.image_size
    jitter = jitter_matrices(
        count, size, REFINED_ROTATION, REFINED_SHIFT, REFINED_SCALE, params.mirror, generator
    )
    refined = where_finite(compose(refinement_matrices(points, size), jitter), matrices)
    is_refined = torch.rand(count, generator=generator).numpy() < REFINED_SHARE
    return np.where(is_refined[:, None, None], refined, matrices)
