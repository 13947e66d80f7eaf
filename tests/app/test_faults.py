"""The page under load and when it is killed, and the command that serves it."""

import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from coloured_faces import ColourEngine, jpeg
from PIL import Image
from serving import Served, serving

from facerec.app import uploads
from facerec.app.uploads import Upload, as_file
from facerec.gallery.store import Gallery

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, str(Path(__file__).with_name("serving.py"))]
PATHS = [str(ROOT), str(Path(__file__).parent)]


def test_of_200_requests_in_flight_none_is_lost_and_none_gets_anothers_answer(tmp_path):
    with serving(tmp_path / "people.gallery") as page:
        for name, colour in (("Ann", "red"), ("Bob", "green"), ("Cid", "blue")):
            page.enroll(name, jpeg(colour))
        colours = ["red", "green", "blue", "pink"] * 50
        with ThreadPoolExecutor(200) as pool:
            found = [*pool.map(lambda colour: page.names(jpeg(colour, shade=5)), colours)]
        assert found == [["Ann"], ["Bob"], ["Cid"], [None]] * 50


def test_people_are_enrolled_and_removed_by_many_at_once(tmp_path):
    with serving(tmp_path / "people.gallery") as page:
        jobs = [(f"Person {place}", jpeg("red", shade=place)) for place in range(20)]
        with ThreadPoolExecutor(20) as pool:
            ids = [each["person"] for each in pool.map(lambda job: page.enroll(*job), jobs)]
            assert len(set(ids)) == 20
            gone = [*pool.map(lambda each: page.ask(f"/people/{each}", "DELETE"), ids[:10])]
        assert {answer.status for answer in gone} == {204}
        left = {person.name for person in page.gallery.people()}
        assert left == {f"Person {place}" for place in range(10, 20)}
        assert len([*page.service._kept.folder.iterdir()]) == 10


def test_a_kill_leaves_what_was_confirmed_and_no_photograph_that_was_only_looked_at(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), "TMPDIR": str(temporary)}
    gallery = tmp_path / "people.gallery"
    confirmed = set()
    for run in range(3):
        process = subprocess.Popen(
            [*SERVE, str(gallery)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        page = Served(int(process.stdout.readline()), None, None)  # type: ignore[arg-type]
        with ThreadPoolExecutor(8) as pool:
            numbers = range(100 * run, 100 * run + 60)

            def enroll(number, page=page):
                content = photograph_of(number)
                page.post("/identify", photograph=content)
                name = f"Person {number}"
                if page.post("/enroll", photograph=content, name=name).status == 200:
                    confirmed.add(name)

            jobs = [pool.submit(enroll, number) for number in numbers]
            jobs[12].result()
            process.send_signal(signal.SIGKILL)
            assert sum(job.exception() is not None for job in jobs) > 0
        process.wait()
        process.stdout.close()
        assert [*temporary.iterdir()] == []
    assert len(confirmed) >= 30
    with serving(gallery) as page:
        named = page.gallery.photographs()
        assert confirmed <= {each.name for each in named}
        kept = {path.name.split(".")[0] for path in page.service._kept.folder.iterdir()}
        assert kept == {each.sha256 for each in named}
        assert all(each.path.is_file() for each in named)


def photograph_of(number: int) -> bytes:
    """Returns a photograph that differs from all others."""
    pixels = np.asarray(Image.open(io.BytesIO(jpeg("red")))).copy()
    pixels[0, :16] = np.array([255 * int(bit) for bit in f"{number:016b}"])[:, None]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_the_gallery_of_another_model_is_refused_and_nothing_is_served(tmp_path):
    path = tmp_path / "people.gallery"
    with serving(path):
        pass
    with (
        pytest.raises(ValueError, match="re-embed"),
        serving(path, ColourEngine(fingerprint="e" * 64)),
    ):
        pass


def test_a_gallery_that_is_embedded_again_meanwhile_is_told_of(tmp_path):
    path = tmp_path / "people.gallery"
    with serving(path) as page:
        page.enroll("Ann", jpeg("red"))
        with Gallery.open(path, None, None) as other:
            face = other.photographs()[0].face_id
            other.replace_embeddings("e" * 64, 3, "another", {face: np.eye(3, dtype="f4")[0]})
        answer = page.post("/identify", photograph=jpeg("red"))
        assert answer.status == 409 and "another process" in answer.json["error"]


def test_a_gallery_that_is_deleted_meanwhile_is_told_of(tmp_path):
    path = tmp_path / "people.gallery"
    with serving(path) as page:
        page.enroll("Ann", jpeg("red"))
        path.unlink()
        answer = page.post("/enroll", photograph=jpeg("blue"), name="Bob")
        assert answer.status == 507 and "deleted" in answer.json["error"]


def test_where_files_need_names_they_are_gone_afterwards(monkeypatch, tmp_path):
    monkeypatch.setattr(uploads, "OPEN_FILES", tmp_path / "none")
    with as_file(Upload("a.jpg", b"abc")) as path:
        assert path.read_bytes() == b"abc"
    assert not path.parent.exists()


def command(*arguments: str, code: str = "pass") -> subprocess.CompletedProcess[str]:
    script = f"import sys; {code}; from facerec.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "page", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=arguments[0],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_says_what_is_missing(tmp_path):
    blocked = command(str(tmp_path), code="sys.modules['fastapi'] = None")
    assert blocked.returncode == 1 and "`make app` installs it" in blocked.stderr
    for arguments, reason in (
        ([], "recognizer.onnx"),
        (["--host", "0.0.0.0.0"], "--host: expected an address"),
    ):
        result = command(str(tmp_path), *arguments)
        assert result.returncode == 1 and reason in result.stderr
        assert "Traceback" not in result.stderr and result.stderr.startswith("error: ")
