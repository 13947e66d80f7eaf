"""Many images of one size as one array, in memory or mapped from a file."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from facerec.imaging.io import read_image
from facerec.parallel import parallel_map


def load_faces(folder: Path, image_ids: Iterable[str], map_over: float = math.inf) -> np.ndarray:
    """Returns the faces of a folder, all of one size, as uint8 (N, H, W, 3) in the ids' order.

    Args:
        folder: folder of the faces.
        image_ids: their names.
        map_over: as in `stack_images`.

    Raises:
        ValueError: a file is unreadable, or its size differs from the first one's.
    """
    paths = [folder / image_id for image_id in image_ids]
    if not paths:
        return np.zeros((0, 0, 0, 3), np.uint8)
    faces = parallel_map(read_image, paths, f"read {folder.name}")
    return stack_images(_of_one_size(faces, paths), len(paths), map_over)


def _of_one_size(images: Iterable[np.ndarray], paths: Sequence[Path]) -> Iterator[np.ndarray]:
    first = None
    for path, image in zip(paths, images, strict=True):
        first = first or image.shape
        if image.shape != first:
            raise ValueError(
                f"{path}: expected {first[1]} × {first[0]} px as {paths[0].name}, got "
                f"{image.shape[1]} × {image.shape[0]}"
            )
        yield image


def stack_images(
    images: Iterable[np.ndarray], count: int, map_over: float = math.inf
) -> np.ndarray:
    """Returns images of one size as uint8 (count, H, W, 3). No second copy is held.

    Args:
        images: (H, W, 3) uint8 each.
        count: number of images, at least one.
        map_over: MiB beyond which the array is mapped from a temporary file without a name in the
            working folder.
    """
    images = iter(images)
    first = next(images)
    shape = (count, *first.shape)
    if math.prod(shape) > map_over * 2**20:
        return _mapped(chain([first], images), shape)
    stacked = np.empty(shape, np.uint8)
    for index, image in enumerate(chain([first], images)):
        stacked[index] = image
    return stacked


def _mapped(images: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    with tempfile.TemporaryFile(dir=Path.cwd()) as file:
        for image in images:
            file.write(np.ascontiguousarray(image).data)
        file.flush()
        return np.memmap(file, np.uint8, "c", shape=shape)  # the file goes when the array does
