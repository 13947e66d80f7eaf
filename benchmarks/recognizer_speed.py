"""Training of a recogniser: ours, the same steps on a batch that is already there, and a plain loop over JPEG files."""

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
from facerec.progress import Progress
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.recognizer import Recognizer
from facerec.recognition.training import batch_loss, build
from facerec.training import loop, samplers
from facerec.training.prefetch import Batches


class JpegFaces(Dataset):
    """A face and its label: the JPEG is read whenever it is asked for, and mirrored at random."""

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
    batches = Batches(faces, torch.arange(len(faces)), device())
    loss_fn = batch_loss(network, batches, labels, params)
    order = partial(samplers.grouped_order, labels, network.head.samples_per_class)
    optimizer = _adamw(network, params)
    steps = loop._steps(len(faces), params.batch)
    untold = Progress(None, steps)
    for epoch in count():
        loop._epoch(
            network,
            loss_fn,
            order,
            batches.prefetch,
            steps,
            optimizer,
            params,
            0,
            epoch,
            Path("none"),
            untold,
        )
        yield steps * min(params.batch, len(faces))


def resident_steps(
    network: Recognizer, labels: Tensor, params: RecognizerParams, wait: bool = True
) -> Iterator[int]:
    """Yields the number of faces of each step on one random batch on the device: no loading, no augmentation.

    It waits for the device after each, unless the caller does so at the end.
    """
    shape = (params.batch, 3, network.config.image_size, network.config.image_size)
    batch = torch.rand(shape, device=device()).contiguous(memory_format=torch.channels_last)
    wanted = labels[torch.arange(params.batch) % len(labels)].to(device())
    optimizer = _adamw(network, params)
    while True:
        yield _step(optimizer, network.head(network(batch), wanted), params.batch, wait)


def plain_steps(
    network: Recognizer, paths: list[Path], labels: Tensor, params: RecognizerParams
) -> Iterator[int]:
    """Yields the number of faces of each step of a DataLoader over JPEG files, in fp32, NCHW."""
    faces = JpegFaces(paths, labels)
    loader = DataLoader(
        faces,
        min(params.batch, len(faces)),
        shuffle=True,
        num_workers=num_workers(),
        drop_last=True,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=params.learning_rate, fused=False)
    while True:
        for batch, wanted in loader:
            yield _step(
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
    """Returns our speed against that of the same step on a resident batch; both train with the same settings."""
    first, second = (_network(params, entry, faces, labels) for _ in range(2))
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
    """Returns our speed against that of the plain loop over the same faces."""
    plain = _network(params.model_copy(update={"precision": "fp32"}), entry, faces, labels)
    theirs = plain_steps(plain.to(memory_format=torch.contiguous_format), paths, labels, params)
    return _compare(
        our_epochs(_network(params, entry, faces, labels), faces, labels, params),
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
    """Returns the speed in the precision that `auto` picks on this device against that in the other one."""
    with autocast(device(), "auto"):
        other = "fp32" if torch.is_autocast_enabled(device().type) else "bf16"
    settings = [params.model_copy(update={"precision": precision}) for precision in ("auto", other)]
    ours, theirs = (
        our_epochs(_network(one, entry, faces, labels), faces, labels, one) for one in settings
    )
    return _compare(ours, theirs, seconds, repeats)


def _compare(ours: Iterator[int], theirs: Iterator[int], seconds: float, repeats: int) -> Measured:
    return alternate(
        lambda: faces_per_second(ours, seconds),
        lambda: faces_per_second(theirs, seconds),
        "faces",
        repeats,
    )


def _network(
    params: RecognizerParams, entry: RecognizerEntry, faces: np.ndarray, labels: Tensor
) -> Recognizer:
    people = list(range(int(labels.max()) + 1))
    from_chance = params.model_copy(update={"weights": "none"})
    network = build(from_chance, entry, people, faces.shape[1], Path()).train()
    if params.compile:
        network.compile()
    return network


def _adamw(network: Recognizer, params: RecognizerParams) -> torch.optim.Optimizer:
    groups = loop._decay_groups(network, params.weight_decay)
    return torch.optim.AdamW(groups, lr=params.learning_rate, fused=True)


def _step(optimizer: torch.optim.Optimizer, loss: Tensor, faces: int, wait: bool = True) -> int:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if wait:
        loss.item()
    return faces
