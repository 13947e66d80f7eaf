"""Decode each photograph of the collection once, and measure its face."""

from pathlib import Path
from typing import Annotated

from typer import Option

from facerec import tables
from facerec.data.celeba import has_boxes, read_faces
from facerec.data.plausibility import refuse_implausible_pictures, refuse_implausible_tables
from facerec.run_record import count_faces
from facerec.selection.photographs import refuse_absent
from facerec.selection.pixel_measures import measure_photographs
from stages.cli import run


def main(
    landmarks: Annotated[Path, Option(help="five points of each face")],
    boxes: Annotated[
        Path, Option(help="box of each face; a file without rows if the points give them")
    ],
    images: Annotated[Path, Option(help="folder of the collection's photographs")],
    measures: Annotated[Path, Option(help="output: table of measures, or why there are none")],
) -> None:
    """Decode each photograph of the collection once, and measure its face."""
    frame = read_faces(landmarks, boxes)
    annotated = boxes if has_boxes(boxes) else None
    refuse_implausible_tables(frame, landmarks, annotated)
    refuse_absent(frame.image_id.tolist(), images)
    count_faces(len(frame))
    measured = measure_photographs(frame, images)
    is_readable = measured.unreadable.isna()
    sizes = measured.loc[is_readable, ["width", "height"]].to_numpy(float)
    refuse_implausible_pictures(frame[is_readable], sizes, images, annotated)
    tables.write(measured, measures, tables.MEASURES)


if __name__ == "__main__":
    run(main)
