"""Galleries that are none, damaged, read-only or without room; two processes; kills."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from new_faces import DIM, new_face
from test_faults_crashes import fill

from facerec.gallery.errors import GalleryError
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery

ROOT = Path(__file__).parents[2]
ADDING = ROOT / "tests/gallery/adding.py"
KILLS = int(os.environ.get("KILLS", "10"))


def opened(path: Path, create: bool = False) -> Gallery:
    return Gallery.open(path, "model a", DIM, "A", create=create)


def adding(path: Path, name: str, first: int, number: int) -> subprocess.Popen:
    command = [sys.executable, str(ADDING), str(path), name, str(first), str(number)]
    paths = os.pathsep.join([str(ROOT), str(ADDING.parent)])
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def numbers(path: Path, name: str | None = None) -> set[int]:
    """Returns the numbers of the photographs, after a check of the whole file."""
    with opened(path) as gallery:
        gallery.embeddings()
        photographs = gallery.photographs(name)
        assert all(gallery.thumbnail(one.face_id) for one in photographs)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    whole = (
        "SELECT count(*) FROM faces JOIN embeddings e ON e.face = id JOIN thumbnails USING (face)"
    )
    faces = f"SELECT (SELECT count(*) FROM faces) = ({whole})"
    assert connection.execute(faces).fetchone() == (1,)
    connection.close()
    return {int(one.sha256, 16) for one in photographs}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "gallery"


@pytest.fixture
def filled(path) -> Path:
    with opened(path, create=True) as gallery:
        gallery.add_all([new_face(f"p{number % 7}", number) for number in range(60)])
    return path


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def other_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (id INTEGER)")
    connection.commit()
    connection.close()


def newer_version(path: Path) -> None:
    opened(path, create=True).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


def write(content: bytes):
    return lambda path: path.write_bytes(content)


NOT_GALLERIES = {
    "nothing there": (lambda path: None, "no such gallery; `facerec enroll PHOTOS gallery` makes"),
    "a folder": (Path.mkdir, "not a gallery: expected a file"),
    "a pipe": (os.mkfifo, "not a gallery: expected a file"),
    "an empty file": (write(b""), "not a gallery: expected an SQLite file, got an empty file"),
    "a photograph": (write(b"\xff\xd8\xff\xe0" * 999), "expected an SQLite file, got a file that"),
    "a cut header": (write(b"SQLite format 3\0"), "not a gallery"),
    "no tables": (lambda path: sqlite3.connect(path).execute("VACUUM"), "not a gallery"),
    "another program's": (other_program, "not a gallery: an SQLite file of another program"),
    "a newer version's": (
        newer_version,
        "a gallery of version 2; this facerec knows version 1",
    ),
}


@pytest.mark.parametrize("make, message", NOT_GALLERIES.values(), ids=NOT_GALLERIES)
def test_what_is_no_gallery_is_refused_and_not_changed(path, make, message):
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(GalleryError, match=str(path)) as raised:
        opened(path)
    assert message in str(raised.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_an_empty_file_becomes_a_gallery_where_one_is_made(path):
    path.write_bytes(b"")  # as a kill may leave it
    with opened(path, create=True) as gallery:
        gallery.add(new_face("Ann", 1))
    assert numbers(path) == {1}


def use_everything(path: Path) -> None:
    with opened(path) as gallery:
        search = Search(gallery)
        search.nearest(new_face("", 1).embedding[None], 3)
        for photograph in gallery.photographs():
            gallery.thumbnail(photograph.face_id)
        gallery.merge("p1", "p2")
        gallery.add(new_face("p3", 999))
        gallery.remove("p4")


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "40"))))
def test_damaged_bytes_end_in_a_result_or_in_words(filled, seed):
    rng = random.Random(seed)
    content = bytearray(filled.read_bytes())
    start = rng.randrange(len(content))
    damage = rng.choice([bytes(1), rng.randbytes(64), bytes(4096), rng.randbytes(8192)])
    content[start : start + len(damage)] = damage[: len(content) - start]
    filled.write_bytes(content)
    try:
        use_everything(filled)
    except (GalleryError, OSError) as error:
        assert str(filled) in str(error)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_off_gallery_says_that_it_is_damaged(filled, share):
    content = filled.read_bytes()
    filled.write_bytes(content[: int(share * len(content))])
    with pytest.raises(GalleryError, match=r"the gallery is damaged .*: put a backup in its place"):
        use_everything(filled)


def test_a_gallery_that_was_deleted_takes_nothing_more(filled):
    with opened(filled) as gallery:
        filled.unlink()
        with pytest.raises(FileNotFoundError, match="moved, replaced or deleted"):
            gallery.add(new_face("Ann", 999))


def test_two_processes_add_at_once(path):
    processes = [adding(path, name, first, 40) for name, first in (("Ann", 0), ("Bob", 1000))]
    with opened(path, create=True) as gallery:
        search = Search(gallery)
        while any(process.poll() is None for process in processes):
            search.refresh()  # a third reads meanwhile
            time.sleep(0.02)
        assert search.refresh() == 80
    assert [process.communicate()[0].count("\n") for process in processes] == [40, 40]
    assert numbers(path) == {*range(40), *range(1000, 1040)}


def kill_while_adding(path: Path, kills: int, rng: random.Random) -> None:
    confirmed: set[int] = set()
    for first in count(0, 10_000):
        process = adding(path, "Ann", first, 10_000)
        assert process.stdout is not None
        confirmed.add(int(process.stdout.readline()))
        time.sleep(rng.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        confirmed |= {int(line) for line in process.communicate()[0].split("\n")[:-1]}
        found = numbers(path)
        assert confirmed <= found
        assert len(found - confirmed) <= first // 10_000 + 1  # one a kill was not yet said
        if first == (kills - 1) * 10_000:
            return


def test_a_kill_loses_nothing_that_was_confirmed(path):
    kill_while_adding(path, 2, random.Random(1))


@pytest.mark.slow
def test_many_kills_lose_nothing_that_was_confirmed(path):
    kill_while_adding(path, 3 * KILLS, random.Random(2))


@pytest.mark.slow
def test_kills_of_one_of_two_processes(path):
    rng = random.Random(3)
    other = adding(path, "Bob", 1_000_000, 5000)
    for attempt in range(KILLS):
        process = adding(path, "Ann", attempt * 10_000, 10_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        lines = process.communicate()[0].split("\n")[:-1]
        assert {int(line) for line in lines} <= numbers(path, "Ann")
    other.kill()
    said = {int(line) for line in other.communicate()[0].split("\n")[:-1]}
    assert said and said <= numbers(path, "Bob")


@pytest.mark.slow
def test_a_full_disk_is_said_and_nothing_confirmed_is_lost(small_disk):
    path = small_disk / "gallery"
    with opened(path, create=True) as gallery:
        gallery.add(new_face("Ann", 0))
        fill(small_disk, 2**19)
        confirmed = {0}
        with pytest.raises(OSError, match="No space left on device") as raised:
            for number in range(1, 10_000):
                gallery.add(new_face("Ann", number))
                confirmed.add(number)
        assert str(path) in str(raised.value)
        assert len(confirmed) > 1 and len(gallery.photographs()) == len(confirmed)
        (small_disk / "filler").unlink()
        gallery.add(new_face("Ann", 10_000))
    assert numbers(path) == confirmed | {10_000}


@pytest.mark.slow
def test_a_gallery_that_may_only_be_read(small_disk):
    path = small_disk / "gallery"
    with opened(path, create=True) as gallery:
        gallery.add(new_face("Ann", 1))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with opened(path) as gallery:
        assert Search(gallery).nearest(new_face("", 1).embedding[None], 1)[0][0].name == "Ann"
        with pytest.raises(OSError, match="may only be read"):
            gallery.add(new_face("Ann", 2))
    with pytest.raises(OSError, match=r"another|Read-only|cannot be read or written"):
        opened(small_disk / "new", create=True)
