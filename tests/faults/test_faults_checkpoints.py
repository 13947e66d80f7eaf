"""Checkpoints that are foreign, older, truncated, damaged or malicious are refused."""

import inspect
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import as_command, options_of
from tiny_hourglass import hourglass_config

from facerec.landmarks import hourglass
from facerec.landmarks.hourglass import StackedHourglass
from facerec.landmarks.params import HourglassConfig
from facerec.networks import checkpoints
from facerec.params import Params
from facerec.recognition import recognizer
from facerec.recognition.recognizer import Recognizer, RecognizerConfig
from stages import align

CPU = torch.device("cpu")
STATE = {"weight": torch.zeros(2)}
CONFIG = hourglass_config(channels=16, crop_oversampling=1.33).model_dump()
HEAD = {"type": "arcface", "scale": 30.0, "margin": 0.5}
TRIPLET = {"type": "triplet", "margin": 0.2, "samples_per_class": 2}
ADAFACE = {**HEAD, "type": "adaface", "h": 0.3, "t_alpha": 0.01}
HEADS = {
    "ce": {"type": "ce", "label_smoothing": 0.1},
    "arcface": HEAD,
    "adaface": ADAFACE,
}
HEADS |= {"cosface": {**HEAD, "type": "cosface"}, "triplet": TRIPLET}
HEADS["subcenter_arcface"] = {**HEAD, "type": "subcenter_arcface", "sub_centers": 3}
HEADS["arcface_triplet"] = {
    **HEAD,
    "type": "arcface_triplet",
    "triplet_margin": 0.2,
    "triplet_weight": 1.0,
}
HEADS["arcface_triplet"]["samples_per_class"] = 2


def make_recognizer(head: dict) -> Recognizer:
    config = {"alignment": 2, "head": head, "backbone": "hog", "embedding_dim": 8, "dropout": 0.0}
    config |= {"person_ids": [1, 2], "image_size": 32, "precision": "fp32"}
    return Recognizer(RecognizerConfig.model_validate(config))


class Toy(Params):
    width: int


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
    torch.save(
        {"kind": "hourglass", "config": Malicious(tmp_path / "mark"), "state_dict": {}},
        tmp_path / "evil.pt",
    )
    (tmp_path / "params.yaml").write_text("align: {image_size: 40, max_shear: 0.4}\n")
    paths = dict.fromkeys(list(inspect.signature(align.main).parameters), "x")
    arguments = options_of({**paths, "model": "evil.pt"})
    result = as_command(tmp_path, "stages.align", *arguments)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: evil.pt: not a plain checkpoint, refused")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": STATE}, "expected a checkpoint with"),
        ([1, 2], "expected a checkpoint with"),
        (
            {"kind": "other", "config": {}, "state_dict": STATE},
            "expected a checkpoint of kind toy, got 'other'",
        ),
        ({"kind": "toy", "config": [], "state_dict": STATE}, "to be mappings"),
        (
            {"kind": "toy", "config": {}, "state_dict": {"weight": 3}},
            "expected a tensor, got int as 'weight'",
        ),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, words):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=words):
        checkpoints.load(tmp_path / "x.pt", "toy")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.pt: no such file"):
        checkpoints.load(tmp_path / "none.pt", "toy")


def test_a_pickled_network_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt")
    with pytest.raises(ValueError, match="not a plain checkpoint, refused"):
        checkpoints.load(tmp_path / "x.pt", "toy")


def test_a_checkpoint_cut_off_anywhere_is_refused(good):
    content = good.read_bytes()
    for length in [0, 1, 4, 50, *np.linspace(60, len(content) - 1, 20).astype(int)]:
        good.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"good\.pt: "):
            checkpoints.load(good, "toy")


