"""How a recogniser is built and trained on aligned faces."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from facerec.networks.devices import device, to_device
from facerec.networks.sampling import channels_first, sample, sampling_steps
from facerec.recognition import recognizer
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer, RecognizerConfig
from facerec.recognition.scoring import prototypes, top_k_hits
from facerec.training.augment import (
    Ahead,
    draw_colours,
    draw_rectangles,
    erase,
    jitter_colour,
    jitter_matrices,
)
from facerec.training.loop import fit
from facerec.training.prefetch import Batches
from facerec.training.samplers import grouped_order


def build(
    params: RecognizerParams,
    entry: RecognizerEntry,
    person_ids: list[int],
    image_size: int,
    weights: Path,
) -> Recognizer:
    """Returns an untrained recogniser on the device; its backbone may start from other weights.

    Args:
        params: its sizes, and where its weights come from.
        entry: its alignment and head.
        person_ids: (K,) who each label is.
        image_size: px, side of the faces.
        weights: a recogniser's checkpoint, if `params.weights` is file.

    Raises:
        ValueError: the weights cannot be had, or belong to another architecture.
    """
    config = RecognizerConfig(
        alignment=entry.alignment,
        head=entry.head,
        backbone=params.backbone,
        embedding_dim=params.embedding_dim,
        dropout=params.dropout,
        person_ids=person_ids,
        image_size=image_size,
        precision=params.precision,
    )
    network = Recognizer(config)
    recognizer.load_weights(network, params.weights, weights)
    return network.to(device()).to(memory_format=torch.channels_last)


def train(
    network: Recognizer,
    train_set: AlignedFaces,
    val_set: AlignedFaces,
    params: RecognizerParams,
    seed: int,
    name: str,
) -> pd.DataFrame:
    """Returns the history, one row per epoch, and leaves the network trained.

    Args:
        network: in place, on its device.
        train_set: the faces to learn from; those that could not be aligned are left out.
        val_set: the faces whose accuracy the history shows, without the margin.
        params: schedule and augmentation.
        seed: of shuffling, augmentation and dropout.
        name: of the training, as in `loop.fit`.

    Raises:
        ValueError: the loss is no longer finite, there are not two faces to learn from, or the head
            compares photographs of a person and no person has two.
    """
    usable = torch.from_numpy(train_set.usable.nonzero()[0])
    if len(usable) < 2:
        raise ValueError(
            f"{len(usable)} of {len(train_set.faces)} faces could be aligned: no two to learn from"
        )
    faces = Batches(train_set.faces, usable, device())
    labels = train_set.labels[usable]
    if network.head.samples_per_class > 1 and labels.unique().numel() == len(labels):
        raise ValueError(
            f"no person has two of the {len(labels)} faces to learn from; this head compares "
            f"a person's photographs: expected more of them (select.images_per_person), "
            f"or a head such as arcface"
        )
    loss_fn = batch_loss(network, faces, labels, params)
    order = partial(grouped_order, labels, network.head.samples_per_class)
    accuracy = partial(_accuracy, network, train_set, val_set)
    return fit(network, loss_fn, len(usable), accuracy, params, seed, name, order, faces.prefetch)


def batch_loss(
    network: Recognizer, faces: Tensor | Batches, labels: Tensor, params: RecognizerParams
) -> Callable[[Tensor, float, Generator], Tensor]:
    """Returns the function that `loop.fit` calls for the loss of a batch of augmented faces.

    Args:
        network: on the device.
        faces: (N, H, W, 3) uint8, of the network's size, or what fetches batches of them.
        labels: (N,).
        params: of the augmentation, and how long the margin grows.
    """
    augment = Augmentation(params, network.config.image_size)

    def loss_fn(indices: Tensor, epochs: float, generator: Generator) -> Tensor:
        embeddings = network(augment(faces[indices], generator))
        warmup = params.margin_warmup_epochs
        network.head.margin_share = min(epochs / warmup, 1.0) if warmup else 1.0
        return network.head(embeddings, to_device(device(), labels[indices]))

    return loss_fn


class Augmentation:
    """Changes batch after batch of faces at random.

    Args:
        params: how much.
        image_size: px, side of the faces.
    """

    def __init__(self, params: RecognizerParams, image_size: int) -> None:
        self._params = params
        self._image_size = image_size
        self._ahead = Ahead(self._draw)

    def __call__(self, faces: Tensor, generator: Generator) -> Tensor:
        """Returns faces (B, 3, H, W) in [0, 1] on the device, of (B, H, W, 3) uint8."""
        steps, colours, rectangles = self._ahead.take(len(faces), generator)
        batch = sample(channels_first(to_device(device(), faces)), steps)
        return erase(jitter_colour(batch, colours), rectangles)

    def _draw(self, count: int, generator: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        side = self._image_size
        params = self._params
        matrices = jitter_matrices(
            count, side, params.rotation, params.shift, params.scale, True, generator
        )
        colours = draw_colours(count, params.brightness, params.gray, generator)
        rectangles = draw_rectangles(count, params.erase, generator)
        return sampling_steps(matrices, side, side, side), colours, rectangles


def _accuracy(
    network: Recognizer, train_set: AlignedFaces, val_set: AlignedFaces
) -> dict[str, float]:
    """Returns top-1 accuracy without the margin; faces that could not be aligned count as wrong."""
    embeddings = val_set.embed(network, flip=False)
    scores = network.head.scores(embeddings.to(device()))
    if scores is None:
        num_people = len(network.config.person_ids)
        means = prototypes(train_set.embed(network), train_set.labels, num_people)
        scores = normalize(embeddings) @ means.T
    hits = top_k_hits(scores.cpu(), val_set.labels, 1).numpy() & val_set.usable
    return {"val_top1": float(hits.mean())}
