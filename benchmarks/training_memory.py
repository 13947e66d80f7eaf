"""Peak memory of a recogniser's training on random faces, in a process of its own.

python -m benchmarks.training_memory 100000
"""

import os
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Generator
from typer import Argument, Option, run

from facerec.imaging.arrays import stack_images
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.training import batch_loss, build
from facerec.training.loop import Task, delete_checkpoints, fit
from facerec.training.prefetch import FaceDataset

MIB = 2**20
ENTRY = {"alignment": 5, "head": {"type": "ce", "label_smoothing": 0.0}}


def main(
    faces: Annotated[int, Argument(help="how many")],
    image_size: Annotated[int, Option(help="side of a face")] = 112,
    steps: Annotated[int, Option(help="of training")] = 20,
    batch_size: Annotated[int, Option(help="faces a step")] = 64,
    map_over: Annotated[float, Option(help="MiB beyond which faces are mapped")] = 64.0,
) -> None:
    """Prints the largest private memory, MiB: that which no file stands behind."""
    params = RecognizerParams.load("recognizer").model_copy(
        update={
            "batch_size": batch_size,
            "epochs": 1,
            "warmup_epochs": 0,
            "weights": "none",
            "memory_map_over": map_over,
        }
    )
    peak = _Peak()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        os.chdir(folder)
        _train(faces, image_size, steps, params)
        os.chdir("..")
    print(f"{peak.stop() / MIB:.1f}")


def _train(count: int, image_size: int, steps: int, params: RecognizerParams) -> None:
    rng = np.random.default_rng(0)
    face = rng.integers(0, 255, (image_size, image_size, 3), dtype=np.uint8)
    faces = stack_images(
        (np.roll(face, shift, axis=0) for shift in range(count)), count, params.memory_map_over
    )
    labels = torch.arange(count) % 100
    network = build(
        params, RecognizerEntry.model_validate(ENTRY), list(range(100)), image_size, Path()
    )
    samples = steps * params.batch_size

    def random_order(generator: Generator) -> torch.Tensor:
        return torch.randint(count, (samples,), generator=generator)

    dataset = FaceDataset(faces, torch.arange(count), labels)
    loss_fn = batch_loss(network, params)
    task = Task(dataset, loss_fn, order=random_order, epoch_samples=samples)
    name = "training_memory-" + "0" * 16
    fit(network, task, params, 0, name)
    delete_checkpoints(name)


class _Peak:
    """Measures the process's private memory every few milliseconds."""

    def __init__(self) -> None:
        self._most, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self._most = max(self._most, private_memory())

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return max(self._most, private_memory())


def private_memory() -> int:
    """Returns the resident memory that no file stands behind, bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError("/proc/self/status: expected a line RssAnon")


if __name__ == "__main__":
    run(main)
