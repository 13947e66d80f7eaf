"""A recogniser's worst mistakes, as a contact sheet."""

from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from facerec.evaluation.failures import cosines_of, most_similar
from facerec.imaging.arrays import load_faces
from facerec.imaging.contact_sheets import contact_sheet

SHOWN = 15
COLUMNS = 9  # three mistakes of three faces each
TILE = 128  # px


def worst_mistakes(
    report: pd.DataFrame,
    embeddings: Tensor,
    train: pd.DataFrame,
    train_embeddings: Tensor,
    max_rows: int = SHOWN,
) -> pd.DataFrame:
    """Returns the mistakes with the highest scores: rows of `report`, `taken_for` and `really`.

    `taken_for` and `really` are the most similar training photographs of the predicted person and
    of the true one, as image_ids.

    Args:
        report: a REPORT table.
        embeddings: (N, E) of its rows.
        train: a SELECTED table.
        train_embeddings: (T, E) of its rows.
        max_rows: the largest number of mistakes.
    """
    mistakes = report[report.label != report.predicted_label]
    worst = mistakes.sort_values(["score", "image_id"], ascending=[False, True]).head(max_rows)
    cosines = cosines_of(embeddings[worst.index.tolist()], train_embeddings)
    labels = train.label.to_numpy()
    image_ids = train.image_id.to_numpy()
    taken_for = most_similar(cosines, labels, worst.predicted_label.to_numpy())
    really = most_similar(cosines, labels, worst.label.to_numpy())
    return worst.assign(taken_for=image_ids[taken_for], really=image_ids[really])


def mistakes_sheet(aligned: Path, worst: pd.DataFrame, names: np.ndarray) -> np.ndarray:
    """Returns a sheet, RGB uint8: each photograph, the person it was taken for, the person it is.

    Args:
        aligned: folder of the faces.
        worst: from `worst_mistakes`; without rows the sheet says so.
        names: (K,) of each label's person.
    """
    if worst.empty:
        return contact_sheet([np.full((TILE, TILE, 3), 255, np.uint8)], 1, TILE, ["no mistakes"])
    image_ids = []
    captions = []
    for row in worst.itertuples():
        image_ids += [row.image_id, row.taken_for, row.really]
        captions.append(f"{row.image_id} ({row.split})")
        captions.append(f"taken for {names[row.predicted_label]}, {row.score:.2f}")
        captions.append(f"is {names[row.label]}")
    return contact_sheet(list(load_faces(aligned, image_ids)), COLUMNS, TILE, captions)
