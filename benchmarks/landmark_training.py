"""Speed of the hourglass's training, compared with the notebook's network and loop.

python -m benchmarks.landmark_training
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset
from typer import Option, run

from benchmarks.landmark_run import Run, notebook, read_run
from facerec.imaging.io import read_image
from facerec.landmarks.evaluation import points_in_squares
from facerec.landmarks.hourglass import StackedHourglass, to_heatmap
from facerec.landmarks.params import STRIDE, HourglassParams
from facerec.landmarks.training import batch_loss, build
from facerec.networks.devices import device
from facerec.tables import SQUARE
from facerec.training.loop import adamw

WORKERS = 2  # of the notebook's DataLoader
TARGET = 5.0  # times the notebook's faces a second


class NotebookFaces(Dataset):
    """Crops and their heatmaps, read and drawn anew whenever a face is asked for."""

    def __init__(
        self, folder: Path, image_ids: list[str], points: np.ndarray, image_size: int, sigma: float
    ) -> None:
        self.folder, self.image_ids, self.points = folder, image_ids, points
        self.image_size, self.sigma = image_size, sigma

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = cv2.resize(
            read_image(self.folder / self.image_ids[index]), (self.image_size, self.image_size)
        )
        face = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        return face, torch.from_numpy(
            np.stack([self._heatmap(*point) for point in self.points[index]])
        )

    def _heatmap(self, x: float, y: float) -> np.ndarray:
        side = self.image_size // STRIDE
        rows, columns = np.mgrid[:side, :side]
        squared = (columns - int(x / STRIDE)) ** 2 + (rows - int(y / STRIDE)) ** 2
        return np.exp(-squared / (2 * self.sigma**2)).astype(np.float32)


def main(
    data: Annotated[Path, Option(help="folder that the stages wrote")] = Path("data"),
    seconds: Annotated[
        float, Option(help="of each of the measurements, at least; never less than a step")
    ] = 10.0,
    repeats: Annotated[int, Option(help="measurements of each of the two, in turn")] = 5,
) -> None:
    """Prints both speeds and their ratio."""
    params = HourglassParams.load("hourglass")
    run_data = read_run(data, params)
    steps = {
        "notebook": notebook_steps(data, params, run_data),
        "ours": our_steps(params, run_data),
    }
    for each in steps.values():
        next(each)  # warms up: workers, memory, the choice of algorithms
    speeds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, each in steps.items():
            speeds[name].append(faces_per_second(each, seconds))
    for name, values in speeds.items():
        print(
            f"{name:<9} {statistics.median(values):8.2f} faces/s (median of {repeats}) "
            f"at {params.image_size} px"
        )
    ratios = [
        ours / theirs for ours, theirs in zip(speeds["ours"], speeds["notebook"], strict=True)
    ]
    median = statistics.median(ratios)
    verdict = "reached" if median >= TARGET else "missed"
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    print(f"ratio {median:.1f} ({spread}); target {TARGET:.0f}: {verdict}")


def notebook_steps(data: Path, params: HourglassParams, run_data: Run) -> Iterator[int]:
    """Yields the number of faces of each step of the notebook's loop."""
    theirs = notebook(params)
    size = params.image_size
    points = points_in_squares(run_data.train, run_data.train[SQUARE].to_numpy(), size)
    faces = NotebookFaces(
        data / "cropped", run_data.train.image_id.tolist(), points, size, theirs.sigma
    )
    loader = DataLoader(faces, theirs.batch_size, shuffle=True, num_workers=WORKERS, drop_last=True)
    network = build(theirs, box_scale=1.0).to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=theirs.learning_rate)
    while True:
        for batch, heatmaps in loader:
            yield _step(
                optimizer, lambda b=batch, h=heatmaps: _notebook_loss(network, b, h), len(batch)
            )


def _notebook_loss(network: StackedHourglass, batch: Tensor, heatmaps: Tensor) -> Tensor:
    seen, target = network(batch.to(device())), heatmaps.to(device())
    return torch.stack([mse_loss(of_stack, target) for of_stack in seen.unbind(dim=1)]).mean()


def our_steps(
    params: HourglassParams, run_data: Run, to_target: Callable[[Tensor], Tensor] = to_heatmap
) -> Iterator[int]:
    """Yields the number of faces of each step of the stage's training."""
    network = build(params, box_scale=1.0).train()
    loss_fn = batch_loss(network, params, to_target)
    optimizer = adamw(network, params)
    generator = torch.Generator().manual_seed(0)
    while True:
        shuffled = torch.randperm(len(run_data.train_set), generator=generator)
        batch = run_data.train_set[shuffled[: params.batch_size]]
        yield _step(optimizer, lambda b=batch: loss_fn(b, 0.0, generator), len(batch[0]))


def _step(optimizer: torch.optim.Optimizer, loss_fn: Callable[[], Tensor], faces: int) -> int:
    optimizer.zero_grad(set_to_none=True)
    loss = loss_fn()
    loss.backward()
    optimizer.step()
    loss.item()  # waits for the device
    return faces


def faces_per_second(steps: Iterator[int], seconds: float) -> float:
    """Returns the speed of whole steps, as many as fill the time."""
    start, faces = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds or not faces:
        faces += next(steps)
    return faces / spent


if __name__ == "__main__":
    run(main)
