"""Cut the square around each face's box out of the photograph."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from typer import Option

from facerec import tables
from facerec.alignment.crop import crop_all
from facerec.alignment.params import CropParams
from facerec.geometry import crop_squares, square_matrices, transform_points
from facerec.run_record import count_faces
from stages.cli import run


def main(
    selected: Annotated[Path, Option(help="table of the selected photographs")],
    wild: Annotated[Path, Option(help="table of the photographs set aside")],
    openset: Annotated[Path, Option(help="table of the people set aside")],
    landmarks_only: Annotated[
        Path, Option(help="table of the photographs that only train the hourglass")
    ],
    photographs: Annotated[Path, Option(help="folder of the photographs of all four tables")],
    cropped: Annotated[Path, Option(help="output: folder of the cropped faces")],
    cropped_landmarks: Annotated[
        Path,
        Option(
            help="output: table of the squares, which later stages read, and of the annotated "
            "points in px of the crops, which complete the data set as the notebook made it"
        ),
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
    count_faces(len(frame))
    squares = crop_squares(frame[tables.BOX].to_numpy(), params.box_scale)
    crop_all(photographs, frame.image_id.tolist(), squares, params.image_size, cropped)

    matrices = square_matrices(squares, params.image_size)
    points = tables.points_frame(transform_points(matrices, tables.points(frame)))
    corners = pd.DataFrame(np.round(squares, 3), columns=tables.SQUARE)
    table = pd.concat([frame[["image_id"]], points, corners], axis=1)
    tables.write(table, cropped_landmarks, tables.CROPPED)


if __name__ == "__main__":
    run(main)
