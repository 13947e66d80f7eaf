"""Training of a recogniser: every head in bf16, and the margin's growth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from facerec.recognition import training as recognizer_training
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerEntry, RecognizerParams
from facerec.recognition.training import build, train
from tools.profile import composed

PROFILE = yaml.safe_load(composed("heads"))
PEOPLE = 6
PHOTOS = 8  # of each person
SIDE = 16  # px
AS_THEY_ARE = dict.fromkeys(
    ["rotation", "shift", "scale", "brightness", "grayscale_prob", "erase_prob"], 0.0
)  # faces not augmented


def params(**changes) -> RecognizerParams:
    small = {
        "backbone": "hog",
        "embedding_dim": 16,
        "batch_size": 12,
        "epochs": 6,
        "dropout": 0.0,
    }
    return RecognizerParams(**{**PROFILE["recognizer"], **small, **changes})


def entry(name: str) -> RecognizerEntry:
    return RecognizerEntry.model_validate(PROFILE["recognizers"][name])


@pytest.fixture(scope="module")
def faces() -> AlignedFaces:
    """Each person is a pattern, each photograph that pattern with noise."""
    rng = np.random.default_rng(0)
    patterns = np.kron(
        rng.integers(40, 216, (PEOPLE, 4, 4, 3)), np.ones((1, SIDE // 4, SIDE // 4, 1))
    )
    labels = np.repeat(np.arange(PEOPLE), PHOTOS)
    noisy = np.clip(patterns[labels] + rng.normal(0, 10, (PEOPLE * PHOTOS, SIDE, SIDE, 3)), 0, 255)
    frame = pd.DataFrame(
        {"image_id": [f"{i}.jpg" for i in range(len(labels))], "label": labels, "person_id": labels}
    )
    return AlignedFaces(frame, noisy.astype(np.uint8), np.ones(len(labels), bool))


@pytest.mark.parametrize("name", PROFILE["recognizers"])
def test_every_head_learns_in_bf16(name, faces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    settings = params(precision="bf16", epochs=10, learning_rate=0.003, **AS_THEY_ARE)
    torch.manual_seed(1)
    network = build(settings, entry(name), [*range(PEOPLE)], SIDE, Path())
    dtypes = []
    network.head.register_forward_hook(
        lambda module, inputs, loss: dtypes.append((inputs[0].dtype, loss.dtype))
    )
    history = train(network, faces, faces, settings, 1, f"bf16-{'a' * 16}")
    assert set(dtypes) == {(torch.float32, torch.float32)} and network.config.precision == "bf16"
    assert np.isfinite(history.train_loss).all()
    # At most 0.5 with each of five seeds.
    assert history.train_loss.iloc[-1] < 0.7 * history.train_loss.iloc[0]
    assert history.val_top1.iloc[-1] > 4 / PEOPLE  # four times chance; at least 44 of 48 are


@pytest.mark.parametrize(
    ("warmup", "epochs", "share"),
    [(4.0, 0.0, 0.0), (4.0, 1.0, 0.25), (4.0, 9.0, 1.0), (0.0, 0.0, 1.0)],
)
def test_the_margin_grows_over_its_epochs(warmup, epochs, share, faces, monkeypatch):
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    settings = params(margin_warmup_epochs=warmup)
    network = build(settings, entry("arcface"), [*range(PEOPLE)], SIDE, Path()).train()
    generator = torch.Generator().manual_seed(0)
    batch = torch.from_numpy(faces.faces[:12]), faces.labels[:12]
    recognizer_training.batch_loss(network, settings)(batch, epochs, generator)
    assert network.head.margin_share == share
