"""How a recogniser is built and trained on aligned faces."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from facerec.networks.devices import device, to_device
from facerec.networks.warping import channels_first, warp_batch
from facerec.recognition import recognizer
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer, RecognizerConfig
from facerec.recognition.scoring import prototypes, top_k_hits
from facerec.training.augment import (
    draw_colours,
    draw_rectangles,
    erase,
    jitter_colour,
    jitter_matrices,
)
from facerec.training.loop import Task, fit
from facerec.training.prefetch import Batch, FaceDataset
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
    labels = train_set.labels[usable]
    if network.head.samples_per_class > 1 and labels.unique().numel() == len(labels):
        raise ValueError(
            f"no person has two of the {len(labels)} faces to learn from; this head compares "
            f"a person's photographs: expected more of them (select.images_per_person), "
            f"or a head such as arcface"
        )
    task = Task(
        FaceDataset(train_set.faces, usable, labels),
        batch_loss(network, params),
        evaluate=partial(_accuracy, network, train_set, val_set),
        order=partial(grouped_order, labels, network.head.samples_per_class),
    )
    return fit(network, task, params, seed, name)


def batch_loss(
    network: Recognizer, params: RecognizerParams
) -> Callable[[Batch, float, Generator], Tensor]:
    """Returns a task's `loss_fn`: the loss of a batch of faces and labels, which it augments.

    Args:
        network: on the device.
        params: of the augmentation, and how long the margin grows.
    """

    def loss_fn(batch: Batch, epochs: float, generator: Generator) -> Tensor:
        faces, labels = batch
        embeddings = network(augmented(faces, params, generator))
        warmup = params.margin_warmup_epochs
        network.head.margin_share = min(epochs / warmup, 1.0) if warmup else 1.0
        return network.head(embeddings, to_device(device(), labels))

    return loss_fn


def augmented(faces: Tensor, params: RecognizerParams, generator: Generator) -> Tensor:
    """Returns randomly changed faces (B, 3, size, size) in [0, 1] on the device.

    Args:
        faces: (B, size, size, 3) uint8.
        params: how much changes.
        generator: on the CPU.
    """
    count, size = faces.shape[:2]
    matrices = jitter_matrices(
        count, size, params.rotation, params.shift, params.scale, True, generator
    )
    colours = draw_colours(count, params.brightness, params.grayscale_prob, generator)
    rectangles = draw_rectangles(count, params.erase_prob, generator)
    batch = warp_batch(channels_first(to_device(device(), faces)), matrices, size)
    return erase(jitter_colour(batch, colours), rectangles)


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
