"""Train the stacked hourglass that finds five facial points, and measure how far off it is."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from typer import Argument

from facerec import tables
from facerec.imaging import contact_sheets as sheets
from facerec.imaging.io import write_image
from facerec.landmarks import evaluation as landmark_exam
from facerec.landmarks import hourglass
from facerec.landmarks import training as landmark_training
from facerec.landmarks.evaluation import points_in
from facerec.landmarks.metrics import error_curves, mean_nme, summary
from facerec.landmarks.params import HourglassParams
from facerec.networks.devices import device
from facerec.tables import SQUARE
from facerec.training.loop import delete_checkpoints, fingerprint, fit
from facerec.training.prefetch import Batches
from stages.cli import run, write_csv, write_metrics

SHEET_FACES = 12


def main(
    train: Annotated[Path, Argument(help="table of the photographs to learn from")],
    landmarks_only: Annotated[
        Path, Argument(help="table of further photographs to learn from, with all their flaws")
    ],
    val: Annotated[Path, Argument(help="table of the photographs whose error the history shows")],
    openset: Annotated[
        Path, Argument(help="table of unseen people, on whom the error is measured; none: on val")
    ],
    cropped_landmarks: Annotated[Path, Argument(help="table of the crops' squares")],
    cropped: Annotated[Path, Argument(help="folder of the cropped faces")],
    photographs: Annotated[Path, Argument(help="folder of the photographs")],
    model: Annotated[Path, Argument(help="output: the network")],
    history: Annotated[Path, Argument(help="output: table of losses and errors, epoch by epoch")],
    curves: Annotated[Path, Argument(help="output: share of the unseen faces by their error")],
    metrics: Annotated[Path, Argument(help="output: errors on the unseen people")],
    sheet: Annotated[
        Path, Argument(help="output: crops with predicted and true points, and their heatmaps")
    ],
) -> None:
    """Train the stacked hourglass that finds five facial points, and measure how far off it is."""
    params = HourglassParams.load("hourglass")
    squares = tables.read(cropped_landmarks, tables.CROPPED)[["image_id", *SQUARE]]
    learn_from = pd.concat([tables.read(path, tables.SELECTED) for path in (train, landmarks_only)])
    train_frame = _with_squares(learn_from, squares)
    val_frame = _with_squares(tables.read(val, tables.SELECTED), squares)
    strangers = _with_squares(tables.read(openset, tables.OPENSET), squares)
    unseen = val_frame if strangers.empty else strangers

    network = landmark_training.build(params)
    train_squares, train_points = train_frame[SQUARE].to_numpy(), tables.points(train_frame)
    train_set = landmark_training.read_faces(
        photographs,
        train_frame.image_id.tolist(),
        train_squares,
        train_points,
        network.face_pixels,
        params.memory_map_over,
    )
    val_set = landmark_exam.as_given(cropped, val_frame, network.face_pixels)

    def val_nme() -> dict[str, float]:
        return {"val_nme": mean_nme(network.predict(val_set.faces)[0], val_set.points)}

    parts = (
        Path(__file__).read_bytes(),
        train_set.faces.numpy(),
        train_set.points.numpy(),
        val_set.faces,
        val_set.points,
    )
    name = fingerprint("train_hourglass", params, *parts)
    batches = Batches(train_set.faces.numpy(), torch.arange(len(train_set.faces)), device())
    loss_fn = landmark_training.batch_loss(network, batches, train_set.points, params)
    order = landmark_training.order_of(train_set.points, params)
    losses = fit(
        network,
        loss_fn,
        len(train_set.points),
        val_nme,
        params,
        params.seed,
        name,
        order,
        batches.prefetch,
    )

    exam = landmark_exam.as_given(cropped, unseen, network.face_pixels)
    given = landmark_exam.answers(network, exam, "exam, boxes as given")
    jittered_exam = landmark_exam.jittered(photographs, unseen, network.face_pixels)
    jittered = landmark_exam.answers(network, jittered_exam, "exam, jittered boxes")
    mean_shape = points_in(train_frame, train_squares, network.face_pixels).mean(axis=0)
    write_metrics(metrics, summary({"": given, "_jittered": jittered}, mean_shape, params.seed))
    write_csv(
        curves, error_curves({"boxes as given": given, "jittered boxes": jittered}, mean_shape)
    )
    write_csv(history, losses.round(6))
    shown = slice(0, SHEET_FACES)
    heatmaps = network.heatmaps(exam.faces[shown]).cpu().numpy()
    write_image(
        sheet,
        sheets.landmark_sheet(
            exam.faces[shown], exam.points[shown], given.predicted[shown], heatmaps
        ),
    )
    hourglass.save(network, model)
    delete_checkpoints(name)


def _with_squares(frame: pd.DataFrame, squares: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(squares, on="image_id", validate="one_to_one")


if __name__ == "__main__":
    run(main)
