"""The ablation of the recipe: every variant trains, and nothing is trained twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import nn

from experiments import finished_trainings, recipe
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.training import build

ROOT = Path(__file__).parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
PARAMS = RecognizerParams(**PROFILE["recognizer"]).model_copy(
    update={"batch_size": 4, "embedding_dim": 8}
)
ENTRY = RecognizerEntry.model_validate(PROFILE["recognizers"]["arcface"])


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"image_id": [f"{i}.jpg" for i in range(8)], "label": [0, 0, 1, 1, 2, 2, 3, 3]}
    )
    frame["person_id"] = frame.label + 10
    return AlignedFaces(frame, rng.integers(0, 255, (8, 32, 32, 3), np.uint8), np.ones(8, bool))


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_every_variant_trains(name, faces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe, "seconds_per_step", lambda *_: 0.5)
    row = recipe.train_and_evaluate(recipe.VARIANTS[name], PARAMS, ENTRY, 1, 2.0, faces, faces)
    assert row["epochs"] == (
        4 if recipe.VARIANTS[name].changed(PARAMS).batch_size > 4 else 2
    )  # of 1 or 2 steps
    assert np.isfinite(row["loss"]) and 0 <= row["top1"] <= 100
    assert not any((tmp_path / ".checkpoints").iterdir())


def test_no_two_variants_are_the_same(faces):
    changed = [
        (
            v.with_epochs(PARAMS, 10).model_dump_json(),
            str(v.head),
            v.image_size,
            v.change,
            str(v.task),
            v.ema,
            v.mixup,
        )
        for v in recipe.VARIANTS.values()
    ]
    assert len(set(changed)) == len(changed)


@pytest.mark.parametrize(("steps", "share"), [(1, 9 / 11), (100_000, 1 - recipe.EMA_DECAY)])
def test_the_mean_of_the_weights_follows_them_faster_at_first(steps, share):
    mean = torch.zeros(3)
    recipe.moving_mean([mean], [torch.ones(3)], torch.tensor(steps))
    assert mean.tolist() == pytest.approx([share] * 3, abs=1e-6)


def test_networks_change_where_they_say():
    def built(name):
        variant = recipe.VARIANTS[name]
        network = build(variant.changed(PARAMS), ENTRY, [10, 11], 32, Path())
        variant.change(network)
        return network

    def side(network):
        backbone = network.backbone
        return backbone.maxpool(
            backbone.relu(backbone.bn1(backbone.conv1(torch.zeros(1, 3, 64, 64))))
        ).shape[-1]

    def has_batch_norm(network):
        return any(isinstance(layer, nn.BatchNorm1d) for layer in network.neck)

    assert side(built("ResNet18")) == 16
    assert side(built("ResNet18 without max pool")) == 32
    assert side(built("ResNet18 with a first layer of stride 1")) == 32
    assert has_batch_norm(built(recipe.RECIPE))
    assert not has_batch_norm(built("no batch norm in the neck"))


def test_the_table_pairs_differences_by_seed(faces):
    rows = [
        {"variant": name, "seed": seed, "epochs": 3, "top1": top1, "top1_not_mirrored": top1 - seed}
        for seed, *both in ((1, 50.0, 53.0), (2, 60.0, 65.0))
        for name, top1 in zip((recipe.RECIPE, "mixup"), both, strict=True)
    ]
    text = recipe.markdown(pd.DataFrame(rows), "arcface", 5, faces, faces)
    assert "| the recipe | 55.00 ± 7.07 |  | 3 |" in text
    assert "| mixup | 59.00 ± 8.49 | +4.00 ± 1.41 | 3 |" in text
    assert "| face without its mirror image | 53.50 ± 6.36 | -1.50 ± 0.71 | |" in text


def test_the_development_split_holds_the_last_photographs_of_each(tmp_path, monkeypatch):
    frame = pd.DataFrame({"image_id": ["c", "a", "b", "e", "d", "f"], "label": [0, 0, 0, 1, 1, 2]})
    monkeypatch.setattr(recipe.tables, "read", lambda *_: frame)

    def read_aligned(folder, predicted, frame, points):
        return AlignedFaces(
            frame,
            np.zeros((len(frame), 8, 8, 3), np.uint8),
            ~frame.image_id.isin(["b", "e"]).to_numpy(),
        )

    monkeypatch.setattr(recipe, "read_aligned", read_aligned)
    train_set, val_set = recipe.development_split(tmp_path, 5, people=2, held_out=1)
    assert train_set.frame.image_id.tolist() == ["a", "d"]
    assert val_set.frame.image_id.tolist() == ["c", "e"]
    assert train_set.usable.tolist() == [True, True]
    assert val_set.usable.tolist() == [True, False]


def test_a_variant_is_made_of_the_profiles_own_settings():
    params = PARAMS.model_copy(
        update={"learning_rate": 0.0005, "epochs": 20, "margin_warmup_epochs": 5.0}
    )
    faster = recipe.VARIANTS["learning rate × 3"].with_epochs(params, 8)
    assert (faster.learning_rate, faster.epochs, faster.margin_warmup_epochs) == pytest.approx(
        (0.0015, 8, 2.0)
    )
    growing = recipe.VARIANTS["margin grows over a fifth of the epochs"].with_epochs(params, 8)
    assert growing.margin_warmup_epochs == pytest.approx(1.6)
    assert recipe.VARIANTS[recipe.RECIPE].with_epochs(params, 20) == params


def test_rows_of_two_processes_are_both_kept(tmp_path):
    path, keys = tmp_path / "a.csv", [{"run": "0012", "seed": seed} for seed in (1, 2)]

    def measure(key):
        finished_trainings.run_missing(path, keys[1:], lambda key: {"value": 2})  # meanwhile
        return {"value": 1}

    finished_trainings.run_missing(path, keys[:1], measure)
    assert sorted(pd.read_csv(path).value) == [1, 2]


def test_what_is_measured_is_kept(tmp_path):
    asked = []

    def measure(key):
        asked.append(key["seed"])
        return {"value": key["seed"] / 3}

    keys = [{"run": "0012", "seconds": 1.0, "seed": seed} for seed in (1, 2)]
    finished_trainings.run_missing(tmp_path / "a.csv", keys[:1], measure)
    rows = finished_trainings.run_missing(tmp_path / "a.csv", keys, measure)
    assert asked == [1, 2] and rows.value.tolist() == [1 / 3, 2 / 3]
    assert finished_trainings.run_missing(tmp_path / "a.csv", keys[1:], measure).seed.tolist() == [
        2
    ] and asked == [1, 2]
