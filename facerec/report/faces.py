"""Parts 3 and 4: the points that the hourglass finds, and the faces that they align."""

import numpy as np
import pandas as pd

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.geometry import crop_squares, eye_distance, square_matrices, transform_points
from facerec.imaging.contact_sheets import TRUE, draw_points
from facerec.imaging.io import read_image
from facerec.imaging.warp import warp
from facerec.report.charts import Chart, spec
from facerec.report.figures import Measured, shown
from facerec.report.pictures import Pictures, sheet_uri
from facerec.report.run import Run

WORST = 12  # faces
SIDE = 160  # px of a worst face
BOX_SCALE = 1.3
EVEN, SHEARED = 5, 3  # faces side by side: from all over the table, and the most sheared
ERRORS = {
    "nme": "all faces",
    "nme_frontal": "faces from the front",
    "nme_jittered": "all faces, with shaken boxes",
}


def landmarks(run: Run, pictures: Pictures) -> dict:
    """Returns the errors of the points, their curve, the worst faces and the heatmaps."""
    hourglass = Measured.read(run.files.hourglass)
    strangers = tables.read(run.files.openset, tables.OPENSET)
    known = tables.read(run.files.val, tables.SELECTED)
    return {
        "faces": hourglass.count("faces"),
        "error": hourglass.figure("nme", "%", scale=1, digits=1),
        "errors": {
            title: hourglass.figure(key, "%", scale=1, digits=2) for key, title in ERRORS.items()
        },
        "mean_shape": hourglass.figure("nme_mean_shape", "%", scale=1),
        "failed": hourglass.figure("failure_rate_at_8"),
        "lost": hourglass.count("faces_not_found"),
        "of_strangers": len(strangers) > 0,
        "charts": [
            Chart(
                "landmark-errors",
                "How many faces are at most so far off",
                "For each error, the share of the faces whose five points are at most that far "
                "off, against points guessed from the mean face.",
                spec("landmark_errors", "error", "share"),
                run.plot("landmark_errors"),
            )
        ],
        "worst": _worst_faces(run, strangers if len(strangers) else known, pictures),
        "sheet": sheet_uri(run.files.sheets / "landmarks.jpg"),
    }


def _worst_faces(run: Run, frame: pd.DataFrame, pictures: Pictures) -> list[dict]:
    """Returns the faces whose points are furthest off, with both kinds of points drawn."""
    predicted = tables.read(run.files.predicted, tables.PREDICTED).set_index("image_id")
    found = predicted.reindex(frame.image_id)[LANDMARKS].to_numpy(float).reshape(-1, 5, 2)
    true = frame[LANDMARKS].to_numpy(float).reshape(-1, 5, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.linalg.norm(found - true, axis=2).mean(axis=1)
        errors = 100 * distances / eye_distance(true)
    order = np.argsort(np.where(np.isfinite(errors), -errors, np.inf), kind="stable")
    rows = [row for row in order[:WORST] if np.isfinite(errors[row])]
    squares = crop_squares(frame[tables.BOX].to_numpy(float), BOX_SCALE)
    matrices = square_matrices(squares, SIDE)
    faces = []
    for row in rows:
        path = run.files.photographs / frame.image_id.iloc[row]
        if not path.is_file():
            continue
        face = warp(read_image(path), matrices[row], SIDE)
        draw_points(face, transform_points(matrices[row, None], found[row, None])[0])
        rings = transform_points(matrices[row, None], true[row, None])[0]
        draw_points(face, rings, radius=5, colour=TRUE)
        faces.append(
            {
                "picture": pictures.image(face, SIDE),
                "image_id": frame.image_id.iloc[row],
                "person": run.people[int(frame.person_id.iloc[row])],
                "error": shown(errors[row], 1),
            }
        )
    return faces


def alignment(run: Run, pictures: Pictures) -> dict:
    """Returns the same faces aligned by 2, 3 and 5 points, and how often each goes wrong."""
    measured = Measured.read(run.files.alignment)
    return {
        "faces": measured.count("faces"),
        "distorted": measured.count("distorted_by_3_points"),
        "rows": {
            count: {
                "residual": measured.figure(
                    f"median_residual_of_{count}_points", "px", scale=1, digits=2
                ),
                "failed": measured.count(f"not_aligned_by_{count}_points"),
            }
            for count in run.files.aligned
        },
        "shown": _side_by_side(run, pictures),
    }


def _side_by_side(run: Run, pictures: Pictures) -> list[dict]:
    """Returns faces from all over the table, then those that three points sheared most."""
    record = tables.read(run.files.alignments, tables.ALIGNED)
    places = np.linspace(0, len(record) - 1, min(EVEN, len(record))).astype(int)
    even = record.iloc[np.unique(places)]
    rest = record.drop(even.index).dropna(subset="shear_3")
    sheared = rest.sort_values(["shear_3", "image_id"], ascending=[False, True]).head(SHEARED)
    return [
        {
            "image_id": row.image_id,
            "is_sheared": row.Index in sheared.index,
            "shear": shown(row.shear_3, 2) if np.isfinite(row.shear_3) else None,
            "pictures": {
                count: pictures.face(folder / row.image_id)
                for count, folder in run.files.aligned.items()
            },
        }
        for row in pd.concat([even, sheared]).itertuples()
    ]
