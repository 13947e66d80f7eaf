"""Speed of a recogniser's training: ours, one on a resident batch, and a plain loop over JPEGs."""

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.landmark_training import faces_per_second
from benchmarks.measure import Measured, alternate
from facerec.imaging.io import read_image
from facerec.networks.devices import autocast, device
from facerec.parallel import num_workers
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.training import batch_loss, build
from facerec.training.loop import Task, Trainer, adamw
from facerec.training.prefetch import FaceDataset
from facerec.training.samplers import grouped_order


class JpegFaces(Dataset):
    """Faces, read whenever they are asked for and mirrored at random, and their labels."""

    def __init__(self, paths: list[Path], labels: Tensor) -> None:
        self.paths, self.labels = paths, labels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        face = torch.from_numpy(read_image(self.paths[index])).permute(2, 0, 1).float() / 255
        return face.flip(2) if torch.rand(()) < 0.5 else face, self.labels[index]


def our_epochs(
    network: Recognizer, faces: np.ndarray, labels: Tensor, params: RecognizerParams
) -> Iterator[int]:
    """Yields the number of faces of each epoch of the stage's training, as `fit` runs it."""
    task = Task(
        FaceDataset(faces, torch.arange(len(faces)), labels),
        batch_loss(network, params),
        order=partial(grouped_order, labels, network.head.samples_per_class),
    )
    trainer = Trainer(network, task, params, seed=0)
    for epoch in count():
        trainer.train_epoch(epoch)
        yield trainer.steps_per_epoch * min(params.batch_size, len(faces))


def resident_steps(
    network: Recognizer, labels: Tensor, params: RecognizerParams, wait: bool = True
) -> Iterator[int]:
    """Yields the number of faces of each step on one random batch that stays on the device.

    Each step waits for the device to finish, unless the caller does so at the end.
    """
    shape = (params.batch_size, 3, network.config.image_size, network.config.image_size)
    batch = torch.rand(shape, device=device()).contiguous(memory_format=torch.channels_last)
    wanted = labels[torch.arange(params.batch_size) % len(labels)].to(device())
    optimizer = adamw(network, params)
    while True:
        yield training_step(
            optimizer, network.head(network(batch), wanted), params.batch_size, wait
        )


def plain_steps(
    network: Recognizer, paths: list[Path], labels: Tensor, params: RecognizerParams
) -> Iterator[int]:
    """Yields the number of faces of each step of a DataLoader over JPEG files, in fp32, NCHW."""
    faces = JpegFaces(paths, labels)
    loader = DataLoader(
        faces,
        min(params.batch_size, len(faces)),
        shuffle=True,
        num_workers=num_workers(),
        drop_last=True,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=params.learning_rate, fused=False)
    while True:
        for batch, wanted in loader:
            yield training_step(
                optimizer,
                network.head(network(batch.to(device())), wanted.to(device())),
                len(batch),
            )


def against_resident(
    faces: np.ndarray,
    labels: Tensor,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seconds: float,
    repeats: int,
) -> Measured:
    """Returns our speed and that of the same step on a resident batch."""
    first, second = (build_network(params, entry, faces, labels) for _ in range(2))
    return _compare(
        our_epochs(first, faces, labels, params),
        resident_steps(second, labels, params),
        seconds,
        repeats,
    )


def against_plain(
    faces: np.ndarray,
    paths: list[Path],
    labels: Tensor,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seconds: float,
    repeats: int,
) -> Measured:
    """Returns our speed and that of the plain loop over the same faces."""
    plain = build_network(params.model_copy(update={"precision": "fp32"}), entry, faces, labels)
    theirs = plain_steps(plain.to(memory_format=torch.contiguous_format), paths, labels, params)
    return _compare(
        our_epochs(build_network(params, entry, faces, labels), faces, labels, params),
        theirs,
        seconds,
        repeats,
    )


def against_other_precision(
    faces: np.ndarray,
    labels: Tensor,
    params: RecognizerParams,
    entry: RecognizerEntry,
    seconds: float,
    repeats: int,
) -> Measured:
    """Returns the speed in the precision that `auto` picks on this device, and in the other one."""
    with autocast(device(), "auto"):
        other = "fp32" if torch.is_autocast_enabled(device().type) else "bf16"
    settings = [params.model_copy(update={"precision": precision}) for precision in ("auto", other)]
    ours, theirs = (
        our_epochs(build_network(changed, entry, faces, labels), faces, labels, changed)
        for changed in settings
    )
    return _compare(ours, theirs, seconds, repeats)


def _compare(ours: Iterator[int], theirs: Iterator[int], seconds: float, repeats: int) -> Measured:
    return alternate(
        lambda: faces_per_second(ours, seconds),
        lambda: faces_per_second(theirs, seconds),
        "faces",
        repeats,
    )


def build_network(
    params: RecognizerParams, entry: RecognizerEntry, faces: np.ndarray, labels: Tensor
) -> Recognizer:
    """Returns an untrained recogniser of these faces and labels."""
    people = list(range(int(labels.max()) + 1))
    from_chance = params.model_copy(update={"weights": "none"})
    network = build(from_chance, entry, people, faces.shape[1], Path()).train()
    if params.compile:
        network.compile()
    return network


def training_step(
    optimizer: torch.optim.Optimizer, loss: Tensor, faces: int, wait: bool = True
) -> int:
    """Takes one step, and returns the number of faces; `wait` for the device to finish it."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if wait:
        loss.item()
    return faces
