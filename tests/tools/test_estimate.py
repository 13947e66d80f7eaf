"""What `make repro` says before it begins: the stages that run, and how long they take."""

import copy
from pathlib import Path

import pytest
import yaml
from commands import as_command
from dvc.repo import Repo

from facerec.landmarks.params import HourglassParams
from facerec.networks import checkpoints
from tools.estimate import Kept, Photographs, Speed, about, describe, seconds, to_run, upstream
from tools.profile import composed, names
from tools.speed import hourglass_epochs

ROOT = Path(__file__).parents[2]
CONTENT = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
SPEED = Speed(draw=0.04, hourglass_step=0.15, predict_face=0.01, recognizer_step=0.1)
STAGES = [
    "check_params",
    "synthesize@synthetic",
    "select",
    "crop",
    "train_hourglass",
    "align",
    "audit@audit",
    "train_recognizer@ce",
    "evaluate@ce",
    "compare",
    "publish",
    "report",
]
RUNS = [{"changed deps": {"facerec/geometry.py": "modified"}}]
RESTORED = [{"changed outs": {"data/cropped": "deleted"}}]


def changed(path: str, value: object) -> dict:
    content = copy.deepcopy(CONTENT)
    *sections, key = path.split(".")
    target = content
    for section in sections:
        target = target[section]
    target[key] = value
    return content


def lasting(content: dict, kept: Kept | None = None, speed: Speed = SPEED) -> float:
    return seconds(STAGES, content, Photographs.of(content), speed, kept or Kept())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("synthesize.photos_per_person", 60),
        ("select.people", 101),
        ("hourglass.epochs", 81),
        ("recognizer.epochs", 12),
        ("recognizer.seeds", [1, 2]),
        ("evaluate.bootstrap_resamples", 2000),
        ("audit.epochs", 100),
    ],
)
def test_more_work_takes_longer(path, value):
    assert lasting(changed(path, value)) > lasting(CONTENT)


@pytest.mark.parametrize("part", ["draw", "hourglass_step", "predict_face", "recognizer_step"])
def test_a_slower_machine_takes_longer(part):
    slower = Speed(**{**vars(SPEED), part: 2 * getattr(SPEED, part)})
    assert lasting(CONTENT, speed=slower) > lasting(CONTENT)


def test_epochs_of_an_interrupted_training_do_not_count_again():
    half = lasting(CONTENT, Kept(hourglass=40))
    assert lasting(CONTENT) > half > lasting(CONTENT, Kept(hourglass=40, recognizers={"ce": 5}))


@pytest.mark.parametrize("profile", names())
def test_every_profile_has_an_estimate(profile):
    content = yaml.safe_load(composed(profile))
    description = describe(STAGES, content, Photographs.of(content), Kept())
    assert lasting(content) > 0 and f"{content['hourglass']['epochs']} epochs" in description


def test_a_reference_is_not_trained():
    more = copy.deepcopy(CONTENT)
    more["recognizers"]["public"] = {"type": "onnx", "alignment": 5}
    stages = [*STAGES, "train_recognizer@public"]
    assert describe(stages, more, Photographs.of(more), Kept()).count("public") == 0
    added = seconds(stages, more, Photographs.of(more), SPEED, Kept()) - lasting(CONTENT)
    assert 0 < added < 10


def test_wrong_parameters_end_the_estimate(tmp_path):
    content = changed("hourglass.epochs", 0)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    result = as_command(tmp_path, "tools.estimate")
    assert result.returncode == 1 and not result.stdout
    assert "nothing was run" in result.stderr and "hourglass.epochs" in result.stderr


@pytest.fixture(scope="module")
def dag() -> dict[str, set[str]]:
    with Repo(ROOT) as repo:
        return upstream(repo)


def test_upstream_of_a_stage_is_all_that_it_depends_on(dag):
    kinds = [name.partition("@")[0] for name in dag]
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(dict.fromkeys(kinds)) == [name for name in stages if name in kinds]
    assert "crop" in dag["evaluate@ce"] and "evaluate@ce" not in dag["evaluate@arcface"]


def test_photographs_of_a_real_collection_are_counted(tmp_path):
    table = tmp_path / "identity.txt"
    table.write_text("".join(f"{row:06d}.jpg {row // 30}\n" for row in range(300)))
    content = changed("dataset", {"images": "data/raw", "identity": str(table)})
    counted = Photographs.of(content)
    assert counted.collection == 300
    chosen = content["select"]["images_per_person"] + content["select"]["wild_per_person"]
    assert counted.landmarks_only == content["select"]["people"] * (30 - chosen)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"crop": RESTORED}, []),
        ({"check_params": RUNS}, ["check_params"]),
        ({"crop": [*RUNS, *RESTORED]}, ["crop", "train_hourglass", "align", "train_recognizer@ce"]),
        ({"crop": [{"changed outs": {"data/cropped": "modified"}}]}, ["crop", "train_hourglass"]),
        ({"crop": ["changed command"]}, ["crop", "train_hourglass"]),
        ({"train_recognizer@ce": RUNS}, ["train_recognizer@ce", "evaluate@ce", "compare"]),
        ({"publish": RUNS}, ["publish", "export", "report"]),
    ],
)
def test_stages_after_a_changed_stage_run_too(dag, status, expected):
    assert to_run(status, dag)[: len(expected) or None] == expected
    assert "evaluate@arcface" not in to_run({"train_recognizer@ce": RUNS}, dag)


def test_a_kept_training_counts_only_with_its_own_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = HourglassParams.load("hourglass", ROOT / "profiles/base.yaml")
    assert hourglass_epochs(params) == 0
    state = Path(".checkpoints/train_hourglass-0123456789abcdef/last.pt")
    content = {"history": [{"epoch": 1}, {"epoch": 2}], "params": params.model_dump()}
    checkpoints.write(state, content)
    assert hourglass_epochs(params) == 2
    assert hourglass_epochs(params.model_copy(update={"epochs": params.epochs + 1})) == 0
    state.write_bytes(b"half")
    assert hourglass_epochs(params) == 0


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (3, "10 seconds"),
        (64, "60 seconds"),
        (230, "4 minutes"),
        (5000, "83 minutes"),
        (7200, "2.0 hours"),
    ],
)
def test_times_are_rounded(time, words):
    assert about(time) == words
