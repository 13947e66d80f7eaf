"""Find the five points of every face with the hourglass, and align the faces by 2, 3 and 5 of them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Annotated, TypeVar

import numpy as np
import pandas as pd
import torch
from typer import Argument

from facerec import geometry, tables
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import write_image
from facerec.imaging.warp import crop_faces
from facerec.landmarks import hourglass
from facerec.landmarks.align_params import AlignParams
from facerec.landmarks.datasets import read_crop
from facerec.landmarks.heatmaps import inside
from facerec.landmarks.params import STRIDE
from facerec.networks.devices import device
from facerec.parallel import go_on, keep_freed_memory, parallel_map
from facerec.tables import SQUARE
from stages.cli import run, write_metrics

BATCH = 32  # faces that the network looks at together, at most
MEMORY = 2**28  # bytes that its features may take, of a batch on a CPU
FEATURES = 8  # of the heatmaps' size, that a forward pass has in memory at once
FLOAT = 4  # bytes
SHEET_FACES = 16  # on the sheet that has all methods
SHEET_SIDE = 8  # faces along a side of the sheet of one method

Result = TypeVar("Result")

_looking = Lock()


def main(
    model: Annotated[Path, Argument(help="the hourglass")],
    cropped_landmarks: Annotated[
        Path, Argument(help="table of the crops' squares; its points are not looked at")
    ],
    landmarks_only: Annotated[
        Path, Argument(help="table of photographs that no recogniser sees: left out")
    ],
    cropped: Annotated[
        Path, Argument(help="folder of the cropped faces, in which the points are sought")
    ],
    photographs: Annotated[
        Path, Argument(help="folder of the photographs, from which the faces are cut")
    ],
    aligned_2: Annotated[Path, Argument(help="output: folder of faces aligned by the eyes")],
    aligned_3: Annotated[
        Path, Argument(help="output: folder of faces aligned by the eyes and the nose")
    ],
    aligned_5: Annotated[Path, Argument(help="output: folder of faces aligned by all five points")],
    predicted_landmarks: Annotated[
        Path, Argument(help="output: table of the points, px, and whether they align the face")
    ],
    alignment: Annotated[
        Path, Argument(help="output: table of what each alignment did to each face, to look at")
    ],
    metrics: Annotated[
        Path, Argument(help="output: how many faces were distorted or could not be aligned")
    ],
    sheet: Annotated[Path, Argument(help="output: the same faces aligned by 2, 3 and 5 points")],
    sheet_2: Annotated[Path, Argument(help="output: more faces aligned by the eyes")],
    sheet_3: Annotated[Path, Argument(help="output: the same by the eyes and the nose")],
    sheet_5: Annotated[Path, Argument(help="output: the same by all five points")],
) -> None:
    """Find the five points of every face with the hourglass, and align the faces by 2, 3 and 5 of them."""
    params = AlignParams.load("align")
    folders = {2: aligned_2, 3: aligned_3, 5: aligned_5}
    network = hourglass.load(model, device())
    squares = tables.read(cropped_landmarks, tables.CROPPED)[["image_id", *SQUARE]]
    left_out = squares.image_id.isin(tables.read(landmarks_only, tables.SELECTED).image_id)
    squares = squares[~left_out].reset_index(drop=True)
    points, confidence, outside = align_all(
        network, squares, photographs, cropped, folders, params.pixels
    )
    matrices = geometry.alignment_matrices(points, params.pixels)
    flags = {
        f"aligned_{count}": np.isfinite(of_all).all(axis=(1, 2)).astype(int)
        for count, of_all in matrices.items()
    }
    predicted = tables.points_frame(points).assign(confidence=confidence, **flags)
    tables.write(
        pd.concat([squares[["image_id"]], predicted], axis=1), predicted_landmarks, tables.PREDICTED
    )
    record = _record(points, matrices, params).assign(points_outside=outside)
    tables.write(pd.concat([squares[["image_id"]], record], axis=1), alignment, tables.ALIGNED)
    write_metrics(metrics, _summary(record, predicted))
    write_image(sheet, sheets.alignment_sheet(folders, _evenly(squares.image_id, SHEET_FACES)))
    for count, path in {2: sheet_2, 3: sheet_3, 5: sheet_5}.items():
        shown = _evenly(squares.image_id, SHEET_SIDE**2)
        write_image(path, sheets.face_sheet(folders[count], shown, SHEET_SIDE))


def align_all(
    network: hourglass.StackedHourglass,
    squares: pd.DataFrame,
    photographs: Path,
    cropped: Path,
    folders: dict[int, Path],
    pixels: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the points (N, 5, 2), px of the photographs, their confidence (N,), and how many lie outside the crop.

    A batch is read, looked at, cut and written side by side with others; a GPU looks at one at a time.

    Args:
        network: finds the points.
        squares: rows of image_id and the crop's square.
        photographs: folder from which the faces are cut.
        cropped: folder of the crops, in which the points are sought.
        folders: of the aligned faces, by the number of points that align them.
        pixels: side of the aligned faces.
    """
    to_crop = geometry.square_matrices(squares[SQUARE].to_numpy(), network.face_size)
    sources = photographs, cropped
    align = partial(
        _align_batch, network, squares.image_id.tolist(), to_crop, sources, folders, pixels
    )
    found = side_by_side(align, batches(network, len(squares)), "align, in batches")
    points, confidence, outside = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return points, confidence, outside


