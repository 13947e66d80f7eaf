"""Cut the square around each face's box out of the photograph."""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import PositiveFloat, PositiveInt
from typer import Argument

from facerec import tables
from facerec.geometry import crop_squares, square_matrices, transform_points
from facerec.imaging.io import write_image
from facerec.imaging.warp import crop_faces
from facerec.parallel import parallel_map
from facerec.params import Params
from stages.cli import run


class CropParams(Params):
    box_scale: PositiveFloat  # side of the square, of the smaller side of the box
    pixels: PositiveInt  # side of the cropped face


def main(
    selected: Annotated[Path, Argument(help="table of the selected photographs")],
    wild: Annotated[Path, Argument(help="table of the photographs set aside")],
    openset: Annotated[Path, Argument(help="table of the people set aside")],
    landmarks_only: Annotated[
        Path, Argument(help="table of the photographs of which only points are learned")
    ],
    photographs: Annotated[Path, Argument(help="folder of the photographs of all four")],
    cropped: Annotated[Path, Argument(help="output: folder of the cropped faces")],
    cropped_landmarks: Annotated[
        Path, Argument(help="output: table of points in the crops, and of the squares")
    ],
) -> None:
    """Cut the square around each face's box out of the photograph."""
    params = CropParams.load("crop")
    frame = pd.concat(
        [
            tables.read(selected, tables.SELECTED),
            tables.read(wild, tables.SELECTED),
            tables.read(openset, tables.OPENSET),
            tables.read(landmarks_only, tables.SELECTED),
        ],
        ignore_index=True,
    )
    squares = crop_squares(frame[tables.BOX].to_numpy(), params.box_scale)
    matrices = square_matrices(squares, params.pixels)
    crop_all(photographs, frame.image_id.tolist(), matrices, params.pixels, cropped)
    points = tables.points_frame(transform_points(matrices, tables.points(frame)))
    corners = pd.DataFrame(np.round(squares, 3), columns=["crop_x", "crop_y", "crop_side"])
    tables.write(
        pd.concat([frame[["image_id"]], points, corners], axis=1), cropped_landmarks, tables.CROPPED
    )


def crop_all(
    photographs: Path, image_ids: list[str], matrices: np.ndarray, pixels: int, cropped: Path
) -> None:
    """Cuts every photograph's square, that its matrix (N, 2, 3) takes to `pixels`, into the folder `cropped`."""
    squares = zip(image_ids, matrices, strict=True)
    for _ in parallel_map(
        partial(_crop, photographs, pixels, cropped), squares, "crop", processes=True
    ):
        pass


def _crop(photographs: Path, pixels: int, cropped: Path, square: tuple[str, np.ndarray]) -> None:
    image_id, matrix = square
    (face,) = crop_faces(photographs / image_id, [matrix], pixels, "BGR")
    write_image(cropped / image_id, face, "BGR")


if __name__ == "__main__":
    run(main)
