"""Speed of the photograph stages: crop against the notebook's loop, align against its network, growth of both."""

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.measure import Measured, alternate, speed_of
from facerec import celeba, hourglass, tables
from facerec.devices import device
from facerec.geometry import ARCFACE_PIXELS, crop_squares, invert, square_matrices, template, transform_points
from facerec.images import num_workers
from facerec.photographs import Photographs
from facerec.pixel_measures import PixelMeasures
from facerec.tables import BOX, LANDMARKS, SQUARE
from stages.align import align_all, batches, side_by_side
from stages.crop import crop_all

BOX_SCALE = 1.2  # the notebook's
TIMES = (1, 2, 4, 8)  # photographs, of the fewest, in a measurement of growth


@dataclass(frozen=True)
class Faces:
    """Photographs to crop.

    Attributes:
        name: of the collection.
        folder: of the photographs.
        frame: table of all of them, with their boxes, in which the notebook looks its rows up.
        some: image_id and square of those that are cropped.
    """

    name: str
    folder: Path
    frame: pd.DataFrame
    some: pd.DataFrame


def crop(data: Path, pixels: int, photographs: int, repeats: int, row_lookup: bool = False) -> Measured:
    """Returns our speed against the notebook's on one core times the number of cores; with or without its row lookup.

    Args:
        data: folder that the stages wrote; the photographs are those of raw/cfp in it, or else what was selected.
        pixels: side of the crops.
        photographs: at most.
        repeats: of each.
        row_lookup: whether the notebook's loop searches the table for every photograph, as it did.
    """
    faces = _faces(data, photographs)
    cores, photos = num_workers(), len(faces.some)
    with tempfile.TemporaryDirectory() as out:
        new = _new_folders(Path(out))
        ours = speed_of(lambda: _crop(faces.folder, faces.some, pixels, next(new)), photos)
        theirs = speed_of(lambda: _notebook_crop(faces, pixels, next(new), row_lookup), photos * cores)
        return alternate(ours, theirs, f"{faces.name} photographs", repeats)


def crop_in_processes(data: Path, pixels: int, photographs: int, repeats: int) -> Measured:
    """Returns our speed against that of the notebook's loop without its row lookup, in as many processes as cores.

    Cores that share caches, memory or a disk are together not as fast as one times their number: how far, this says.
    """
    faces = _faces(data, photographs)
    parts = [replace(faces, some=faces.some.iloc[first :: num_workers()]) for first in range(num_workers())]
    with tempfile.TemporaryDirectory() as out, ProcessPoolExecutor(num_workers()) as pool:
        new = _new_folders(Path(out))
        ours = speed_of(lambda: _crop(faces.folder, faces.some, pixels, next(new)), len(faces.some))
        loop = partial(_notebook_crop, pixels=pixels, row_lookup=False)
        theirs = speed_of(lambda: list(pool.map(partial(loop, out=next(new)), parts)), len(faces.some))
        return alternate(ours, theirs, f"{faces.name} photographs", repeats)


def _new_folders(folder: Path) -> Iterator[Path]:
    """Yields one empty folder after the other, as a stage finds it: to replace a file would take longer."""
    for number in count():
        new = folder / str(number)
        new.mkdir()
        yield new


def _faces(data: Path, photographs: int) -> Faces:
    return _cfp(data / "raw/cfp", photographs) if (data / "raw/cfp").is_dir() else _selected(data, photographs)


def _cfp(folder: Path, photographs: int) -> Faces:
    frame = celeba.read_identity(folder / "identity_CelebA.txt").merge(
        celeba.read_boxes(folder / "list_bbox_celeba.txt"), on="image_id", validate="one_to_one"
    )
    some = frame[["image_id"]].iloc[:photographs].copy()
    some[SQUARE] = crop_squares(frame[tables.BOX].to_numpy()[:photographs], BOX_SCALE)
    return Faces("cfp", folder / "img_celeba", frame, some)


def _selected(data: Path, photographs: int) -> Faces:
    parts = [tables.read(data / f"{name}.csv", tables.SELECTED) for name in ("selected", "wild")]
    frame = pd.concat([*parts, tables.read(data / "openset.csv", tables.OPENSET)], ignore_index=True)
    return Faces("selected", data / "selected", frame, _squares(data, photographs))


def _squares(data: Path, photographs: int) -> pd.DataFrame:
    return tables.read(data / "cropped_landmarks.csv", tables.CROPPED)[["image_id", *SQUARE]].iloc[:photographs]


def _crop(folder: Path, some: pd.DataFrame, pixels: int, out: Path) -> None:
    matrices = square_matrices(some[SQUARE].to_numpy(), pixels)
    crop_all(folder, some.image_id.tolist(), matrices, pixels, out)