def test_changed_bytes_give_an_error_or_tensors(good):
    content, rng = good.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 8):
            changed[place] = rng.integers(256)
        good.write_bytes(bytes(changed))
        try:
            _, state = checkpoints.load(good, "toy")
            assert all(isinstance(value, torch.Tensor) for value in state.values())
        except ValueError as error:
            assert "good.pt" in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    checkpoints.save(
        tmp_path / "a.pt", "toy", {}, {"good": torch.ones(2), "weight": torch.tensor([1.0, bad])}
    )
    with pytest.raises(
        ValueError, match=r"a\.pt: damaged checkpoint: 'weight' holds numbers that are not finite"
    ):
        checkpoints.load(tmp_path / "a.pt", "toy")


@pytest.mark.parametrize(
    "strange",
    [
        torch.ones(2, device="meta"),
        torch.ones(2).to_sparse(),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        torch.ones(2, dtype=torch.complex64),
        torch.ones(1).expand(10**12),
    ],
    ids=["meta", "sparse", "nested", "quantised", "complex", "expanded"],
)
def test_a_tensor_that_is_not_plain_is_refused(tmp_path, strange):
    torch.save({"kind": "toy", "config": {}, "state_dict": {"weight": strange}}, tmp_path / "a.pt")
    with pytest.raises(
        ValueError,
        match=r"a\.pt: (expected a plain tensor|not a plain checkpoint|damaged checkpoint)",
    ):
        checkpoints.load(tmp_path / "a.pt", "toy")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("stacks", 10**8, "stacks: Input should be less than or equal to 64, got 100000000"),
        ("refine_steps", 10**9, "refine_steps: Input should be less than or equal to 100"),
        ("refine_steps", -1, "refine_steps: Input should be greater than or equal to 0, got -1"),
        ("loss", "x", "loss: Input should be 'kl', 'mse' or 'adaptive_wing', got 'x'"),
        ("channels", 4096, r"stem\.0\.weight: expected \(1024, 3, 7, 7\), got \(4, 3, 7, 7\)"),
        ("stacks", 2, r"stacks\.0\.features_back\.weight: expected .*, got none"),
    ],
)
def test_an_impossible_config_is_refused_before_the_network_is_built(tmp_path, key, value, words):
    network = StackedHourglass(HourglassConfig(**CONFIG))
    checkpoints.save(
        tmp_path / "h.pt", hourglass.KIND, {**CONFIG, key: value}, network.state_dict()
    )
    with pytest.raises(
        ValueError, match=rf"h\.pt: a hourglass of another version of this code: {words}"
    ):
        hourglass.load(tmp_path / "h.pt", CPU)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("embedding_dim", 10**9, "embedding_dim: Input should be less than or equal to 65536"),
        ("head", {**HEAD, "margin": "x"}, r"head\.arcface\.margin: Input should be a valid number"),
        (
            "head",
            {**HEAD, "type": "subcenter_arcface", "sub_centers": 10**9},
            r"head\.weight: expected \(2000000000, 8\)",
        ),
        ("backbone", "vgg", "backbone: Input should be 'hog', .* got 'vgg'"),
    ],
)
def test_an_impossible_config_of_a_recogniser_is_refused(tmp_path, key, value, words):
    network = make_recognizer(HEAD)
    config = {**network.config.model_dump(), key: value}
    checkpoints.save(tmp_path / "r.pt", recognizer.KIND, config, network.state_dict())
    with pytest.raises(
        ValueError, match=rf"r\.pt: a recognizer of another version of this code: {words}"
    ):
        recognizer.load(tmp_path / "r.pt", CPU)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_every_head_is_loaded_as_saved(tmp_path, head):
    network = make_recognizer(head)
    recognizer.save(network, tmp_path / "r.pt")
    state = recognizer.load(tmp_path / "r.pt", CPU).state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_reported_as_such(good, error):
    def build(config):
        raise error

    with pytest.raises(type(error)):
        checkpoints.restore(good, "toy", build, Toy)


@pytest.mark.parametrize("change", ["missing key", "unknown key", "other shape", "wrong type"])
def test_a_checkpoint_of_another_version_is_refused_with_the_difference(tmp_path, change):
    path = tmp_path / "h.pt"
    network = StackedHourglass(HourglassConfig(**CONFIG))
    config, state = dict(CONFIG), network.state_dict()
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
