"""Cropped faces: the squares around the boxes, cut out of the photographs."""

from functools import partial
from pathlib import Path

import numpy as np

from facerec.geometry import square_matrices
from facerec.imaging.io import write_image
from facerec.imaging.warp import crop_faces
from facerec.parallel import parallel_map

CHUNK_SIZE = 32  # photographs that a process is given at once


def crop_all(
    photographs: Path, image_ids: list[str], squares: np.ndarray, image_size: int, out: Path
) -> None:
    """Writes the square of each photograph into a folder, under the photograph's name.

    Args:
        photographs: folder of the photographs.
        image_ids: (N,) their names.
        squares: (N, 3) x, y, side, px of the photographs.
        image_size: side of the cropped faces, px.
        out: folder of the cropped faces.

    Raises:
        ValueError: a photograph cannot be read.
    """
    crop = partial(_crop, photographs, image_size, out)
    faces = list(zip(image_ids, square_matrices(squares, image_size), strict=True))
    for _ in parallel_map(crop, faces, "crop", processes=True, chunk_size=CHUNK_SIZE):
        pass


def _crop(photographs: Path, image_size: int, out: Path, face: tuple[str, np.ndarray]) -> None:
    image_id, matrix = face
    (cropped,) = crop_faces(photographs / image_id, [matrix], image_size, "BGR")
    write_image(out / image_id, cropped, "BGR")
