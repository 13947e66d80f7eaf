"""Faces that the hourglass is evaluated on, in boxes as given and in jittered boxes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import square_matrices, transform_points
from facerec.landmarks.datasets import cut_faces, read_crops
from facerec.landmarks.hourglass import StackedHourglass
from facerec.tables import SQUARE

# How far a detector's boxes are off; the same for every training, so that results compare.
SHIFT = 0.1  # largest, along each axis, of the side
SCALE = 0.15  # largest change of the side
SEED = 0


@dataclass(frozen=True)
class EvalSet:
    """Faces with their true points.

    Attributes:
        faces: (N, P, P, 3) uint8.
        points: (N, 5, 2), px of `faces`.
        people: (N,) whose faces they are.
    """

    faces: np.ndarray
    points: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """What a network predicts on an evaluation set.

    Attributes:
        predicted: (N, 5, 2), px of the faces.
        confidence: (N, 5) in [0, 1].
        true: (N, 5, 2).
        people: (N,) whose faces they are.
    """

    predicted: np.ndarray
    confidence: np.ndarray
    true: np.ndarray
    people: np.ndarray


def eval_set(cropped: Path, frame: pd.DataFrame, size: int) -> EvalSet:
    """Returns the crops of a table's faces, in boxes as given.

    Args:
        cropped: folder of the crops.
        frame: rows of image_id, person_id, points and the crops' squares.
        size: side of the faces that the network is given, px.
    """
    faces = read_crops(cropped, frame.image_id.tolist(), size)
    points = points_in_squares(frame, frame[SQUARE].to_numpy(), size)
    return EvalSet(faces, points, frame.person_id.to_numpy())


def jittered_eval_set(photographs: Path, frame: pd.DataFrame, size: int) -> EvalSet:
    """Returns the same faces in jittered boxes, cut from the photographs.

    Args:
        photographs: their folder.
        frame: as in `eval_set`.
        size: as in `eval_set`.
    """
    squares = jitter_squares(frame[SQUARE].to_numpy())
    faces = cut_faces(photographs, frame.image_id.tolist(), squares, size)
    return EvalSet(faces, points_in_squares(frame, squares, size), frame.person_id.to_numpy())


def jitter_squares(squares: np.ndarray) -> np.ndarray:
    """Returns squares (N, 3) of x, y, side, moved by up to SHIFT and resized by up to SCALE.

    A row's jitter depends on its position alone, not on the number of rows.
    """
    moves = np.random.default_rng(SEED).uniform(-1, 1, (len(squares), 3)) * [SHIFT, SHIFT, SCALE]
    side = squares[:, 2:] * (1 + moves[:, 2:])
    centre = squares[:, :2] + squares[:, 2:] / 2 + squares[:, 2:] * moves[:, :2]
    return np.concatenate([centre - side / 2, side], axis=1)


def points_in_squares(frame: pd.DataFrame, squares: np.ndarray, size: int) -> np.ndarray:
    """Returns the annotated points (N, 5, 2) of a table, px of squares drawn `size` px wide.

    Args:
        frame: rows with points, px of the photographs.
        squares: (N, 3) x, y, side, px of the photographs.
        size: side of the result, px.
    """
    return transform_points(square_matrices(squares, size), tables.points(frame))


def predict(network: StackedHourglass, faces: EvalSet, title: str | None = None) -> Predictions:
    """Returns the network's predictions; `title` as in `StackedHourglass.predict`."""
    predicted, confidence = network.predict(faces.faces, title=title)
    return Predictions(predicted, confidence, faces.points, faces.people)
