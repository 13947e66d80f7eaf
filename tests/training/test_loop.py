import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from facerec.networks import checkpoints
from facerec.training import loop
from facerec.training.loop import (
    Task,
    Trainer,
    adamw,
    delete_checkpoints,
    epochs_done,
    fingerprint,
    fit,
)
from facerec.training.params import FitParams

generator = torch.Generator().manual_seed(0)
INPUTS = torch.randn(64, 8, generator=generator)
NAME = f"toy-{'a' * 16}"
TARGETS = INPUTS @ torch.randn(8, 1, generator=generator)
DATASET = TensorDataset(INPUTS, TARGETS)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")


def params(**changes) -> FitParams:
    values = {
        "epochs": 6,
        "batch_size": 16,
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "warmup_epochs": 1,
    }
    return FitParams(
        **{**values, "precision": "fp32", "compile": False, "memory_map_over": 2048.0, **changes}
    )


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 1))


def convolutions() -> nn.Module:
    """Returns a network whose kernels lie in memory channels last, as those of our networks do."""
    torch.manual_seed(0)
    kernels = nn.Conv2d(2, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 1)
    return nn.Sequential(nn.Unflatten(1, (2, 2, 2)), *kernels).to(memory_format=torch.channels_last)


def error(model: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    inputs, targets = batch
    return (model(inputs) - targets).square().mean()


def train(model: nn.Module, stop_after: int | None = None, settings: FitParams | None = None):
    epochs_seen = []

    def loss_fn(batch, epochs, generator):
        assert 0 <= epochs < 30
        assert not torch.is_autocast_enabled("cpu")  # it would move points by half a pixel
        inputs, targets = batch
        noise = 0.01 * torch.randn(len(inputs), 8, generator=generator)
        return (model(inputs + noise) - targets).square().mean()

    def evaluate():
        epochs_seen.append(1)
        if stop_after and len(epochs_seen) > stop_after:
            raise KeyboardInterrupt
        return {"val_loss": (model(INPUTS) - TARGETS).square().mean().item()}

    return fit(model, Task(DATASET, loss_fn, evaluate), settings or params(), 1, NAME)


def test_a_training_learns_and_returns_its_history():
    history = train(network(), settings=params(epochs=30))
    assert list(history) == ["epoch", "train_loss", "val_loss", "learning_rate"]
    assert history.epoch.tolist() == list(range(1, 31))
    assert history.val_loss.iloc[-1] < 0.2 * history.val_loss.iloc[0]
    assert history.learning_rate.idxmax() <= 1
    assert history.learning_rate.iloc[-1] < 0.001


@pytest.mark.parametrize("made", [network, convolutions])
def test_an_interrupted_training_goes_on_and_ends_bit_identical(made):
    whole, resumed = made(), made()
    history = train(whole)
    delete_checkpoints(NAME)
    with pytest.raises(KeyboardInterrupt):
        train(resumed, stop_after=3)
    resumed = made()
    assert train(resumed).equals(history)
    for first, second in zip(
        whole.state_dict().values(), resumed.state_dict().values(), strict=True
    ):
        assert torch.equal(first, second)


def test_a_finished_training_is_kept_until_its_checkpoints_are_deleted():
    """What was trained is not lost if the stage dies before its outputs are written."""
    whole, again = network(), network()
    history = train(whole)
    assert train(again).equals(history)
    assert torch.equal(whole[0].weight, again[0].weight)
    others = [f"toy-ce-{'c' * 16}", f"toy-2-3-{'c' * 16}"]  # of heads named ce and 2
    for other in (f"toy-{'b' * 16}", f"toy-7-{'b' * 16}", *others):
        os.makedirs(f".checkpoints/{other}")
    delete_checkpoints(NAME)
    assert sorted(os.listdir(".checkpoints")) == sorted(others)
    os.makedirs(f".checkpoints/toy-2-1-{'d' * 16}")  # of a seed that is no longer wanted
    delete_checkpoints(f"toy-2-3-{'e' * 16}")
    assert os.listdir(".checkpoints") == others[:1]


def test_a_diverging_training_stops_with_the_step_and_the_rate():
    with pytest.raises(ValueError, match=r"step \d+, learning rate .*; "):
        train(network(), settings=params(learning_rate=1e38))


@pytest.mark.parametrize("good_epochs", [0, 2])
def test_infinite_weights_after_the_last_step_of_an_epoch_are_not_saved(good_epochs):
    """One step an epoch: the loss is that of the weights before it, and finite."""
    model = network()
    epochs = []

    def loss_fn(batch, epochs_so_far, generator):
        loss = error(model, batch)
        epochs.append(epochs_so_far)
        if len(epochs) > good_epochs:
            model[0].weight.register_hook(lambda gradient: gradient * torch.inf)
        return loss

    with pytest.raises(
        ValueError, match=f"a weight is not finite after step {good_epochs}, learning rate"
    ):
        fit(model, Task(DATASET, loss_fn), params(batch_size=64), 1, NAME)
    assert epochs == [*range(good_epochs + 1)]
    state = loop.CHECKPOINTS / NAME / "last.pt"
    assert state.exists() == bool(good_epochs)
    if good_epochs:
        weights = checkpoints.read(state)["model"]
        assert all(torch.isfinite(values).all() for values in weights.values())


@pytest.mark.parametrize("bad", [0, 7, 29, 31])
def test_the_first_loss_that_is_not_finite_is_named(bad):
    model, steps = network(), []

    def loss_fn(batch, epochs, generator):
        steps.append(1)
        loss = error(model, batch)
        return loss * torch.nan if len(steps) > bad else loss

    few = params(batch_size=2)  # 32 steps an epoch
    with pytest.raises(ValueError, match=f"not finite at step {bad}, learning rate"):
        fit(model, Task(DATASET, loss_fn), few, 1, NAME)


def test_a_state_that_cannot_be_read_does_not_stop_the_next_training(caplog):
    history = train(network())
    (state,) = Path(".checkpoints").rglob("last.pt")
    state.write_bytes(state.read_bytes()[:100])
    assert train(network()).equals(history)
    assert "begun again" in caplog.text and str(state) in caplog.text


@pytest.mark.parametrize("damage", ["no history", "no weight", "other optimizer", "no mapping"])
def test_a_state_that_does_not_fit_is_named_in_one_sentence(damage):
    train(network())
    (state,) = Path(".checkpoints").rglob("last.pt")
    content = checkpoints.read(state)
    if damage == "no history":
        del content["history"]
    elif damage == "no weight":
        del content["model"]["0.weight"]
    elif damage == "other optimizer":
        content["optimizer"]["param_groups"][0]["params"].append(99)
    else:
        content = [1, 2]
    checkpoints.write(state, content)
    with pytest.raises(ValueError, match=r"last\.pt: does not fit this training, delete it: "):
        train(network())


def test_epochs_done_counts_a_state_of_the_same_parameters_only():
    train(network())
    state = loop.CHECKPOINTS / NAME / "last.pt"
    assert epochs_done(state, params()) == 6
    assert epochs_done(state, params(epochs=7)) == 0
    checkpoints.write(state, [1, 2])
    assert epochs_done(state, params()) == 0
    state.write_bytes(b"half")
    assert epochs_done(state, params()) == 0


def test_a_task_can_bring_its_own_optimizer_schedule_and_number_of_samples():
    model = network()
    rates = []
    task = Task(
        DATASET,
        lambda batch, epochs, generator: error(model, batch),
        order=lambda generator: torch.randint(64, (96,), generator=generator),
        epoch_samples=96,
        optimizer=lambda network, params: torch.optim.SGD(network.parameters(), lr=1.0),
        schedule=lambda params, step, steps: rates.append((step, steps)) or 0.0,
    )
    before = model[0].weight.clone()
    trainer = Trainer(model, task, params(), seed=1)
    assert np.isfinite(trainer.train_epoch(epoch=2))
    assert trainer.steps_per_epoch == 6 and rates == [(12 + step, 6) for step in range(6)]
    assert torch.equal(model[0].weight, before)  # the schedule's rate is 0


def test_fewer_samples_than_a_batch_make_one_step():
    history = train(network(), settings=params(batch_size=1000))
    assert len(history) == 6 and np.isfinite(history.train_loss).all()


def test_the_fingerprint_changes_with_parameters_and_data():
    first = fingerprint("s", params(), np.arange(3))
    assert first == fingerprint("s", params(), np.arange(3))
    assert (
        len(
            {
                first,
                fingerprint("s", params(epochs=7), np.arange(3)),
                fingerprint("s", params(), np.arange(4)),
            }
        )
        == 3
    )
    shapes = [
        fingerprint("s", params(), np.zeros(shape, kind))
        for shape in ((2, 3), (3, 2))
        for kind in "bB"
    ]
    bounds = [
        fingerprint("s", params(), *parts) for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",))
    ]
    assert len({*shapes, *bounds}) == 7


def test_the_fingerprint_covers_the_modules_of_every_package(monkeypatch):
    first = fingerprint("s", params())
    read_bytes, sources = Path.read_bytes, []

    def changed(path: Path) -> bytes:
        sources.append("/".join(path.parts[-2:]))
        return read_bytes(path) + (b"#" if path.name == "hourglass.py" else b"")

    monkeypatch.setattr(Path, "read_bytes", changed)
    assert fingerprint("s", params()) != first
    assert {"training/loop.py", "recognition/heads.py", "landmarks/hourglass.py"} <= {*sources}


def test_biases_and_norms_do_not_decay():
    decayed, free = adamw(network(), params(weight_decay=0.1)).param_groups
    assert [p.ndim for p in decayed["params"]] == [2, 2]
    assert [p.ndim for p in free["params"]] == [1, 1, 1, 1]
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
