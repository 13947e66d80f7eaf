"""Measures in about two seconds how fast this machine draws faces and trains the two networks."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from facerec.landmarks import training as landmark_training
from facerec.landmarks.datasets import CONTEXT
from facerec.landmarks.params import HourglassParams
from facerec.networks.devices import device
from facerec.parallel import num_workers
from facerec.recognition import training as recognizer_training
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.synthetic.drawing import photograph
from facerec.training.loop import CHECKPOINTS, adamw, epochs_done
from facerec.training.params import FitParams
from facerec.training.prefetch import Batch

MIN_SECONDS = 0.5  # of each measurement
SMALL_RATE = 1e-6  # noise teaches nothing; a larger learning rate might diverge
FACES = 8  # for the hourglass to find landmarks in


def draw() -> float:
    """Returns the seconds per photograph when all cores draw."""
    people = count()
    return _seconds(lambda: photograph(1, next(people), 0, 0.0)) / num_workers()


def hourglass(params: HourglassParams) -> tuple[float, float]:
    """Returns the seconds per training batch, and per face to find its landmarks."""
    network = landmark_training.build(params, box_scale=1.0)
    side = round(network.face_size * CONTEXT)
    points = torch.rand(params.batch_size, 5, 2) * side
    batch = _noise(params.batch_size, side), points
    step = _step(network, params, landmark_training.batch_loss(network, params), batch)
    faces = _noise(FACES, network.face_size).numpy()
    network.eval()
    return step, _seconds(lambda: network.predict(faces)) / FACES


def recognizer(
    params: RecognizerParams, entry: RecognizerEntry, people: int, image_size: int
) -> float:
    """Returns the seconds per training batch."""
    untrained = params.model_copy(update={"weights": "none"})
    network = recognizer_training.build(untrained, entry, [*range(people)], image_size, Path())
    labels = torch.arange(params.batch_size) // max(network.head.samples_per_class, 1) % people
    batch = _noise(params.batch_size, image_size), labels
    return _step(network, params, recognizer_training.batch_loss(network, params), batch)


def hourglass_epochs(params: HourglassParams) -> int:
    """Returns how many epochs an interrupted training with these parameters has done."""
    return _most_epochs("train_hourglass-*", params)


def recognizer_epochs(name: str, params: RecognizerParams) -> int:
    """Returns how many epochs a recogniser's interrupted trainings have done, over all seeds."""
    return sum(_most_epochs(f"train_recognizer-{name}-{seed}-*", params) for seed in params.seeds)


def _most_epochs(folders: str, params: FitParams) -> int:
    return max(
        (epochs_done(state, params) for state in CHECKPOINTS.glob(f"{folders}/last.pt")), default=0
    )


def _step(
    network: nn.Module,
    params: FitParams,
    loss_fn: Callable[[Batch, float, Generator], Tensor],
    batch: Batch,
) -> float:
    """Returns the seconds per training batch."""
    optimizer = adamw(network, params.model_copy(update={"learning_rate": SMALL_RATE}))
    generator = Generator().manual_seed(0)
    network.train()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_fn(batch, 0.0, generator).backward()
        optimizer.step()
        if device().type == "cuda":
            torch.cuda.synchronize()

    return _seconds(step)


def _seconds(work: Callable[[], object]) -> float:
    """Returns the seconds that some work takes, after it was done once to warm up."""
    work()
    times = 0
    passed = 0.0
    start = time.perf_counter()
    while passed < MIN_SECONDS:
        work()
        times += 1
        passed = time.perf_counter() - start
    return passed / times


def _noise(number: int, side: int) -> Tensor:
    """Returns random faces (number, side, side, 3) uint8."""
    return torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (number, side, side, 3), np.uint8)
    )
