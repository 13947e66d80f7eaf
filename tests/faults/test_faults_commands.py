"""Kills, full disks, Ctrl-C, two processes and damaged models under commands that use models."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from collections_drawn import write_people
from commands import as_command
from commands_used import MODEL, ROOT, facerec, write_model, write_our_models
from test_faults_crashes import fill

from facerec.gallery.store import Gallery

KILLS = int(os.environ.get("KILLS", "10"))
PEOPLE, PHOTOS = 6, 10
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "FACEREC_WORKERS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    write_model(folder)
    write_people(folder / "photographs", PEOPLE, PHOTOS)
    return folder


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def start(folder: Path, *words: str | Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "facerec", *map(str, words), "--model", MODEL]

    def heed_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # may be ignored here

    return subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )


def enrolled(gallery: Path) -> dict[int, tuple[str, str]]:
    """Returns name and file of each face."""
    with Gallery.open(gallery, None, None) as opened:
        return {one.face_id: (one.name, one.path.name) for one in opened.photographs()}


def names(gallery: Path) -> list[tuple[str, str]]:
    return sorted(enrolled(gallery).values())


EXPECTED = sorted(
    (f"Person {person + 1}", f"Foto ñ {photo + 1}.jpg")
    for person in range(PEOPLE)
    for photo in range(PHOTOS)
)


@pytest.mark.slow
def test_a_killed_enrolment_loses_nothing_that_was_said_and_goes_on(folder, tmp_path):
    rng = random.Random(1)
    kills = 0
    for number in range(KILLS):
        gallery = tmp_path / f"{number}.gallery"
        while True:
            process = start(folder, "enroll", "photographs", gallery, "--json")
            assert process.stdout is not None
            said = []
            wanted = rng.randrange(1, 30)
            for line in process.stdout:
                said.append(json.loads(line))
                if len(said) == wanted:
                    time.sleep(rng.uniform(0, 0.05))
                    os.killpg(process.pid, signal.SIGKILL)
            ended = process.wait()
            confirmed = [one for one in said if "face_id" in one]
            there = enrolled(gallery)
            for one in confirmed:
                assert there[one["face_id"]] == (one["name"], Path(one["photograph"]).name)
            if ended == 0:
                break
            kills += 1
        assert names(gallery) == EXPECTED
    assert kills >= KILLS


@pytest.mark.slow
def test_a_full_disk_is_a_clear_error_and_the_enrolment_goes_on(folder, small_disk):
    gallery = small_disk / "people.gallery"
    for room in (0, 2**15, 2**17):
        filler = fill(small_disk, room)
        result = facerec(folder, "enroll", "photographs", gallery)
        assert result.returncode == 1, result.stdout
        assert "No space left on device" in result.stderr or "cannot be read or written" in (
            result.stderr
        )
        assert str(gallery) in result.stderr and "Traceback" not in result.stderr
        filler.unlink()
    result = facerec(folder, "enroll", "photographs", gallery)
    assert result.returncode == 0 and names(gallery) == EXPECTED


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_picture(folder, small_disk):
    fill(small_disk, 2**13)
    result = facerec(folder, "annotate", "photographs", small_disk / "out")
    assert result.returncode == 1 and "No space left on device" in result.stderr
    assert not [path for path in (small_disk / "out").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_two_enrolments_at_once(folder, tmp_path):
    gallery = tmp_path / "people.gallery"
    processes = [start(folder, "enroll", "photographs", gallery) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert names(gallery) == EXPECTED


def test_ctrl_c_says_that_what_was_enrolled_stays(folder, tmp_path):
    gallery = tmp_path / "people.gallery"
    process = start(folder, "enroll", "photographs", gallery, "--json")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors
    assert "stay so; the same command goes on\ninterrupted" in errors
    assert first["face_id"] in enrolled(gallery)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("models", None, "models/recognizer.onnx: no such file; `dvc repro` trains a model"),
        ("models/hourglass.onnx", None, "models/hourglass."),
        ("models/hourglass.onnx", b"", "models/hourglass.onnx: "),
        ("models/recognizer.onnx", b"", "models/recognizer.onnx: "),
        ("models/recognizer.onnx", b"\x08\x07cut", "models/recognizer.onnx: "),
        ("models/recognizer.json", b"[1]", "models/recognizer.json: expected the thresholds"),
        ("params.yaml", None, "params.yaml: no such file; run from the repository's root"),
        ("params.yaml", b"detector: {type: eyes}", "params.yaml:\n  detector.type: "),
    ],
)
def test_a_model_that_cannot_be_used_is_named(folder, tmp_path, file, content, problem):
    write_our_models(tmp_path)
    (tmp_path / "params.yaml").write_bytes((folder / "params.yaml").read_bytes())
    path = tmp_path / file
    if content is not None:
        path.write_bytes(content)
    elif path.is_dir():
        path.rename(tmp_path / "elsewhere")
    else:
        path.unlink()
        path.with_suffix(".pt").unlink(missing_ok=True)
    photograph = folder / "photographs/Person 1/Foto ñ 1.jpg"
    result = as_command(tmp_path, "facerec", "verify", photograph, photograph)
    assert result.returncode == 1 and result.stderr.startswith(f"error: {problem}"), result.stderr
    assert "Traceback" not in result.stderr
