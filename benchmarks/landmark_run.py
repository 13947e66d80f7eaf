"""What the benchmarks of the hourglass take from the last run, and the notebook's settings."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facerec import tables
from facerec.landmarks import evaluation as landmark_exam
from facerec.landmarks import training as landmark_training
from facerec.landmarks.evaluation import EvalSet
from facerec.landmarks.hourglass import face_pixels
from facerec.landmarks.params import STRIDE, HourglassParams
from facerec.landmarks.training import TrainingFaces
from facerec.tables import SQUARE

NOTEBOOK_DEPTH = 4
# The notebook's network and training (1.4); what it has no word for keeps params.yaml's value.
NOTEBOOK = {
    "stacks": 2,
    "channels": 256,
    "block": "basic",
    "loss": "mse",
    "sigma": 2.0,
    "flip_test": False,
    "looks": 1,
    "batch": 16,
    "learning_rate": 0.0002,
    "weight_decay": 0.0,
    "warmup_epochs": 0,
    "shift": 0.0,
    "scale": 0.0,
    "rotation": 0.0,
    "mirror": False,
    "brightness": 0.0,
    "gray": 0.0,
    "blur": 0.0,
    "erase": 0.0,
    "turned_power": 0.0,
    "precision": "fp32",
}


@dataclass(frozen=True)
class Run:
    """The last run's faces.

    Attributes:
        train: rows of the photographs that the stage learns from, with the crops' squares.
        learned: their faces.
        exams: of people never trained on (of val if there are none), by the names of their boxes.
        key: changes with the faces and the parameters.
    """

    train: pd.DataFrame
    train_set: TrainingFaces
    exams: dict[str, EvalSet]
    key: str


def read_run(data: Path, params: HourglassParams) -> Run:
    """Returns the faces of a run whose stages up to `crop` are done.

    Args:
        data: folder that the stages write.
        params: the section `hourglass`.
    """
    squares = tables.read(data / "cropped_landmarks.csv", tables.CROPPED)[["image_id", *SQUARE]]
    learn_from = [
        tables.read(data / f"{name}.csv", tables.SELECTED) for name in ("train", "landmarks_only")
    ]
    train = pd.concat(learn_from).merge(squares, on="image_id", validate="one_to_one")
    strangers = tables.read(data / "openset.csv", tables.OPENSET)
    unseen = tables.read(data / "val.csv", tables.SELECTED) if strangers.empty else strangers
    unseen = unseen.merge(squares, on="image_id", validate="one_to_one")
    shown = face_pixels(params.pixels, params.looks, params.detail)
    train_set = landmark_training.read_faces(
        data / "photographs",
        train.image_id.tolist(),
        train[SQUARE].to_numpy(),
        tables.points(train),
        shown,
    )
    exams = {
        "clean": landmark_exam.as_given(data / "cropped", unseen, shown),
        "jittered": landmark_exam.jittered(data / "photographs", unseen, shown),
    }
    digest = hashlib.sha256(params.model_dump_json().encode() + train_set.points.numpy().tobytes())
    digest.update(exams["clean"].points.tobytes())
    return Run(train, train_set, exams, digest.hexdigest()[:8])


def notebook(params: HourglassParams) -> HourglassParams:
    """Returns the notebook's settings at this input size; its depth too, unless the size does not halve so often."""
    depth = NOTEBOOK_DEPTH if params.pixels % (STRIDE * 2**NOTEBOOK_DEPTH) == 0 else params.depth
    return params.model_copy(update={**NOTEBOOK, "depth": depth})
