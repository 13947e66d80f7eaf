"""Checkpoints from strangers: foreign, older, truncated, spoilt, malicious."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from facerec import checkpoints, hourglass
from facerec.hourglass import StackedHourglass

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
STATE = {"weight": torch.zeros(2)}
CONFIG = {"pixels": 32, "stacks": 1, "channels": 16, "depth": 1, "block": "bottleneck", "loss": "kl", "sigma": 1.5}
CONFIG |= {"flip_test": False, "looks": 1, "precision": "fp32"}


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.fixture
def good(tmp_path) -> Path:
    checkpoints.save(tmp_path / "good.pt", "toy", {"width": 2}, STATE)
    return tmp_path / "good.pt"


@pytest.mark.parametrize("legacy", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, legacy):
    path, mark = tmp_path / "evil.pt", tmp_path / "mark"
    content = {"kind": "hourglass", "config": Malicious(mark), "state_dict": {}}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"evil\.pt: not a plain checkpoint, refused"):
        checkpoints.load(path, "hourglass")
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"evil\.pt: "):
        checkpoints.load(path, "hourglass")
    assert not mark.exists()
    os.system(f"touch {mark}")  # it would have worked
    assert mark.exists()


def test_a_stage_refuses_a_malicious_model_in_one_line(tmp_path):
    torch.save({"kind": "hourglass", "config": Malicious(tmp_path / "mark"), "state_dict": {}}, tmp_path / "evil.pt")
    (tmp_path / "params.yaml").write_text("align: {pixels: 40, max_shear: 0.4}\n")
    command = [sys.executable, "-m", "stages.align", "evil.pt", *"abcdefghijklmn"]
    result = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: evil.pt: not a plain checkpoint, refused")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": STATE}, "expected a checkpoint with"),
        ([1, 2], "expected a checkpoint with"),
        ({"kind": "other", "config": {}, "state_dict": STATE}, "expected a checkpoint of kind toy, got 'other'"),
        ({"kind": "toy", "config": [], "state_dict": STATE}, "to be mappings"),
        ({"kind": "toy", "config": {}, "state_dict": {"weight": 3}}, "expected a tensor, got int as 'weight'"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, words):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=words):
        checkpoints.load(tmp_path / "x.pt", "toy")


def test_a_whole_network_as_old_scripts_save_it_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt")
    with pytest.raises(ValueError, match="not a plain checkpoint, refused"):
        checkpoints.load(tmp_path / "x.pt", "toy")


def test_a_checkpoint_cut_off_anywhere_is_refused(good):
    content = good.read_bytes()
    for length in [0, 1, 4, 50, *np.linspace(60, len(content) - 1, 20).astype(int)]:
        good.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"good\.pt: "):
            checkpoints.load(good, "toy")


def test_spoilt_bytes_end_in_a_reason_or_in_tensors(good):
    content, rng = good.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        spoilt = bytearray(content)
        for place in rng.integers(0, len(content), 8):
            spoilt[place] = rng.integers(256)
        good.write_bytes(bytes(spoilt))
        try:
            _, state = checkpoints.load(good, "toy")
            assert all(isinstance(value, torch.Tensor) for value in state.values())
        except ValueError as error:
            assert "good.pt" in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    checkpoints.save(tmp_path / "a.pt", "toy", {}, {"good": torch.ones(2), "weight": torch.tensor([1.0, bad])})
    with pytest.raises(ValueError, match=r"a\.pt: damaged checkpoint: 'weight' holds numbers that are not finite"):
        checkpoints.load(tmp_path / "a.pt", "toy")


@pytest.mark.parametrize("change", ["missing key", "unknown key", "other shape", "wrong type"])
def test_a_checkpoint_of_another_version_is_refused_with_what_differs(tmp_path, change):
    path = tmp_path / "h.pt"
    network = StackedHourglass(**CONFIG)
    config, state = dict(network.config), network.state_dict()
    if change == "missing key":
        del config["depth"]
    elif change == "unknown key":
        config["colour"] = 1
    elif change == "other shape":
        config["channels"] = 32
    else:
        config["channels"] = "many"
    checkpoints.save(path, hourglass.KIND, config, state)
    with pytest.raises(ValueError, match=r"h\.pt: a hourglass of another version of this code: \S"):
        hourglass.load(path, CPU)
