"""Trainings with too few faces: none, one, one of a person."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from commands import as_command

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.imaging.io import write_image
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerParams
from facerec.recognition.training import train

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "profiles/base.yaml"
HEADS = {
    "arcface": {"type": "arcface", "scale": 30.0, "margin": 0.3},
    "triplet": {"type": "triplet", "margin": 0.2, "samples_per_class": 4},
}
INPUTS = ("train", "val", "wild", "openset", "people", "predicted", "measures")
SIDE, PEOPLE = 32, 5


@pytest.mark.parametrize("usable", [[False, False], [True, False]])
def test_a_training_without_two_faces_is_refused(usable):
    frame = pd.DataFrame({"image_id": ["a.jpg", "b.jpg"], "label": [0, 1]})
    faces = AlignedFaces(frame, np.zeros((2, 32, 32, 3), np.uint8), np.array(usable))
    params = RecognizerParams.load("recognizer", PROFILE)
    with pytest.raises(
        ValueError, match=rf"{sum(usable)} of 2 faces could be aligned: no two to learn from"
    ):
        train(None, faces, faces, params, 1, "toy")


def photographs(folder: Path, name: str, counts: dict[int, int]) -> pd.DataFrame:
    """Writes aligned faces, each person's pattern with noise, and returns their rows.

    Args:
        folder: of the project.
        name: beginning of the image ids.
        counts: photographs of each person.
    """
    rows = [
        (f"{name}{person}_{photo}.jpg", person)
        for person, count in counts.items()
        for photo in range(count)
    ]
    rng = np.random.default_rng(len(name))
    for image_id, person in rows:
        cells = np.random.default_rng(person).integers(30, 225, (4, 4, 3))
        pattern = np.kron(cells, np.ones((SIDE // 4, SIDE // 4, 1))) + rng.normal(
            0, 12, (SIDE, SIDE, 3)
        )
        write_image(folder / "aligned" / image_id, pattern.clip(0, 255).astype(np.uint8))
    frame = pd.DataFrame(rows, columns=["image_id", "label"]).assign(
        **dict.fromkeys(tables.BOX, 1.0)
    )
    points = np.random.default_rng(0).uniform(0, SIDE, (len(rows), len(LANDMARKS)))
    return frame.assign(person_id=100 + frame.label, **dict(zip(LANDMARKS, points.T, strict=True)))


def project(folder: Path, trained_on: list[int], epochs: int) -> None:
    """Writes the inputs of `train_recognizer` and `evaluate`.

    Args:
        folder: of the project.
        trained_on: training photographs of each person.
        epochs: of the training.
    """
    exam = dict.fromkeys(range(len(trained_on)), 2)
    frames = {name: photographs(folder, name, exam) for name in ("val", "wild")}
    frames["train"] = photographs(folder, "train", dict(enumerate(trained_on)))
    for name, frame in frames.items():
        tables.write(frame, folder / f"{name}.csv", tables.SELECTED)
    strangers = photographs(folder, "openset", dict.fromkeys(range(50, 54), 3))
    strangers["role"] = np.where(strangers.label < 52, "query", "distractor")
    tables.write(strangers.assign(label=np.nan), folder / "openset.csv", tables.OPENSET)
    predicted = pd.concat([*frames.values(), strangers])[["image_id", *LANDMARKS]]
    predicted = predicted.assign(confidence=1.0, aligned_2=1, aligned_3=1, aligned_5=1)
    tables.write(predicted, folder / "predicted.csv", tables.PREDICTED)
    nothing_measured = predicted[["image_id"]].reindex(columns=tables.MEASURES.columns)
    tables.write(nothing_measured, folder / "measures.csv", tables.MEASURES)
    content = yaml.safe_load(PROFILE.read_text())
    content["recognizer"] |= {
        "embedding_dim": 32,
        "epochs": epochs,
        "batch_size": 8,
        "precision": "fp32",
    }
    content["evaluate"] |= {"bootstrap_resamples": 50}
    content["recognizers"] = {name: {"alignment": 5, "head": head} for name, head in HEADS.items()}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    (folder / "none.csv").touch()
    (folder / "people.csv").write_text("person_id,name\n")


def training(head: str) -> list[str]:
    """Returns the module that trains, and its arguments."""
    paths = {"train": "train.csv", "val": "val.csv", "predicted": "predicted.csv"}
    paths |= {"aligned": "aligned", "weights": "none.csv"}
    paths |= {"models": f"{head}/models", "history": f"{head}/history.csv"}
    return ["stages.train_recognizer", "--name", head, *options(paths)]


def options(paths: dict[str, str]) -> list[str]:
    return [word for name, path in paths.items() for word in (f"--{name}", path)]


def evaluation_command(head: str) -> list[str]:
    """Returns the module that evaluates, and its arguments."""
    inputs = {name: f"{name}.csv" for name in INPUTS}
    inputs |= {"aligned": "aligned", "photographs": "aligned", "models": f"{head}/models"}
    outputs = {name: f"{head}/{name}.csv" for name in ("roc", "confusion", "embedding-map")}
    outputs |= {"evaluation": f"{head}/evaluation", "mistakes": f"{head}/mistakes.jpg"}
    return ["stages.evaluate", "--name", head, *options(inputs | outputs)]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> Path:
    """Returns a folder with each head's outputs, where one person has one photograph."""
    folder = tmp_path_factory.mktemp("evaluated")
    project(folder, trained_on=[1, *[6] * (PEOPLE - 1)], epochs=30)
    commands = [command(head) for head in HEADS for command in (training, evaluation_command)]
    for command in commands:
        result = as_command(folder, *command)
        assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    return folder


@pytest.mark.parametrize("head", HEADS)
def test_a_person_with_one_training_photograph_is_learned_and_evaluated(evaluated, head):
    folder = evaluated / head
    history = pd.read_csv(folder / "history.csv")
    assert (
        len(history) == 30 and np.isfinite(history.to_numpy()).all() and history.train_loss[0] > 0
    )
    report = tables.read(folder / "evaluation/report.csv", tables.REPORT)
    assert report.label.value_counts().to_dict() == dict.fromkeys(range(PEOPLE), 4)
    assert np.isfinite(report.score).all() and report.is_recognized[report.label == 0].all()
    assert np.isfinite(
        list(json.loads((folder / "evaluation/metrics.json").read_text()).values())
    ).all()
    slices = pd.read_csv(folder / "evaluation/slices.csv")
    by_number = slices[slices.slice == "training photographs"].groupby("group").photographs.sum()
    assert by_number.to_dict() == {"1": 4, "6": 4 * (PEOPLE - 1)}


def test_a_triplet_head_refuses_people_with_one_photograph_each(tmp_path):
    project(tmp_path, trained_on=[1] * PEOPLE, epochs=2)
    assert as_command(tmp_path, *training("arcface")).returncode == 0
    result = as_command(tmp_path, *training("triplet"))
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert (
        "error: no person has two of the 5 faces to learn from; this head compares" in result.stderr
    )
    assert not (tmp_path / "triplet/models").exists()
    learned = torch.load(tmp_path / "arcface/models/seed_1.pt", weights_only=True)
    assert learned["config"]["person_ids"] == [100, 101, 102, 103, 104]
