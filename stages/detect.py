"""Find the faces of a collection that has no boxes: boxes and points for the stages after it."""

import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from typer import Option

from facerec import tables
from facerec.data.identity import read_identity
from facerec.detection.detections import Detections
from facerec.detection.detector import make_detector
from facerec.detection.params import DetectParams
from facerec.detection.photographs import NO_FACE, detect_faces
from stages.cli import run

log = logging.getLogger(__name__)


def main(
    identity: Annotated[Path, Option(help="names the photographs")],
    images: Annotated[Path, Option(help="folder of the collection's photographs")],
    model: Annotated[Path, Option(help="YuNet's file; other detectors do not read it")],
    boxes: Annotated[Path, Option(help="output: box of the largest face, as CelebA draws it")],
    landmarks: Annotated[Path, Option(help="output: five points of the same face")],
    faces: Annotated[Path, Option(help="output: every face, in the detector's own boxes")],
    without_face: Annotated[Path, Option(help="output: photographs without a face, and why")],
) -> None:
    """Find the faces of a collection that has no boxes."""
    params = DetectParams.load("detector").model_copy(update={"yunet_model": str(model)})
    detector = make_detector(params)
    image_ids = read_identity(identity).image_id.tolist()
    found: dict[str, Detections] = {}
    reasons = {}
    detections = detect_faces([images / image_id for image_id in image_ids], detector)
    for image_id, result in zip(image_ids, detections, strict=True):
        if isinstance(result, str):
            reasons[image_id] = result
        elif len(result) == 0:
            reasons[image_id] = NO_FACE
        else:
            found[image_id] = result
    if not found:
        example = next(iter(reasons))
        raise ValueError(
            f"{images}: not one of {len(image_ids)} photographs has a face, such as {example}: "
            f"{reasons[example]}"
        )
    rows = pd.concat([_rows(image_id, each) for image_id, each in found.items()])
    chosen = rows[rows.is_chosen == 1]
    as_celeba = [each.boxes_as_celeba()[each.largest()] for each in found.values()]
    boxes_frame = pd.DataFrame(as_celeba, columns=tables.BOX).assign(image_id=[*found])
    tables.write(boxes_frame, boxes, tables.BOXES)
    tables.write(chosen.dropna(), landmarks, tables.POINTS)
    tables.write(rows, faces, tables.FACES)
    tables.write(
        pd.DataFrame({"image_id": [*reasons], "reason": [*reasons.values()]}),
        without_face,
        tables.DROPPED,
    )
    several = sum(len(each) > 1 for each in found.values())
    log.info(
        "%d of %d photographs have a face, %d of them several: the largest is taken",
        len(found),
        len(image_ids),
        several,
    )


def _rows(image_id: str, detections: Detections) -> pd.DataFrame:
    """Returns the rows of FACES of a photograph."""
    numbers = np.arange(len(detections))
    return pd.DataFrame(
        {
            "image_id": image_id,
            "face": numbers,
            "is_chosen": (numbers == detections.largest()).astype(int),
            "score": detections.scores,
            **dict(zip(tables.BOX, detections.boxes.T, strict=True)),
        }
    ).join(tables.points_frame(detections.points))


if __name__ == "__main__":
    run(main)
