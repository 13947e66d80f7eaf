"""Kills, full disks, two at once under `facerec import`; the originals never change."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from collections_drawn import face, write_people
from test_faults_crashes import fill

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "10"))
PEOPLE, PHOTOS = 8, 10
IDENTITY = "identity.txt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("import") / "photos", PEOPLE, PHOTOS)


def command(folder: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "facerec", "import", str(folder), str(out)]


def run(folder: Path, out: Path) -> subprocess.CompletedProcess:
    return subprocess.run(command(folder, out), cwd=ROOT, capture_output=True, text=True)


def files(folder: Path) -> dict[str, bytes]:
    """Returns what each file holds, without the journal's own folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".import" not in path.parts
    }


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    result = run(folder, out)
    assert result.returncode == 0, result.stderr
    return files(out)


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


def test_a_killed_import_goes_on_and_nothing_is_lost(folder, whole, tmp_path):
    before = files(folder)
    start = time.monotonic()
    assert run(folder, tmp_path / "timed").returncode == 0
    lasting = time.monotonic() - start
    rng = random.Random(1)
    ended = 0
    out = tmp_path / "out"
    for _ in range(KILLS):
        shutil.rmtree(out, ignore_errors=True)
        while True:
            process = subprocess.Popen(command(folder, out), cwd=ROOT, start_new_session=True)
            time.sleep(rng.uniform(0.3, 1) * lasting)
            if process.poll() is not None:
                assert process.returncode == 0
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            ended += 1
            if out.is_dir():
                written = files(out)
                images = {name for name in written if name.startswith("images/0")}
                assert all(written[name] == whole[name] for name in images)
                if IDENTITY in written:
                    assert written == whole
        assert files(out) == whole
    assert ended >= KILLS // 2 and files(folder) == before


def test_a_full_disk_is_a_clear_error_and_the_import_goes_on(folder, whole, small_disk):
    before = files(folder)
    out = small_disk / "out"
    for room in (0, 2**14, 2**16, 2**17, 2**18):
        filler = fill(small_disk, room)
        result = run(folder, out)
        assert result.returncode == 1, room
        assert result.stderr.startswith("error: ") and "No space left on device" in result.stderr
        assert str(out) in result.stderr and "Traceback" not in result.stderr
        assert not (out / IDENTITY).exists()
        filler.unlink()
    result = run(folder, out)
    assert result.returncode == 0, result.stderr
    assert "had been examined by an earlier run" in result.stdout
    assert files(out) == whole and files(folder) == before


def test_read_only_folders(folder, small_disk, tmp_path):
    originals = small_disk / "photos"
    write_people(originals, 2, 2)
    (small_disk / "out").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    result = run(originals, tmp_path / "out")  # reading needs no writing
    assert result.returncode == 0 and "4 photographs of 2 people" in result.stdout
    result = run(folder, small_disk / "out")
    assert result.returncode == 1 and "Read-only file system" in result.stderr
    assert str(small_disk / "out") in result.stderr and "Traceback" not in result.stderr


def test_ctrl_c_says_how_to_go_on(folder, whole, tmp_path):
    def heed_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # may be ignored here

    out = tmp_path / "out"
    journal = out / ".import/journal.jsonl"
    process = subprocess.Popen(
        command(folder, out),
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    while not journal.is_file() or journal.read_bytes().count(b"\n") < 10:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "facerec import" in errors, errors
    assert "Traceback" not in errors and not (out / IDENTITY).exists()
    assert run(folder, out).returncode == 0 and files(out) == whole


def test_of_two_imports_at_once_the_second_is_refused_and_the_first_is_whole(
    folder, whole, tmp_path
):
    out = tmp_path / "out"
    first = subprocess.Popen(command(folder, out), cwd=ROOT)
    while not (out / ".import/journal.jsonl").is_file():
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)  # so that it does not end before the second begins
    second = run(folder, out)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1 and "Traceback" not in second.stderr
    assert second.stderr.startswith(f"error: {out}: another import is at work there")
    assert first.wait() == 0 and files(out) == whole


def test_a_photograph_that_vanishes_meanwhile_is_listed(tmp_path):
    folder = write_people(tmp_path / "photos", 4, 20)
    last = folder / "Person 4" / "zzz.jpg"
    last.write_bytes(face(3, 20).jpeg)
    out = tmp_path / "out"
    process = subprocess.Popen(command(folder, out), cwd=ROOT)
    while not (out / ".import/journal.jsonl").is_file():
        assert process.poll() is None
        time.sleep(0.005)
    last.unlink()
    assert process.wait() == 0
    assert "Person 4/zzz.jpg" in (out / "import_report.csv").read_text()
