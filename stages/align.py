"""Find five points of every face with the hourglass, and align the faces by 2, 3 and 5."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from facerec import geometry, tables
from facerec.alignment.align import align_all
from facerec.alignment.params import AlignParams
from facerec.alignment.record import alignment_table, predicted_table, summary
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import write_image
from facerec.landmarks import hourglass
from facerec.networks.devices import device
from facerec.run_record import count_faces
from stages.cli import run, write_metrics

SHEET_FACES = 16  # on the sheet of all methods
SHEET_COLUMNS = 8  # and rows, on the sheet of one method


def main(
    model: Annotated[Path, Option(help="the hourglass")],
    cropped_landmarks: Annotated[
        Path, Option(help="table of the crops' squares; its points are not read")
    ],
    landmarks_only: Annotated[
        Path, Option(help="table of photographs that no recogniser sees: left out")
    ],
    cropped: Annotated[Path, Option(help="folder of the crops, in which the points are found")],
    photographs: Annotated[
        Path, Option(help="folder of the photographs, from which the aligned faces are cut")
    ],
    aligned_2: Annotated[Path, Option(help="output: folder of faces aligned by the eyes")],
    aligned_3: Annotated[Path, Option(help="output: folder of faces aligned by eyes and nose")],
    aligned_5: Annotated[Path, Option(help="output: folder of faces aligned by all five points")],
    predicted_landmarks: Annotated[
        Path, Option(help="output: table of the points, px, and which alignments each face has")
    ],
    alignment: Annotated[
        Path, Option(help="output: table of what each alignment did to each face, to look at")
    ],
    metrics: Annotated[
        Path, Option(help="output: how many faces were distorted or could not be aligned")
    ],
    sheet: Annotated[Path, Option(help="output: the same faces aligned by 2, 3 and 5 points")],
    sheet_2: Annotated[Path, Option(help="output: more faces aligned by the eyes")],
    sheet_3: Annotated[Path, Option(help="output: the same faces aligned by eyes and nose")],
    sheet_5: Annotated[Path, Option(help="output: the same faces aligned by all five points")],
) -> None:
    """Find five points of every face with the hourglass, and align the faces by 2, 3 and 5."""
    params = AlignParams.load("align")
    network = hourglass.load(model, device())
    squares = _squares(cropped_landmarks, landmarks_only)
    count_faces(len(squares))
    folders = {2: aligned_2, 3: aligned_3, 5: aligned_5}
    found = align_all(network, squares, photographs, cropped, folders, params.image_size)

    matrices = geometry.alignment_matrices(found.points, params.image_size)
    predicted = predicted_table(squares.image_id, found, matrices)
    record = alignment_table(squares.image_id, found, matrices, params.image_size, params.max_shear)
    tables.write(predicted, predicted_landmarks, tables.PREDICTED)
    tables.write(record, alignment, tables.ALIGNED)
    write_metrics(metrics, summary(record, predicted))

    few = sheets.evenly_spaced(squares.image_id, SHEET_FACES)
    write_image(sheet, sheets.alignment_sheet(folders, few))
    more = sheets.evenly_spaced(squares.image_id, SHEET_COLUMNS**2)
    for count, path in {2: sheet_2, 3: sheet_3, 5: sheet_5}.items():
        write_image(path, sheets.face_sheet(folders[count], more, SHEET_COLUMNS))


def _squares(cropped_landmarks: Path, landmarks_only: Path) -> pd.DataFrame:
    """Returns image_id and square of each face that recognisers may see."""
    squares = tables.read(cropped_landmarks, tables.CROPPED)[["image_id", *tables.SQUARE]]
    left_out = tables.read(landmarks_only, tables.SELECTED).image_id
    return squares[~squares.image_id.isin(left_out)].reset_index(drop=True)


if __name__ == "__main__":
    run(main)
