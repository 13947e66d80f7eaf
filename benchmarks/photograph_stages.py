"""Speed of align against its network, and how the time of each photograph stage grows."""

import math
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.crop_speed import crop_some, new_folders, squares_of
from benchmarks.measure import Measured, alternate, speed_of
from facerec import tables
from facerec.alignment.align import align_all, batches, map_batches
from facerec.annotation_names import LANDMARKS
from facerec.geometry import ARCFACE_PIXELS, invert, square_matrices, template, transform_points
from facerec.landmarks import hourglass
from facerec.networks.devices import device
from facerec.selection.photographs import copy_photographs
from facerec.selection.pixel_measures import measure_photographs
from facerec.tables import BOX, SQUARE

TIMES = (1, 2, 4, 8)  # photographs, of the fewest, in a measurement of growth


def align(data: Path, models: Path, image_size: int, photographs: int, repeats: int) -> Measured:
    """Returns the speed of the stage against the forward passes of the hourglass alone."""
    network, some = hourglass.load(models / "hourglass.pt", device()), squares_of(data, photographs)
    with tempfile.TemporaryDirectory() as out:
        new = new_folders(Path(out))
        ours = speed_of(lambda: _align(data, network, some, image_size, next(new)), len(some))
        return alternate(
            ours, speed_of(lambda: forward_passes(network, len(some)), len(some)), "faces", repeats
        )


def forward_passes(network: hourglass.StackedHourglass, faces: int) -> None:
    """Does the forward passes that `predict` does, on random numbers, in parallel as the stage."""
    passes = (network.config.refine_steps + 1) * (2 if network.config.flip_test else 1)
    work = partial(_passes_of_a_batch, network, passes)
    for _ in map_batches(work, batches(network, faces), None):
        pass


@torch.inference_mode()
def _passes_of_a_batch(network: hourglass.StackedHourglass, passes: int, faces: range) -> None:
    shape = (len(faces), 3, network.config.image_size, network.config.image_size)
    batch = torch.rand(shape, device=device()).contiguous(memory_format=torch.channels_last)
    for _ in range(passes):
        network(batch)
    if device().type == "cuda":
        torch.cuda.synchronize()


def _align(
    data: Path, network: hourglass.StackedHourglass, some: pd.DataFrame, image_size: int, out: Path
) -> None:
    folders = {count: out / f"aligned_{count}" for count in tables.ALIGNMENTS}
    align_all(
        network,
        some.reset_index(drop=True),
        data / "photographs",
        data / "cropped",
        folders,
        image_size,
    )


def growth(
    data: Path, models: Path, stage: str, image_size: int, photographs: int, repeats: int
) -> Measured:
    """Returns the fitted exponents of a stage's time in the number of photographs.

    Args:
        data: folder that the stages wrote.
        models: folder of the hourglass.
        stage: measure_select (pixel measures, then copies), crop or align.
        image_size: side of the result.
        photographs: at TIMES[-1].
        repeats: of the series of TIMES; each gives an exponent.
    """
    some = squares_of(data, photographs)
    with tempfile.TemporaryDirectory() as out:
        work = _works(data, models, image_size, Path(out))[stage]
        counts = [len(some) * times // TIMES[-1] for times in TIMES]
        work(some.iloc[: counts[0]])
        series = [[_seconds(work, some.iloc[:count]) for count in counts] for _ in range(repeats)]
    exponents = [growth_exponent(counts, seconds) for seconds in series]
    medians = [statistics.median(values) for values in zip(*series, strict=True)]
    times = ", ".join(
        f"{count}: {seconds:.2f} s" for count, seconds in zip(counts, medians, strict=True)
    )
    return Measured(exponents, times, "a straight line has 1")


def growth_exponent(counts: list[int], seconds: list[float]) -> float:
    """Returns the slope of log(seconds) over log(counts), fitted by least squares."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def _works(
    data: Path, models: Path, image_size: int, out: Path
) -> dict[str, Callable[[pd.DataFrame], None]]:
    def measure_select(some: pd.DataFrame) -> None:
        measure_photographs(_somewhere(some), data / "photographs")
        copy_photographs(some.image_id.tolist(), data / "photographs", next(new))

    def aligned(some: pd.DataFrame) -> None:
        _align(data, hourglass.load(models / "hourglass.pt", device()), some, image_size, next(new))

    new = new_folders(out)
    return {
        "measure_select": measure_select,
        "crop": lambda some: crop_some(data / "photographs", some, image_size, next(new)),
        "align": aligned,
    }


def _somewhere(some: pd.DataFrame) -> pd.DataFrame:
    """Returns the photographs with a box and points that fill the crop's square."""
    squares = some[SQUARE].to_numpy(float)
    faces = np.repeat(template(ARCFACE_PIXELS)[None], len(some), axis=0)
    points = transform_points(invert(square_matrices(squares, ARCFACE_PIXELS)), faces)
    boxes = np.column_stack([squares, squares[:, 2]])
    where = pd.DataFrame(
        np.hstack([points.reshape(len(some), -1), boxes]), some.index, [*LANDMARKS, *BOX]
    )
    return pd.concat([some[["image_id"]], where], axis=1)


def _seconds(work: Callable[[pd.DataFrame], None], some: pd.DataFrame) -> float:
    return 1 / speed_of(lambda: work(some), 1)() if len(some) else math.nan
