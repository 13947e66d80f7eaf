"""Train the stacked hourglass that finds five facial points, and measure its errors."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from facerec import tables
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import write_image
from facerec.landmarks import hourglass
from facerec.landmarks.evaluation import (
    eval_set,
    jittered_eval_set,
    points_in_squares,
    predict,
)
from facerec.landmarks.metrics import error_curves, mean_nme, summary
from facerec.landmarks.params import HourglassParams
from facerec.landmarks.training import batch_loss, build, profile_order, read_faces
from facerec.tables import SQUARE
from facerec.training.loop import Task, delete_checkpoints, fingerprint, fit
from stages.cli import run, write_csv, write_headline, write_metrics

SHEET_FACES = 12
HEADLINE = (  # what `dvc metrics` shows
    "nme",
    "nme_median",
    "nme_mean_shape",
    "nme_frontal",
    "nme_jittered",
    "auc_to_8",
    "auc_to_8_jittered",
    "failure_rate_at_8",
    "faces_not_found",
    "faces",
)


def main(
    train: Annotated[Path, Option(help="table of the photographs to learn from")],
    landmarks_only: Annotated[
        Path, Option(help="table of further photographs to learn from, with all their flaws")
    ],
    val: Annotated[Path, Option(help="table of the photographs whose error the history shows")],
    openset: Annotated[
        Path, Option(help="table of unseen people, who are evaluated; if it is empty, val is")
    ],
    cropped_landmarks: Annotated[Path, Option(help="table of the crops' squares")],
    cropped: Annotated[Path, Option(help="folder of the cropped faces")],
    photographs: Annotated[Path, Option(help="folder of the photographs")],
    box_scale: Annotated[
        float,
        Option(help="side of the crops, of the boxes' smaller side; kept in the model"),
    ],
    model: Annotated[Path, Option(help="output: the network")],
    history: Annotated[Path, Option(help="output: table of losses and errors, by epoch")],
    curves: Annotated[Path, Option(help="output: share of the unseen faces, by error")],
    metrics: Annotated[
        Path, Option(help="output: errors on the unseen people, with their intervals")
    ],
    headline: Annotated[
        Path, Option(help="output: folder of the few that `dvc metrics` shows, a file each")
    ],
    sheet: Annotated[
        Path, Option(help="output: crops with predicted and true points, and their heatmaps")
    ],
) -> None:
    """Train the stacked hourglass that finds five facial points, and measure its errors."""
    params = HourglassParams.load("hourglass")
    squares = tables.read(cropped_landmarks, tables.CROPPED)[["image_id", *SQUARE]]
    learn_from = pd.concat([tables.read(path, tables.SELECTED) for path in (train, landmarks_only)])
    train_frame = _with_squares(learn_from, squares)
    val_frame = _with_squares(tables.read(val, tables.SELECTED), squares)
    openset_frame = _with_squares(tables.read(openset, tables.OPENSET), squares)
    unseen = val_frame if openset_frame.empty else openset_frame

    network = build(params, box_scale)
    size = network.face_size
    train_squares = train_frame[SQUARE].to_numpy()
    train_set = read_faces(
        photographs,
        train_frame.image_id.tolist(),
        train_squares,
        tables.points(train_frame),
        size,
        params.memory_map_over,
    )
    val_set = eval_set(cropped, val_frame, size)

    def val_nme() -> dict[str, float]:
        return {"val_nme": mean_nme(network.predict(val_set.faces)[0], val_set.points)}

    name = fingerprint(
        "train_hourglass",
        params,
        Path(__file__).read_bytes(),
        train_set.faces,
        train_set.targets.numpy(),
        val_set.faces,
        val_set.points,
    )
    order = profile_order(train_set.targets, params.profile_oversampling)
    task = Task(train_set, batch_loss(network, params), val_nme, order)
    losses = fit(network, task, params, params.seed, name)
    write_csv(history, losses.round(6))

    given_set = eval_set(cropped, unseen, size)
    given = predict(network, given_set, "evaluate, boxes as given")
    jittered_set = jittered_eval_set(photographs, unseen, size)
    jittered = predict(network, jittered_set, "evaluate, jittered boxes")
    mean_shape = points_in_squares(train_frame, train_squares, size).mean(axis=0)
    values = summary({"": given, "_jittered": jittered}, mean_shape, params.seed)
    write_metrics(metrics, values)
    write_headline(headline, values, {name: name for name in HEADLINE})
    named = {"boxes as given": given, "jittered boxes": jittered}
    write_csv(curves, error_curves(named, mean_shape))

    faces = given_set.faces[:SHEET_FACES]
    true, predicted = given.true[:SHEET_FACES], given.predicted[:SHEET_FACES]
    heatmaps = network.heatmaps(faces).cpu().numpy()
    write_image(sheet, sheets.landmark_sheet(faces, true, predicted, heatmaps))
    hourglass.save(network, model)
    delete_checkpoints(name)


def _with_squares(frame: pd.DataFrame, squares: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(squares, on="image_id", validate="one_to_one")


if __name__ == "__main__":
    run(main)