def batches(network: hourglass.StackedHourglass, faces: int) -> list[range]:
    """Returns the faces in runs that the network looks at together, which do not depend on the number of cores.

    On a CPU, where each core has a batch in memory, there are fewer faces in those of a large network.
    """
    most = BATCH
    if device().type == "cpu":
        features = (network.config.image_size // STRIDE) ** 2 * network.config.channels * FLOAT
        most = max(1, min(BATCH, MEMORY // (FEATURES * features)))
    return [range(start, min(start + most, faces)) for start in range(0, faces, most)]


def side_by_side(
    function: Callable[[range], Result], batches: list[range], title: str | None
) -> Iterator[Result]:
    """Yields `function(batch)`, in which a network looks at faces, batch after batch; tells how far it is if titled.

    On a CPU in processes, for threads in which a network computes wait for each other at each layer; beside a GPU in
    threads.
    """
    on_cpu = device().type == "cpu"
    if on_cpu:
        keep_freed_memory()
    return parallel_map(function, batches, title, processes=on_cpu, run=1)


def _align_batch(
    network: hourglass.StackedHourglass,
    image_ids: list[str],
    to_crop: np.ndarray,
    sources: tuple[Path, Path],
    folders: dict[int, Path],
    pixels: int,
    batch: range,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names, (photographs, cropped) = image_ids[batch.start : batch.stop], sources
    seen = np.stack([read_crop(cropped / name, network.face_size) for name in names])
    with _looking:
        go_on()
        points, confidence = network.predict(seen)
    outside = (~inside(torch.from_numpy(points), network.face_size)).sum(dim=1).numpy()
    points = geometry.transform_points(geometry.invert(to_crop[batch.start : batch.stop]), points)
    matrices = geometry.alignment_matrices(points, pixels)
    for row, name in enumerate(names):
        go_on()
        faces = crop_faces(
            photographs / name, [matrices[count][row] for count in folders], pixels, "BGR"
        )
        for folder, face in zip(folders.values(), faces, strict=True):
            write_image(folder / name, face, "BGR")
    return points, confidence.mean(axis=1), outside


def _evenly(image_ids: pd.Series, count: int) -> list[str]:
    """Returns some of the ids from all over the table, all of them if they are fewer."""
    return image_ids[
        np.linspace(0, len(image_ids) - 1, min(count, len(image_ids))).astype(int)
    ].tolist()


def _record(
    points: np.ndarray, matrices: dict[int, np.ndarray], params: AlignParams
) -> pd.DataFrame:
    """Returns a row a face: what each alignment did to it, whether 3 points distorted it, and its `fault` or none.

    The first fault is named: a point is `not finite`; points are `coincident` (the eyes, or all five) or, eyes and
    nose, `collinear`, so that some alignment is missing; 3 points find the face `mirrored`, or it is `sheared` by them
    beyond max_shear.
    """
    columns: dict[str, np.ndarray] = {}
    for count, of_all in matrices.items():
        record = geometry.alignment_record(of_all, points, params.pixels)
        columns |= {f"{what}_{count}": values for what, values in record.items()}
    mirrored, sheared = geometry.mirrors(matrices[3]), columns["shear_3"] > params.max_shear
    missing = {count: np.isnan(of_all).any(axis=(1, 2)) for count, of_all in matrices.items()}
    faults = {
        "not finite": ~np.isfinite(points).all(axis=(1, 2)),
        "coincident": missing[2] | missing[5],
        "collinear": missing[3],
        "mirrored": mirrored,
        "sheared": sheared,
    }
    fault = np.select(list(faults.values()), list(faults), "none")
    return pd.DataFrame(
        {**columns, "distorted_3": (mirrored | sheared).astype(int), "fault": fault}
    )


def _summary(record: pd.DataFrame, predicted: pd.DataFrame) -> dict[str, float]:
    values: dict[str, float] = {
        "faces": len(record),
        "distorted_by_3_points": int(record.distorted_3.sum()),
    }
    values["points_outside_the_crop"] = int(record.points_outside.sum())
    values["median_shear_of_3_points"] = round(float(record.shear_3.median()), 4)
    for count in tables.ALIGNMENTS:
        values[f"median_residual_of_{count}_points"] = round(
            float(record[f"residual_{count}"].median()), 4
        )
        values[f"not_aligned_by_{count}_points"] = int((predicted[f"aligned_{count}"] == 0).sum())
    return values


if __name__ == "__main__":
    run(main)
