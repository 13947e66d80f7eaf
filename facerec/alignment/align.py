"""Aligned faces: the points of each face found in its crop, the face cut out of its photograph."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import numpy as np
import pandas as pd

from facerec import geometry
from facerec.alignment.points import FoundPoints, find_points_in_crops
from facerec.imaging.io import write_image
from facerec.imaging.warp import crop_faces
from facerec.landmarks.datasets import read_crop
from facerec.landmarks.hourglass import StackedHourglass
from facerec.landmarks.params import STRIDE
from facerec.networks.devices import device
from facerec.parallel import parallel_map
from facerec.tables import SQUARE

BATCH_SIZE = 32  # faces in a forward pass, at most
FEATURE_MEMORY = 2**28  # bytes that the features of a batch may take on a CPU
FEATURE_MAPS = 8  # of the heatmaps' size and all channels, in memory at once in a forward pass
FLOAT_BYTES = 4

Result = TypeVar("Result")

_gpu_lock = Lock()  # one batch at a time: several would need the memory of several


def align_all(
    network: StackedHourglass,
    squares: pd.DataFrame,
    photographs: Path,
    crops: Path,
    folders: dict[int, Path],
    image_size: int,
) -> FoundPoints:
    """Returns the points of all faces, and writes the faces aligned by 2, 3 and 5 of them.

    Args:
        network: the hourglass.
        squares: a row per face: image_id and the crop's square, px of the photograph.
        photographs: folder of the photographs, from which the aligned faces are cut.
        crops: folder of the crops, in which the points are found.
        folders: output folders of the aligned faces, by the number of points.
        image_size: side of the aligned faces, px.

    Raises:
        ValueError: a crop or a photograph cannot be read.
    """
    align = partial(_align_batch, network, photographs, crops, folders, image_size)
    parts = [squares[batch.start : batch.stop] for batch in batches(network, len(squares))]
    predictions = [*map_batches(align, parts, "align, in batches")]
    return FoundPoints(
        np.concatenate([batch.points for batch in predictions]),
        np.concatenate([batch.confidence for batch in predictions]),
        np.concatenate([batch.outside for batch in predictions]),
    )


def batches(network: StackedHourglass, faces: int) -> list[range]:
    """Returns the faces in batches; their sizes do not depend on the number of cores.

    On a CPU each core holds a batch in memory: a large network gets smaller batches.
    """
    size = BATCH_SIZE
    if device().type == "cpu":
        pixels = (network.config.image_size // STRIDE) ** 2
        features = FEATURE_MAPS * pixels * network.config.channels * FLOAT_BYTES
        size = min(max(FEATURE_MEMORY // features, 1), BATCH_SIZE)
    return [range(start, min(start + size, faces)) for start in range(0, faces, size)]


def map_batches(
    function: Callable[[pd.DataFrame], Result], batches: list, title: str | None
) -> Iterator[Result]:
    """Yields `function(batch)` for batches on which a network computes.

    On a CPU it works in processes: threads of torch would wait for each other at each layer.
    Beside a GPU it works in threads, which share the network.
    """
    return parallel_map(function, batches, title, processes=device().type == "cpu")


def _align_batch(
    network: StackedHourglass,
    photographs: Path,
    crops: Path,
    folders: dict[int, Path],
    image_size: int,
    squares: pd.DataFrame,
) -> FoundPoints:
    faces = np.stack([read_crop(crops / name, network.face_size) for name in squares.image_id])
    with _gpu_lock:
        predicted = find_points_in_crops(network, faces, squares[SQUARE].to_numpy())
    matrices = geometry.alignment_matrices(predicted.points, image_size)
    for row, name in enumerate(squares.image_id):
        matrices_of_face = [matrices[count][row] for count in folders]
        aligned = crop_faces(photographs / name, matrices_of_face, image_size, "BGR")
        for folder, face in zip(folders.values(), aligned, strict=True):
            write_image(folder / name, face, "BGR")
    return predicted
