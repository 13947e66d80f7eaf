"""Exams for the hourglass: faces of one set of people, in their boxes as given and in boxes that are off."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import square_matrices, transform_points
from facerec.landmarks import datasets as landmark_faces
from facerec.landmarks.hourglass import StackedHourglass
from facerec.tables import SQUARE

# The same for every setting of the training, so that all sit one exam: a detector's boxes, not the collection's.
SHIFT = 0.1  # of the side, largest, along each axis
SCALE = 0.15  # of the side
SEED = 0


@dataclass(frozen=True)
class EvalSet:
    """Faces with their true points.

    Attributes:
        faces: (N, P, P, 3) uint8.
        points: (N, 5, 2), px of `faces`.
        people: (N,) who is on them.
    """

    faces: np.ndarray
    points: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """What a network said to an exam.

    Attributes:
        predicted: (N, 5, 2), px of the faces.
        confidence: (N, 5) in [0, 1].
        true: (N, 5, 2).
        people: (N,) who is on them.
    """

    predicted: np.ndarray
    confidence: np.ndarray
    true: np.ndarray
    people: np.ndarray


def as_given(cropped: Path, frame: pd.DataFrame, pixels: int) -> EvalSet:
    """Returns the crops, scaled to `pixels`.

    Args:
        cropped: folder of the crops.
        frame: rows of image_id, person_id, points and the crops' squares.
        pixels: side of the faces that the network is shown.
    """
    faces = landmark_faces.read_crops(cropped, frame.image_id.tolist(), pixels)
    return EvalSet(
        faces, points_in(frame, frame[SQUARE].to_numpy(), pixels), frame.person_id.to_numpy()
    )


def jittered(photographs: Path, frame: pd.DataFrame, pixels: int) -> EvalSet:
    """Returns the same faces in jittered squares, cut from the photographs; arguments as in `as_given`."""
    squares = jitter_squares(frame[SQUARE].to_numpy())
    faces = landmark_faces.cut_faces(photographs, frame.image_id.tolist(), squares, pixels)
    return EvalSet(faces, points_in(frame, squares, pixels), frame.person_id.to_numpy())


def jitter_squares(squares: np.ndarray) -> np.ndarray:
    """Returns squares (N, 3) of x, y, side moved by up to SHIFT along each axis and resized by up to SCALE, uniformly.

    Each row's jitter depends on its place alone: the first squares are the same however many follow.
    """
    moves = np.random.default_rng(SEED).uniform(-1, 1, (len(squares), 3)) * [SHIFT, SHIFT, SCALE]
    side = squares[:, 2:] * (1 + moves[:, 2:])
    centre = squares[:, :2] + squares[:, 2:] / 2 + squares[:, 2:] * moves[:, :2]
    return np.concatenate([centre - side / 2, side], axis=1)


def points_in(frame: pd.DataFrame, squares: np.ndarray, pixels: int) -> np.ndarray:
    """Returns the annotated points (N, 5, 2) of a table's rows in squares (N, 3) drawn `pixels` wide."""
    return transform_points(square_matrices(squares, pixels), tables.points(frame))


def answers(network: StackedHourglass, exam: EvalSet, title: str | None = None) -> Predictions:
    """Returns what the network says; `title` as in `StackedHourglass.predict`."""
    predicted, confidence = network.predict(exam.faces, title=title)
    return Predictions(predicted, confidence, exam.points, exam.people)