def _notebook_crop(faces: Faces, pixels: int, out: Path, row_lookup: bool) -> None:
    """Crops one photograph after the other: imread, clipped square, bilinear resize, imwrite; NOTEBOOKS 1.3."""
    frame = faces.frame
    by_name = {row.image_id: row for row in frame.itertuples()}
    for name in faces.some.image_id:
        row = frame[frame.image_id == name].iloc[0] if row_lookup else by_name[name]
        picture = cv2.imread(str(faces.folder / name))
        height, width = picture.shape[:2]
        centre_x, centre_y = row.x_1 + row.width / 2, row.y_1 + row.height / 2
        half_x, half_y = row.width * BOX_SCALE / 2, row.height * BOX_SCALE / 2
        left, right = max(int(centre_x - half_x), 0), min(int(centre_x + half_x), width)
        top, bottom = max(int(centre_y - half_y), 0), min(int(centre_y + half_y), height)
        side = min(right - left, bottom - top)
        left, top = left + (right - left - side) // 2, top + (bottom - top - side) // 2
        face = cv2.resize(picture[top : top + side, left : left + side], (pixels, pixels))
        cv2.imwrite(str(out / name), face)


def align(data: Path, models: Path, pixels: int, photographs: int, repeats: int) -> Measured:
    """Returns the speed of the whole stage against as many forward passes of the hourglass, on random numbers."""
    network, some = hourglass.load(models / "hourglass.pt", device()), _squares(data, photographs)
    with tempfile.TemporaryDirectory() as out:
        new = _new_folders(Path(out))
        ours = speed_of(lambda: _align(data, network, some, pixels, next(new)), len(some))
        return alternate(ours, speed_of(lambda: _forward_passes(network, len(some)), len(some)), "faces", repeats)


def _forward_passes(network: hourglass.StackedHourglass, faces: int) -> None:
    """Does what `predict` asks of the network for so many faces, and nothing else: each look, mirrored too if it is.

    Side by side, as the stage does.
    """
    passes = network.looks * (2 if network.flip_test else 1)
    work = partial(_passes_of_a_batch, network, passes)
    for _ in side_by_side(work, batches(network, faces), None):
        pass


@torch.inference_mode()
def _passes_of_a_batch(network: hourglass.StackedHourglass, passes: int, faces: range) -> None:
    shape = (len(faces), 3, network.pixels, network.pixels)
    batch = torch.rand(shape, device=device()).contiguous(memory_format=torch.channels_last)
    for _ in range(passes):
        network(batch)
    if device().type == "cuda":
        torch.cuda.synchronize()


def _align(data: Path, network: hourglass.StackedHourglass, some: pd.DataFrame, pixels: int, out: Path) -> None:
    folders = {count: out / f"aligned_{count}" for count in tables.ALIGNMENTS}
    align_all(network, some.reset_index(drop=True), data / "selected", data / "cropped", folders, pixels)


def growth(data: Path, models: Path, stage: str, pixels: int, photographs: int, repeats: int) -> Measured:
    """Returns the fitted exponents of a stage's time in the number of photographs, one of each turn through TIMES.

    Args:
        data: folder that the stages wrote.
        models: folder of the hourglass.
        stage: select (its measures of pixels, decoding and copying), crop or align.
        pixels: side of the result.
        photographs: at TIMES[-1].
        repeats: of the whole series.
    """
    some = _squares(data, photographs)
    with tempfile.TemporaryDirectory() as out:
        work = _works(data, models, pixels, Path(out))[stage]
        counts = [len(some) * times // TIMES[-1] for times in TIMES]
        work(some.iloc[: counts[0]])
        series = [[_seconds(work, some.iloc[:count]) for count in counts] for _ in range(repeats)]
    exponents = [float(np.polyfit(np.log(counts), np.log(seconds), 1)[0]) for seconds in series]
    medians = [statistics.median(values) for values in zip(*series, strict=True)]
    times = ", ".join(f"{count}: {seconds:.2f} s" for count, seconds in zip(counts, medians, strict=True))
    return Measured(exponents, times, "a straight line has 1")


def _works(data: Path, models: Path, pixels: int, out: Path) -> dict[str, Callable[[pd.DataFrame], None]]:
    def select(some: pd.DataFrame) -> None:
        source, ids = Photographs(data / "selected", "fail"), some.image_id.tolist()
        (out / "measured.csv").unlink(missing_ok=True)
        PixelMeasures(source, out / "measured.csv").of(_somewhere(some))
        source.shapes.clear()
        source.take(some.assign(person_id=0), len(some))
        source.copy(ids, next(new))

    def aligned(some: pd.DataFrame) -> None:
        _align(data, hourglass.load(models / "hourglass.pt", device()), some, pixels, next(new))

    new = _new_folders(out)
    return {"select": select, "crop": lambda some: _crop(data / "selected", some, pixels, next(new)), "align": aligned}


def _somewhere(some: pd.DataFrame) -> pd.DataFrame:
    """Returns the photographs with a box and points that fill the crop's square: what is there costs the same."""
    squares = some[SQUARE].to_numpy(float)
    faces = np.repeat(template(ARCFACE_PIXELS)[None], len(some), axis=0)
    points = transform_points(invert(square_matrices(squares, ARCFACE_PIXELS)), faces)
    boxes = np.column_stack([squares, squares[:, 2]])
    where = pd.DataFrame(np.hstack([points.reshape(len(some), -1), boxes]), some.index, [*LANDMARKS, *BOX])
    return pd.concat([some[["image_id"]], where], axis=1)


def _seconds(work: Callable[[pd.DataFrame], None], some: pd.DataFrame) -> float:
    return 1 / speed_of(lambda: work(some), 1)() if len(some) else math.nan
