"""Ablation of the hourglass: each variant is what it says, and nothing is trained twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from benchmarks import landmark_run, landmark_training
from experiments import landmarks
from facerec.imaging.io import write_image
from facerec.landmarks.evaluation import EvalSet
from facerec.landmarks.hourglass import to_heatmap
from facerec.landmarks.params import HourglassParams
from facerec.training.prefetch import FaceDataset

ROOT = Path(__file__).parents[2]
PARAMS = HourglassParams(**yaml.safe_load((ROOT / "profiles/base.yaml").read_text())["hourglass"])


@pytest.mark.parametrize("name", landmarks.VARIANTS)
def test_every_variant_is_a_valid_setting_and_has_a_row(name):
    params = landmarks.VARIANTS[name].params(PARAMS, seed=3)
    assert HourglassParams(**params.model_dump()) == params and params.seed == 3
    assert name in {variant for _, _, variant, _ in landmarks.ROWS}


def test_the_notebook_keeps_its_depth_where_the_size_allows():
    assert (
        landmark_run.notebook(PARAMS.model_copy(update={"image_size": 128, "depth": 2})).depth == 4
    )
    assert landmark_run.notebook(PARAMS).depth == PARAMS.depth == 3


def test_targets_are_floored_rounded_or_exact_by_variant():
    points = torch.tensor([[[0.0, 3.9], [4.0, 41.2]]])
    floored = landmarks.VARIANTS["floor"].target(points)
    assert floored.tolist() == [[[int(x / 4) for x in point] for point in points[0].tolist()]]
    assert torch.equal(landmarks.VARIANTS["ours"].target(points), to_heatmap(points))
    assert landmarks.VARIANTS["round"].target(points).tolist() == [
        [[0, 1], [1, 10]]
    ]  # the middles lie at 4 h + 1.5


def test_the_notebooks_faces_have_heatmaps_about_whole_pixels(tmp_path):
    write_image(tmp_path / "a.png", np.full((50, 50, 3), 51, np.uint8))
    points = np.array([[[9.9, 20.0], [30.1, 21.0], [4.0, 4.0], [10.0, 31.9], [31.9, 0.0]]])
    face, heatmaps = landmark_training.NotebookFaces(tmp_path, ["a.png"], points, 32, 2.0)[0]
    assert face.shape == (3, 32, 32) and face.unique().item() == pytest.approx(0.2)
    peaks = landmarks.DECODINGS["argmax"](heatmaps[None].numpy())[0][0]
    assert np.array_equal(peaks, points[0] // 4)
    assert heatmaps[0, 5, 4].item() == pytest.approx(np.exp(-(2**2) / 8))


def test_every_face_comes_once_before_any_comes_twice():
    def shuffled(generator: torch.Generator) -> torch.Tensor:
        return torch.randperm(7, generator=generator)

    drawn = landmarks.repeated_epochs(shuffled, 20, torch.Generator().manual_seed(0)).tolist()
    assert len(drawn) == 20 and sorted(drawn[:7]) == sorted(drawn[7:14]) == list(range(7))


def test_an_interrupted_ablation_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HourglassParams, "load", lambda _: PARAMS)
    run_data = landmark_run.Run(
        pd.DataFrame(), FaceDataset(np.zeros(3), torch.arange(3), torch.zeros(3)), {}, "0012"
    )
    monkeypatch.setattr(landmarks, "read_run", lambda *_: run_data)
    trained: list[tuple[str, int]] = []

    timed: list[str] = []

    def seconds_per_step(names, *_):
        timed.extend(names)
        return {name: 40.0 for name in names}

    def train(name, params, seed, steps, run):
        assert steps == 3  # of 40 s in two minutes
        if len(trained) == 4:
            raise KeyboardInterrupt
        trained.append((name, seed))
        errors = {
            f"{decoding}_{boxes}": 2.0 + seed
            for decoding in landmarks.DECODINGS
            for boxes in run_boxes
        }
        return {"steps": 3, "faces": 48, "seconds": 1.0, **errors}

    run_boxes = ("clean", "jittered")
    monkeypatch.setattr(landmarks, "train_and_measure", train)
    monkeypatch.setattr(landmarks, "seconds_per_step", seconds_per_step)
    arguments = (2.0, 2, Path("data"), Path("c.csv"), Path("r.md"))
    for _ in range(2 * len(landmarks.VARIANTS) // 4 + 1):  # 4 cells each
        try:
            landmarks.main(*arguments)
        except KeyboardInterrupt:
            assert len(pd.read_csv("c.csv")) % 4 == 0
            assert len({*trained}) == 4
            trained.clear()
            timed.clear()
    assert not timed  # a variant's steps are timed once, for all seeds
    assert len(pd.read_csv("c.csv")) == 2 * len(landmarks.VARIANTS)
    assert not pd.read_csv("c.csv")[["run", "minutes", "variant", "seed"]].duplicated().any()
    assert "| loss | mse | 3.50 ± 0.71 | 3.50 ± 0.71 | 48 | 1 |" in Path("r.md").read_text()
    with pytest.raises(ValueError, match="at most 4, got 5"):
        landmarks.main(5.0, *arguments[1:])


def test_variants_of_one_network_get_equal_steps(monkeypatch):
    timed: list[str] = []

    def seconds_per_step(names, *_):
        timed.extend(names)
        return {"ours": 0.1, "basic": 0.2, "notebook": 4.0}

    monkeypatch.setattr(landmarks, "seconds_per_step", seconds_per_step)
    steps = landmarks.steps_within(0.5, list(landmarks.VARIANTS), PARAMS, None, pd.DataFrame())
    assert sorted(timed) == ["basic", "notebook", "ours"]
    assert (steps["basic"], steps["notebook"]) == (150, 8)
    assert all(count == 300 for name, count in steps.items() if name not in ("basic", "notebook"))


def test_a_training_fills_its_time_and_is_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    small = PARAMS.model_copy(
        update={"image_size": 32, "depth": 1, "channels": 8, "epochs": 3, "precision": "fp32"}
    )
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(20, 5, 2, generator=generator) * 20 + 14
    faces = torch.randint(0, 255, (20, 48, 48, 3), dtype=torch.uint8, generator=generator)
    train_set = FaceDataset(faces.numpy(), torch.arange(20), points)
    true = np.tile([[8.0, 8], [24, 8], [16, 16], [10, 24], [22, 24]], (4, 1, 1))
    eval_sets = {
        name: EvalSet(np.zeros((4, 32, 32, 3), np.uint8), true, np.arange(4))
        for name in ("clean", "jittered")
    }
    run = landmark_run.Run(pd.DataFrame(), train_set, eval_sets, "a")
    seconds = landmarks.seconds_per_step(["floor", "basic"], small, run)
    assert list(seconds) == ["floor", "basic"] and min(seconds.values()) > 0
    row = landmarks.train_and_measure("floor", small, 1, 7, run)
    assert (row["steps"], row["faces"]) == (7, 96)  # of the 7 steps 3 epochs take 2 each
    assert all(row[f"sub-pixel_{boxes}"] > 0 for boxes in eval_sets)
    assert not list(tmp_path.rglob("*.pt"))
    speed = landmark_training.faces_per_second(landmark_training.our_steps(small, run), 0.05)
    assert speed > 0
