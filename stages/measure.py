"""Decode each photograph of the collection once, and measure its face."""

from pathlib import Path
from typing import Annotated

from typer import Option

from facerec import tables
from facerec.data.celeba import read_boxes, read_landmarks
from facerec.run_record import count_faces
from facerec.selection.pixel_measures import measure_photographs, refuse_misplaced_landmarks
from stages.cli import run


def main(
    landmarks: Annotated[Path, Option(help="five points of each face")],
    boxes: Annotated[Path, Option(help="box of each face")],
    images: Annotated[Path, Option(help="folder of the collection's photographs")],
    measures: Annotated[Path, Option(help="output: table of measures, or why there are none")],
) -> None:
    """Decode each photograph of the collection once, and measure its face."""
    points_of_faces = read_landmarks(landmarks)
    boxes_of_faces = read_boxes(boxes)
    frame = points_of_faces.merge(boxes_of_faces, on="image_id", validate="one_to_one")
    count_faces(len(frame))
    measured = measure_photographs(frame, images)
    refuse_misplaced_landmarks(frame, measured, images)
    tables.write(measured, measures, tables.MEASURES)


if __name__ == "__main__":
    run(main)
