"""List photographs that probably show somebody else, and people who are probably one person twice."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from typer import Argument

from facerec import tables
from facerec.audit import out_of_fold
from facerec.audit.label_errors import identity_confusion, label_log_odds
from facerec.audit.params import AuditParams
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import read_image, write_image
from facerec.recognition.datasets import AlignedFaces, read_aligned
from facerec.recognition.params import RecognizerParams
from facerec.training.loop import delete_checkpoints, fingerprint
from stages.cli import run, write_csv, write_metrics

SHEET_PHOTOS = 50
ACROSS = 3  # photographs a row, each with the two faces that it is to be compared with
BETWEEN = 36  # px
TILE = 112
PEOPLE = ["person_id", "other_person_id", "score", "action"]


def main(
    selected: Annotated[Path, Argument(help="table of the selected photographs")],
    wild: Annotated[Path, Argument(help="table of the photographs of the same people set aside")],
    predicted: Annotated[Path, Argument(help="table that says which faces could be aligned")],
    aligned: Annotated[Path, Argument(help="folder of the aligned faces")],
    weights: Annotated[
        Path, Argument(help="recogniser to start from, if recognizer.weights is file")
    ],
    audit: Annotated[
        Path, Argument(help="output: photographs to review, the most suspicious first")
    ],
    people: Annotated[Path, Argument(help="output: pairs of people who may be one")],
    metrics: Annotated[Path, Argument(help="output: how many of each")],
    sheet: Annotated[
        Path, Argument(help="output: the most suspicious faces beside whom they are taken for")
    ],
) -> None:
    """List photographs that probably show somebody else, and people who are probably one person twice."""
    params = AuditParams.load("audit")
    frame = pd.concat(
        [tables.read(path, tables.SELECTED) for path in (selected, wild)], ignore_index=True
    )
    faces = read_aligned(aligned, predicted, frame, params.recognizer.alignment)
    small = out_of_fold.resized(faces, params.pixels)
    update = {"epochs": params.epochs, "seeds": [params.seed]}
    recipe = RecognizerParams.load("recognizer").model_copy(update=update)
    fold = out_of_fold.folds(small, params.folds, params.seed)
    code = Path(__file__).read_bytes()

    def name_of(number: int) -> str:
        parts = (
            code,
            params.model_dump_json().encode(),
            small.faces,
            small.labels.numpy(),
            fold,
            weights.read_bytes(),
        )
        return fingerprint(f"audit-{number}", recipe, *parts)

    probabilities = out_of_fold.probabilities(
        small, fold, recipe, params.recognizer, params.seed, weights, name_of
    )
    listed, alike = (
        suspicious(faces.frame, probabilities, params),
        pairs(faces.frame, probabilities, params),
    )
    write_csv(audit, listed)
    write_csv(people, alike)
    write_metrics(metrics, _summary(listed, alike, faces.frame, probabilities))
    write_image(sheet, _sheet(listed[:SHEET_PHOTOS], faces, aligned))
    delete_checkpoints(name_of(0))  # and the other folds


def suspicious(frame: pd.DataFrame, probabilities: np.ndarray, params: AuditParams) -> pd.DataFrame:
    """Returns the photographs that probably show somebody else, an AUDIT table, the most suspicious first."""
    labels = frame.label.to_numpy(int)
    person_of = frame.drop_duplicates("label").set_index("label").person_id
    other, scores = label_log_odds(probabilities, labels)
    rows = np.flatnonzero(scores >= max(np.log10(params.doubtful), 1e-9))
    found = frame.iloc[rows][["image_id", "person_id"]].assign(
        suggested_person_id=person_of.loc[other[rows]].to_numpy(),
        score=scores[rows].round(6),
        action=np.where(scores[rows] >= np.log10(params.certain), "exclude", "review"),
    )
    return found.iloc[np.lexsort([found.image_id.to_numpy(str), -found.score.to_numpy()])]


def pairs(frame: pd.DataFrame, probabilities: np.ndarray, params: AuditParams) -> pd.DataFrame:
    """Returns the pairs of people who are at least `twin_share` alike, PEOPLE, the most alike first."""
    person_of = frame.drop_duplicates("label").set_index("label").person_id
    alike = np.triu(identity_confusion(probabilities, frame.label.to_numpy(int)))
    one, other = np.nonzero(alike >= max(params.twin_share, 1e-9))
    found = pd.DataFrame(
        {
            "person_id": person_of.loc[one].to_numpy(),
            "other_person_id": person_of.loc[other].to_numpy(),
        }
    )
    found = found.assign(score=alike[one, other].round(6), action="merge or review")
    return found.sort_values("score", ascending=False, kind="stable")[PEOPLE]


def _summary(
    listed: pd.DataFrame, alike: pd.DataFrame, frame: pd.DataFrame, probabilities: np.ndarray
) -> dict:
    right = probabilities.argmax(axis=1) == frame.label.to_numpy()
    actions = listed.action.value_counts()
    counts = {f"to_{name}": int(actions.get(name, 0)) for name in ("exclude", "review")}
    return {
        "photographs": len(frame),
        "top1_out_of_fold": round(float(right.mean()), 5),
        **counts,
        "twins": len(alike),
    }


def _sheet(listed: pd.DataFrame, faces: AlignedFaces, aligned: Path) -> np.ndarray:
    """Returns each listed face beside one of the person whose name it has and one of whom it is taken for."""
    clean = faces.frame[~faces.frame.image_id.isin(listed.image_id)].drop_duplicates("person_id")
    of_person = clean.set_index("person_id").image_id
    blank = np.full_like(faces.faces[0], sheets.PAPER)
    cells = []
    for row in listed.itertuples():
        shown = [row.image_id, of_person.get(row.person_id), of_person.get(row.suggested_person_id)]
        tiles = [blank if name is None else read_image(aligned / name) for name in shown]
        captions = [
            f"{row.score:+.2f} {row.image_id}",
            f"named {row.person_id}",
            f"like {row.suggested_person_id}",
        ]
        cells.append(sheets.contact_sheet(tiles, len(tiles), TILE, captions))
    if not cells:
        cells = [sheets.contact_sheet([blank], 1, TILE, ["nothing suspicious"])]
    (height, width), rows = cells[0].shape[:2], -(-len(cells) // ACROSS)
    grid = np.full((rows * ACROSS, height, width + BETWEEN, 3), sheets.PAPER, np.uint8)
    grid[: len(cells), :, :width] = cells
    return grid.reshape(rows, ACROSS, *grid.shape[1:]).swapaxes(1, 2).reshape(rows * height, -1, 3)


if __name__ == "__main__":
    run(main)
