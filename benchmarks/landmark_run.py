"""The faces of the last run, and the notebook's settings, for measurements of the hourglass."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from facerec import tables
from facerec.landmarks.evaluation import EvalSet, eval_set, jittered_eval_set
from facerec.landmarks.params import STRIDE, HourglassParams
from facerec.landmarks.training import read_faces
from facerec.tables import SQUARE
from facerec.training.prefetch import FaceDataset

NOTEBOOK_DEPTH = 4
# The notebook's network and training (1.4); the rest is as in params.yaml.
NOTEBOOK = {
    "stacks": 2,
    "channels": 256,
    "block": "basic",
    "loss": "mse",
    "sigma": 2.0,
    "flip_test": False,
    "refine_steps": 0,
    "batch_size": 16,
    "learning_rate": 0.0002,
    "weight_decay": 0.0,
    "warmup_epochs": 0,
    "shift": 0.0,
    "scale": 0.0,
    "rotation": 0.0,
    "mirror": False,
    "brightness": 0.0,
    "grayscale_prob": 0.0,
    "blur_prob": 0.0,
    "erase_prob": 0.0,
    "profile_oversampling": 0.0,
    "precision": "fp32",
}


@dataclass(frozen=True)
class Run:
    """The last run's faces.

    Attributes:
        train: rows of the photographs that the stage learns from, with the crops' squares.
        train_set: their faces and points.
        eval_sets: of people never trained on (of val if there are none), by their boxes.
        key: a hash of the points and the parameters.
    """

    train: pd.DataFrame
    train_set: FaceDataset
    eval_sets: dict[str, EvalSet]
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
    openset = tables.read(data / "openset.csv", tables.OPENSET)
    unseen = tables.read(data / "val.csv", tables.SELECTED) if openset.empty else openset
    unseen = unseen.merge(squares, on="image_id", validate="one_to_one")
    size = params.face_size
    train_set = read_faces(
        data / "photographs",
        train.image_id.tolist(),
        train[SQUARE].to_numpy(),
        tables.points(train),
        size,
    )
    eval_sets = {
        "clean": eval_set(data / "cropped", unseen, size),
        "jittered": jittered_eval_set(data / "photographs", unseen, size),
    }
    digest = hashlib.sha256(params.model_dump_json().encode() + train_set.targets.numpy().tobytes())
    digest.update(eval_sets["clean"].points.tobytes())
    return Run(train, train_set, eval_sets, digest.hexdigest()[:8])


def notebook(params: HourglassParams) -> HourglassParams:
    """Returns the notebook's settings at this input size, and its depth if the size allows it."""
    allows_depth = params.image_size % (STRIDE * 2**NOTEBOOK_DEPTH) == 0
    depth = NOTEBOOK_DEPTH if allows_depth else params.depth
    return params.model_copy(update={**NOTEBOOK, "depth": depth})
