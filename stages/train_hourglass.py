"""Train the stacked hourglass that finds five facial points, and measure how far off it is."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from typer import Argument

from facerec import hourglass, landmark_faces, sheets, tables
from facerec.augment import erase, jitter_colour, jitter_matrices
from facerec.devices import device
from facerec.geometry import square_matrices, transform_points
from facerec.hourglass import StackedHourglass, to_heatmap
from facerec.images import write_image
from facerec.landmark_metrics import nme, summary
from facerec.tables import SQUARE
from facerec.training import FitParams, fingerprint, fit, forget
from stages.cli import run, write_csv, write_metrics

SHEET_FACES = 12


class HourglassParams(FitParams):
    pixels: PositiveInt  # side of the input
    stacks: PositiveInt
    channels: PositiveInt
    depth: PositiveInt
    sigma: PositiveFloat  # px of the heatmap
    shift: NonNegativeFloat  # box jitter: largest, of the side
    scale: NonNegativeFloat
    rotation: NonNegativeFloat  # degrees
    mirror: bool
    brightness: NonNegativeFloat
    gray: NonNegativeFloat  # share of faces
    erase: NonNegativeFloat  # share of faces
    seed: NonNegativeInt


def main(
    train: Annotated[Path, Argument(help="table of the photographs to learn from")],
    val: Annotated[Path, Argument(help="table of the photographs whose error the history shows")],
    openset: Annotated[Path, Argument(help="table of unseen people, on whom the error is measured; none: on val")],
    cropped_landmarks: Annotated[Path, Argument(help="table of the crops' squares")],
    cropped: Annotated[Path, Argument(help="folder of the cropped faces")],
    photographs: Annotated[Path, Argument(help="folder of the photographs")],
    model: Annotated[Path, Argument(help="output: the network")],
    history: Annotated[Path, Argument(help="output: table of losses and errors, epoch by epoch")],
    metrics: Annotated[Path, Argument(help="output: errors on the unseen people")],
    sheet: Annotated[Path, Argument(help="output: crops with predicted and true points, and their heatmaps")],
) -> None:
    """Train the stacked hourglass that finds five facial points, and measure how far off it is."""
    params = HourglassParams.load("hourglass")
    squares = tables.read(cropped_landmarks, tables.CROPPED)[["image_id", *SQUARE]]
    train_frame = tables.read(train, tables.SELECTED).merge(squares, on="image_id", validate="one_to_one")
    val_frame = tables.read(val, tables.SELECTED).merge(squares, on="image_id", validate="one_to_one")
    strangers = tables.read(openset, tables.OPENSET).merge(squares, on="image_id", validate="one_to_one")
    unseen = val_frame if strangers.empty else strangers

    torch.manual_seed(params.seed)
    network = StackedHourglass(
        params.pixels, params.stacks, params.channels, params.depth, params.sigma, params.precision
    )
    network = network.to(device(), memory_format=torch.channels_last)

    wide_squares = landmark_faces.widen(train_frame[SQUARE].to_numpy())
    wide_pixels = round(params.pixels * landmark_faces.CONTEXT)
    faces = torch.from_numpy(
        landmark_faces.cut_faces(photographs, train_frame.image_id.tolist(), wide_squares, wide_pixels)
    )
    matrices = square_matrices(wide_squares, wide_pixels)
    points = torch.from_numpy(transform_points(matrices, tables.points(train_frame))).float()
    val_faces = landmark_faces.read_crops(cropped, val_frame.image_id.tolist(), params.pixels)
    val_points = _points_in_crop(val_frame, params.pixels)

    def loss_of(indices: Tensor, _: float, generator: torch.Generator) -> Tensor:
        moves = jitter_matrices(
            len(indices), params.pixels, params.rotation, params.shift, params.scale, params.mirror, generator
        )
        crops, targets = landmark_faces.jitter(faces[indices], points[indices], params.pixels, moves, device())
        crops = erase(jitter_colour(crops, params.brightness, params.gray, generator), params.erase, generator)
        heatmaps = network(crops.contiguous(memory_format=torch.channels_last))
        return landmark_faces.heatmap_loss(heatmaps, to_heatmap(targets), params.sigma)

    def val_nme() -> dict[str, float]:
        return {"val_nme": float(nme(network.predict(val_faces)[0], val_points).mean())}

    name = fingerprint("train_hourglass", params, Path(__file__).read_bytes(), faces.numpy(), points.numpy())
    losses = fit(network, loss_of, len(faces), val_nme, params, params.seed, name)

    unseen_faces = landmark_faces.read_crops(cropped, unseen.image_id.tolist(), params.pixels)
    unseen_points = _points_in_crop(unseen, params.pixels)
    predicted, _ = network.predict(unseen_faces)
    mean_shape = _points_in_crop(train_frame, params.pixels).mean(axis=0)
    write_metrics(metrics, summary(predicted, unseen_points, mean_shape))
    write_csv(history, losses.round(6))
    shown = slice(0, SHEET_FACES)
    heatmaps = network.heatmaps(unseen_faces[shown]).cpu().numpy()
    write_image(sheet, sheets.landmark_sheet(unseen_faces[shown], unseen_points[shown], predicted[shown], heatmaps))
    hourglass.save(network, model)
    forget(name)


def _points_in_crop(frame: pd.DataFrame, pixels: int):
    return transform_points(square_matrices(frame[SQUARE].to_numpy(), pixels), tables.points(frame))


if __name__ == "__main__":
    run(main)
