"""How fast this machine draws faces and trains the two networks, measured in about two seconds on random pixels."""

import time
from collections.abc import Callable
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
from facerec.training.loop import CHECKPOINTS, epochs_done

AT_LEAST = 0.5  # seconds that are measured
FACES = 8  # that the hourglass looks at


def draw() -> float:
    """Returns the seconds that a photograph takes, of many that are drawn on all cores."""
    lots = iter(range(10_000))
    return _seconds(lambda: photograph(1, next(lots), 0, 0.0)) / num_workers()


def hourglass(params: HourglassParams) -> tuple[float, float]:
    """Returns the seconds of a step of its training, and of finding the points of a face."""
    network = landmark_training.build(params)
    side = round(network.face_pixels * CONTEXT)
    faces = _noise(params.batch, side)
    points = torch.rand(params.batch, 5, 2) * side
    step = _step(
        network, landmark_training.batch_loss(network, faces, points, params), params.batch
    )
    shown = _noise(FACES, network.face_pixels).numpy()
    network.eval()
    return step, _seconds(lambda: network.predict(shown)) / FACES


def recognizer(params: RecognizerParams, entry: RecognizerEntry, people: int, pixels: int) -> float:
    """Returns the seconds of a step of its training."""
    untrained = params.model_copy(update={"weights": "none"})
    network = recognizer_training.build(untrained, entry, [*range(people)], pixels, Path())
    labels = torch.arange(params.batch) // max(network.head.samples_per_class, 1) % people
    return _step(
        network,
        recognizer_training.batch_loss(network, _noise(params.batch, pixels), labels, params),
        params.batch,
    )


def hourglass_epochs(params: HourglassParams) -> int:
    """Returns how many epochs an interrupted training with these parameters has behind it."""
    return _most_epochs("train_hourglass-*", params)


def recognizer_epochs(head: str, params: RecognizerParams) -> int:
    """Returns the same of a head's trainings, over all seeds."""
    return sum(_most_epochs(f"train_recognizer-{head}-{seed}-*", params) for seed in params.seeds)


def _most_epochs(name: str, params: HourglassParams | RecognizerParams) -> int:
    return max(
        (epochs_done(state, params) for state in CHECKPOINTS.glob(f"{name}/last.pt")), default=0
    )


def _step(
    network: nn.Module, loss_fn: Callable[[Tensor, float, Generator], Tensor], batch: int
) -> float:
    """Returns the seconds of a step."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-6, fused=True)
    generator, indices = Generator().manual_seed(0), torch.arange(batch)
    network.train()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_fn(indices, 0.0, generator).backward()
        optimizer.step()
        if device().type == "cuda":
            torch.cuda.synchronize()

    return _seconds(step)


def _seconds(work: Callable[[], object]) -> float:
    """Returns the seconds that some work takes, once it has been done once."""
    work()
    start, times, passed = time.perf_counter(), 0, 0.0
    while passed < AT_LEAST:
        work()
        times, passed = times + 1, time.perf_counter() - start
    return passed / times


def _noise(count: int, side: int) -> Tensor:
    """Returns random faces (count, side, side, 3) uint8."""
    return torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    )
