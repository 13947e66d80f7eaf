"""List photographs that probably show somebody else, and people with two names."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from facerec import tables
from facerec.audit import out_of_fold, report
from facerec.audit.params import AuditParams
from facerec.data.names import read_person_names
from facerec.imaging.io import write_image
from facerec.recognition.datasets import read_aligned
from facerec.recognition.params import RecognizerParams
from facerec.training.loop import delete_checkpoints
from stages.cli import run, write_metrics


def main(
    selected: Annotated[Path, Option(help="table of the selected photographs")],
    wild: Annotated[Path, Option(help="table of the photographs of the same people set aside")],
    names: Annotated[Path, Option(help="table of people's names; without rows: numbers")],
    predicted: Annotated[Path, Option(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Option(help="folder of the aligned faces")],
    weights: Annotated[
        Path, Option(help="recogniser to start from, if recognizer.weights is file")
    ],
    audit: Annotated[Path, Option(help="output: photographs to review, most suspicious first")],
    people: Annotated[Path, Option(help="output: pairs of people who may be one")],
    metrics: Annotated[Path, Option(help="output: how many of each")],
    sheet: Annotated[
        Path, Option(help="output: the most suspicious faces beside the people in question")
    ],
) -> None:
    """List photographs that probably show somebody else, and people with two names."""
    params = AuditParams.load("audit")
    parts = [tables.read(path, tables.SELECTED) for path in (selected, wild)]
    frame = pd.concat(parts, ignore_index=True)
    faces = read_aligned(aligned, predicted, frame, params.recognizer.alignment)
    probabilities = out_of_fold.probabilities(
        out_of_fold.resized(faces, params.image_size),
        params,
        RecognizerParams.load("recognizer"),
        weights,
    )
    names_of_people = read_person_names(names)
    listed = report.suspicious_photographs(frame, probabilities, names_of_people, params)
    confused = report.confused_people(frame, probabilities, names_of_people, params)
    tables.write(listed, audit, tables.AUDIT)
    tables.write(confused, people, tables.AUDIT_PEOPLE)
    write_metrics(metrics, report.summary(listed, confused, frame, probabilities))
    write_image(sheet, report.contact_sheet(listed, faces, aligned))
    delete_checkpoints(out_of_fold.TRAINING)


if __name__ == "__main__":
    run(main)
