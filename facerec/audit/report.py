"""The photographs and pairs of people that the audit lists for review."""

from pathlib import Path

import numpy as np
import pandas as pd

from facerec.audit.label_errors import identity_confusion, label_log_odds
from facerec.audit.params import AuditParams
from facerec.data.names import PersonNames
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import read_image
from facerec.recognition.datasets import AlignedFaces

SHEET_PHOTOS = 50
SHEET_COLUMNS = 3  # photographs in a row, each with the two faces to compare it with
COLUMN_GAP = 36  # px
TILE = 112  # px
ABOVE_ZERO = 1e-9  # smallest bound: a score of 0 is never listed


def suspicious_photographs(
    frame: pd.DataFrame, probabilities: np.ndarray, names: PersonNames, params: AuditParams
) -> pd.DataFrame:
    """Returns the photographs that probably show somebody else, AUDIT, most suspicious first."""
    labels = frame.label.to_numpy(int)
    other, scores = label_log_odds(probabilities, labels)
    rows = np.flatnonzero(scores >= max(np.log10(params.review_odds), ABOVE_ZERO))
    is_certain = scores[rows] >= np.log10(params.exclude_odds)
    listed = frame.iloc[rows][["image_id", "person_id"]].assign(
        suggested_person_id=_person_ids(frame)[other[rows]],
        score=scores[rows].round(6),
        action=np.where(is_certain, "exclude", "review"),
        name=names.of(frame.person_id.iloc[rows]),
        suggested_name=names.of(_person_ids(frame)[other[rows]]),
    )
    return listed.iloc[np.lexsort([listed.image_id.to_numpy(str), -listed.score.to_numpy()])]


def confused_people(
    frame: pd.DataFrame, probabilities: np.ndarray, names: PersonNames, params: AuditParams
) -> pd.DataFrame:
    """Returns the pairs of people who may be one person, AUDIT_PEOPLE, most confused first."""
    confusion = np.triu(identity_confusion(probabilities, frame.label.to_numpy(int)))
    first, second = np.nonzero(confusion >= max(params.min_identity_confusion, ABOVE_ZERO))
    person_ids = _person_ids(frame)
    pairs = pd.DataFrame(
        {
            "person_id": person_ids[first],
            "other_person_id": person_ids[second],
            "score": confusion[first, second].round(6),
            "action": "merge or review",
            "name": names.of(person_ids[first]),
            "other_name": names.of(person_ids[second]),
        }
    )
    return pairs.sort_values("score", ascending=False, kind="stable")


def _person_ids(frame: pd.DataFrame) -> np.ndarray:
    """Returns the person_id (K,) of each label 0 … K-1."""
    return frame.drop_duplicates("label").sort_values("label").person_id.to_numpy()


def summary(
    photographs: pd.DataFrame, people: pd.DataFrame, frame: pd.DataFrame, probabilities: np.ndarray
) -> dict[str, float]:
    """Returns the audit's metrics: how many photographs and pairs of people are listed."""
    is_right = probabilities.argmax(axis=1) == frame.label.to_numpy()
    return {
        "photographs": len(frame),
        "top1_out_of_fold": round(float(is_right.mean()), 5),
        "to_exclude": int((photographs.action == "exclude").sum()),
        "to_review": int((photographs.action == "review").sum()),
        "confused_people": len(people),
    }


def contact_sheet(listed: pd.DataFrame, faces: AlignedFaces, aligned: Path) -> np.ndarray:
    """Returns each listed face beside one of the given person and one of the suggested person.

    Args:
        listed: an AUDIT table; its first SHEET_PHOTOS rows are shown.
        faces: of all photographs.
        aligned: folder of the aligned faces.
    """
    others = faces.frame[~faces.frame.image_id.isin(listed.image_id)]
    image_id_of = others.drop_duplicates("person_id").set_index("person_id").image_id
    blank = np.full_like(faces.faces[0], sheets.PAPER)
    cells = []
    for row in listed[:SHEET_PHOTOS].itertuples():
        given = image_id_of.get(row.person_id)
        suggested = image_id_of.get(row.suggested_person_id)
        tiles = [
            blank if image_id is None else read_image(aligned / image_id)
            for image_id in (row.image_id, given, suggested)
        ]
        captions = [
            f"{row.score:+.2f} {row.image_id}",
            f"named {row.name}",
            f"like {row.suggested_name}",
        ]
        cells.append(sheets.contact_sheet(tiles, len(tiles), TILE, captions))
    if not cells:
        cells = [sheets.contact_sheet([blank], 1, TILE, ["nothing suspicious"])]
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // SHEET_COLUMNS)
    shape = (rows * SHEET_COLUMNS, height, width + COLUMN_GAP, 3)
    grid = np.full(shape, sheets.PAPER, np.uint8)
    grid[: len(cells), :, :width] = cells
    grid = grid.reshape(rows, SHEET_COLUMNS, *shape[1:]).swapaxes(1, 2)
    return grid.reshape(rows * height, -1, 3)
