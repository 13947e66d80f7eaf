"""Kills, full disks and two runs at once, on the whole pipeline in miniature."""

import io
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
import yaml
from test_end_to_end import Repository, make_repository

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("KILLS", "10"))  # of each stage
TRIES = 10  # to meet a stage at work
PAGE = 4096  # bytes, of a small disk
STAGES = [
    "check_params",
    "synthesize@synthetic",
    "measure",
    "select",
    "crop",
    "train_hourglass",
    "align",
    "audit@audit",
]
STAGES += ["train_recognizer@arcface", "evaluate@arcface", "compare", "publish", "export", "report"]
AUDIT = {"runs": ["audit"], "folds": 2, "image_size": 32, "epochs": 3}
OF_A_STAGE = re.compile(r"python\S* -m (stages|tools)\.")
IS_WHOLE = {
    ".jpg": lambda content: content.endswith(b"\xff\xd9"),
    ".json": lambda content: bool(json.loads(content)),
    ".csv": lambda content: content.endswith(b"\n"),
    ".pt": lambda content: bool(torch.load(io.BytesIO(content), weights_only=True)),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Repository:
    repository = make_repository(tmp_path_factory.mktemp("crashes") / "repo")
    for key, value in AUDIT.items():
        repository.change("audit", key, value)
    ran = repository.repro()
    assert {name.split("@")[0] for name in ran} == {name.split("@")[0] for name in STAGES}
    repository.commit("run")
    return repository


def outputs(repository: Repository) -> dict[str, str]:
    """Returns the checksum of every stage's every output."""
    stages = yaml.safe_load((repository.folder / "dvc.lock").read_text())["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def edited(repository: Repository, stage: str) -> None:
    """Adds a comment to a stage's module: it must run again, and give the same."""
    name = f"{stage.split('@')[0]}.py"
    module = next(
        path
        for folder in ("stages", "tools")
        if (path := repository.folder / folder / name).exists()
    )
    with module.open("a") as file:
        file.write(f"# {time.time()}\n")


def started(repository: Repository, *command: str) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=repository.folder,
        env=repository.environment,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=partial(
            signal.signal, signal.SIGINT, signal.SIG_DFL
        ),  # a test run in the background ignores it
    )


def begun(repository: Repository, stage: str) -> subprocess.Popen:
    """Returns a `dvc repro` that has just begun a stage."""
    process = started(repository, "dvc", "repro", "--single-item", stage)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("> ") and OF_A_STAGE.search(line):
            break
    while process.poll() is None and not at_work(process):  # DVC writes that line first
        time.sleep(0.001)
    return process


def stage_of(process: subprocess.Popen) -> psutil.Process | None:
    """Returns the stage that a `dvc repro` is running, if any."""
    if process.poll() is not None:
        return None
    try:
        started = psutil.Process(process.pid).children(recursive=True)
        return next((one for one in started if OF_A_STAGE.search(" ".join(one.cmdline()))), None)
    except psutil.NoSuchProcess:  # one of them has just ended
        return stage_of(process)


def at_work(process: subprocess.Popen) -> bool:
    return stage_of(process) is not None


def lasting(repository: Repository, stage: str) -> float:
    """Returns the seconds that a stage takes."""
    process = begun(repository, stage)
    start = time.monotonic()
    while at_work(process):
        time.sleep(0.01)
    lasted = time.monotonic() - start
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return lasted


def killed(repository: Repository, stage: str, seconds: float) -> bool:
    """Runs `dvc repro` on a stage and kills all its processes some seconds after it began.

    Returns whether the stage was still running. If not, DVC is not killed: it writes `dvc.lock`.
    """
    process = begun(repository, stage)
    time.sleep(seconds)
    if found := at_work(process):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return found


def incomplete_files(repository: Repository) -> list[Path]:
    """Returns the files under a final name that are not whole."""
    files = [
        path
        for folder in ("data", "models", "metrics")
        for path in (repository.folder / folder).rglob("[!.]*.*")
    ]
    return [
        path
        for path in files
        if path.is_file() and not IS_WHOLE.get(path.suffix, bool)(path.read_bytes())
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_runs_again_to_the_same_bytes(repository, stage):
    before, rng = outputs(repository), random.Random(stage)
    edited(repository, stage)
    lasted = lasting(repository, stage)
    assert outputs(repository) == before
    edited(repository, stage)
    hits = 0
    for _ in range(3 * KILLS):
        if killed(repository, stage, rng.uniform(0, lasted)):
            hits += 1
            assert not incomplete_files(repository)
        else:
            edited(repository, stage)
        if hits == KILLS:
            break
    assert hits == KILLS
    half_trained = list((repository.folder / ".checkpoints").rglob("last.pt"))
    said = repository.run("dvc", "repro")
    assert ("goes on after epoch" in said) == bool(half_trained), said
    assert outputs(repository) == before
    assert "up to date" in repository.run("dvc", "status")
    assert not list(repository.folder.rglob("*.partial"))
    assert not list((repository.folder / ".checkpoints").glob("*"))


@pytest.mark.parametrize(
    ("stage", "sign"),
    [
        ("synthesize@synthetic", "data/synthetic/img_celeba/*.jpg"),
        ("crop", "data/cropped/*.jpg"),
        ("align", "data/aligned_5/*.jpg"),
        ("train_hourglass", ".checkpoints/*/last.pt"),
        ("train_recognizer@arcface", ".checkpoints/*/last.pt"),
    ],
)
def test_ctrl_c_at_work_ends_a_stage_with_one_line(repository, stage, sign):
    """The terminal sends the signal to DVC and to all that it started."""
    before = outputs(repository)
    for _ in range(TRIES):
        edited(repository, stage)
        process = begun(repository, stage)
        while at_work(process) and not list(repository.folder.glob(sign)):
            time.sleep(0.001)
        if interrupted := at_work(process):
            os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
        if interrupted:
            break
    assert interrupted, f"the stage had ended each time: {output}"
    lines = [line for line in output.splitlines() if line.startswith("interrupted")]
    assert process.returncode != 0 and "Traceback" not in output and len(lines) == 1, output
    assert ("goes on after epoch" in lines[0]) == stage.startswith("train")
    assert not incomplete_files(repository)
    repository.repro()
    assert outputs(repository) == before


def leave_out_a_photograph(repository: Repository) -> None:
    left_out = pd.read_csv(repository.folder / "data/train.csv").image_id[0]
    (repository.folder / "reviewed.csv").write_text(f"image_id\n{left_out}\n")
    repository.change("select", "exclude", "reviewed.csv")


@pytest.mark.parametrize(
    ("stage", "epochs", "change"),  # so many epochs that it is met in the middle
    [
        (
            "train_recognizer@arcface",
            100,
            lambda repository: repository.change("recognizers.arcface.head", "margin", 0.4),
        ),
        ("train_hourglass", 12, leave_out_a_photograph),
    ],
    ids=["another parameter", "other data"],
)
def test_a_half_trained_network_is_not_gone_on_with_after_a_change(
    repository, stage, epochs, change
):
    before = outputs(repository)
    repository.change("recognizer" if "recognizer" in stage else "hourglass", "epochs", epochs)
    process = begun(repository, stage)
    while at_work(process) and not list((repository.folder / ".checkpoints").rglob("last.pt")):
        time.sleep(0.01)
    assert at_work(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    change(repository)
    said = repository.run("dvc", "repro", stage)
    assert f"Running stage '{stage}'" in said and "goes on after epoch" not in said, said
    changed = outputs(repository)
    assert not list((repository.folder / ".checkpoints").glob("*"))
    undisturbed = repository.run("dvc", "repro", "--force", "--single-item", stage)
    assert "goes on after epoch" not in undisturbed
    assert outputs(repository) == changed != before
    repository.run("git", "checkout", "params.yaml")
    repository.repro()
    assert outputs(repository) == before


def test_a_dvc_lock_that_was_cut_off_comes_back_from_git_and_results_from_the_run_cache(
    repository,
):
    before = outputs(repository)
    repository.change("evaluate", "bootstrap_resamples", 60)
    assert "evaluate@arcface" in repository.repro()
    lock, after = repository.folder / "dvc.lock", outputs(repository)
    assert after != before
    lock.write_text(lock.read_text()[: lock.stat().st_size // 2])
    repository.run("git", "checkout", "dvc.lock")
    assert repository.repro() == [] and outputs(repository) == after
    repository.run("git", "checkout", "params.yaml")
    repository.repro()
    assert outputs(repository) == before


def test_the_second_of_two_runs_says_who_holds_the_lock(repository):
    edited(repository, "train_hourglass")
    first = started(repository, "dvc", "repro")
    assert first.stdout is not None
    assert any(line.startswith("> python -m stages.train_hourglass") for line in first.stdout)
    second = started(repository, "dvc", "repro")
    said = second.communicate()[0]
    assert second.returncode != 0 and f"(PID {first.pid})" in said, said
    first.communicate()
    assert first.returncode == 0
    assert repository.repro() == []


@pytest.fixture
def small_disk(repository, tmp_path) -> Iterator[Repository]:
    """Yields a copy of the repository's working tree on a small disk; its cache is elsewhere."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        shutil.copytree(
            repository.folder, mount / "repo", symlinks=True, ignore=shutil.ignore_patterns("cache")
        )
        copy = Repository(mount / "repo")
        copy.run("dvc", "config", "--local", "cache.dir", str(repository.folder / ".dvc/cache"))
        yield copy
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def fill(disk: Path, room: int = 0) -> Path:
    """Returns a file that takes all the room that is left, but for so many bytes of whole pages."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - room)
    assert shutil.disk_usage(disk).free == room
    return filler


def rooms(folder: Path, outs: list[dict]) -> list[int]:
    """Returns free bytes to try: 0, and a page less than the largest file if it has several."""
    paths = [folder / out["path"] for out in outs]
    files = [file for path in paths for file in [path, *path.rglob("*")] if file.is_file()]
    return [0, *range(PAGE, max(file.stat().st_size for file in files), PAGE)[-1:]]


def test_a_full_disk_is_a_clear_error_in_every_stage_and_the_former_outputs_come_back(small_disk):
    before = outputs(small_disk)
    lock = yaml.safe_load((small_disk.folder / "dvc.lock").read_text())["stages"]
    cases = [
        (stage, room) for stage in STAGES for room in rooms(small_disk.folder, lock[stage]["outs"])
    ]
    for stage, room in cases:
        filler = fill(small_disk.folder.parent, room)
        result = subprocess.run(
            shlex.split(lock[stage]["cmd"]),
            cwd=small_disk.folder,
            env={**small_disk.environment, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        filler.unlink()
        assert result.returncode == 1, (stage, room, result.stdout, result.stderr)
        assert "error: [Errno 28] No space left on device: '" in result.stderr, (
            stage,
            room,
            result.stderr,
        )
        assert "Traceback" not in result.stderr, (stage, room, result.stderr)
        assert not list(small_disk.folder.rglob("*.partial")) and not incomplete_files(
            small_disk
        ), (
            stage,
            room,
        )
    for folder in ("data", "models"):
        shutil.rmtree(small_disk.folder / folder)
    small_disk.run("dvc", "checkout", "--force")
    small_disk.run("git", "checkout", "metrics")
    assert "up to date" in small_disk.run("dvc", "status")
    assert outputs(small_disk) == before


def test_a_full_disk_in_dvc_repro_is_followed_by_the_undisturbed_result(small_disk):
    before = outputs(small_disk)
    edited(small_disk, "select")
    process = started(small_disk, "dvc", "repro", "--single-item", "select")
    assert process.stdout is not None
    assert any(line.startswith("> python -m stages.select") for line in process.stdout)
    filler = fill(small_disk.folder.parent)
    said = process.communicate()[0]
    filler.unlink()
    assert process.returncode != 0 and "No space left on device" in said, said
    small_disk.repro()
    assert outputs(small_disk) == before
