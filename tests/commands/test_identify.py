"""facerec identify: names, `unknown`, candidates, and what is wrong with a photograph."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import as_command
from commands_used import MODEL, ROOT, facerec, objects, write_our_models
from PIL import Image

from facerec.engine.load import calibrated
from facerec.imaging.io import write_image

GALLERY = "people.gallery"
BOX = r"\[\d+ \d+ \d+ \d+\]"
WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "dvc", "onnxscript", "sklearn", "pandas"):
    sys.modules[name] = None  # importing it raises
from facerec.__main__ import main
sys.argv = ["facerec", *sys.argv[1:]]
main()
"""


def write_bad(folder: Path) -> list[str]:
    """Writes photographs that cannot be read; returns their names and that of a missing one."""
    (folder / "bad").mkdir()
    good = (folder / "new/1.jpg").read_bytes()
    (folder / "bad/cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "bad/empty.jpg").write_bytes(b"")
    (folder / "bad/text.jpg").write_text("<html>")
    return ["bad/cut.jpg", "bad/empty.jpg", "bad/text.jpg", "bad/missing.jpg"]


def test_each_face_is_a_line_with_box_name_probability_and_candidates(folder):
    result = facerec(folder, "identify", "new", "strangers", GALLERY)
    assert result.returncode == 0, result.stderr
    first, second, stranger, counts, rate, _ = result.stdout.splitlines()
    candidates = r"by cosine: Person \d -?0\.\d{3}, Person \d -?0\.\d{3}"
    assert re.fullmatch(rf"new/1\.jpg  {BOX}  Person 1  \d\d %  next {candidates}", first)
    assert re.fullmatch(rf"new/2\.jpg  {BOX}  Person 2  \d\d %  next {candidates}", second)
    assert re.fullmatch(
        rf"strangers/11\.jpg  {BOX}  unknown  nearest {candidates}, Person \d -?0\.\d{{3}}; "
        r"a name needs 0\.780",
        stranger,
    )
    assert counts == "3 photographs, 3 faces: 2 named, 1 unknown"
    assert "0.780, which 10.0% of strangers exceed (95 % interval 4.0% to 18.6%)" in rate
    assert "in a gallery of 20 people" in rate
    assert "200 photographs of 40 people of drawn faces" in rate


def test_json_holds_all_that_is_known(folder):
    result = facerec(folder, "identify", "new/1.jpg", "strangers", GALLERY, "--json")
    (known, stranger), summary = objects(result)
    assert known["photograph"] == "new/1.jpg"
    (face,) = known["faces"]
    assert face["name"] == "Person 1" == face["candidates"][0]["name"]
    logit = 12.0 * face["candidates"][0]["cosine"] - 8.0
    assert face["probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    cosines = [one["cosine"] for one in face["candidates"]]
    assert len(cosines) == 3 and cosines == sorted(cosines, reverse=True)
    assert len(face["box"]) == 4 and np.shape(face["points"]) == (5, 2) and face["usable"]
    (nobody,) = stranger["faces"]
    assert nobody["name"] is None and nobody["probability"] is None
    assert nobody["candidates"][0]["cosine"] < 0.78
    assert summary["threshold"] == 0.78 and summary["measured"]["fpir"] == 0.1
    counts = {"photographs": 2, "faces": 2, "named": 1, "unknown": 1, "not_read": 0}
    assert summary.items() >= counts.items()


def test_one_candidate_and_another_threshold(folder):
    words = ("--candidates", "1", "--threshold", "0.2")
    result = facerec(folder, "identify", "strangers", GALLERY, *words)
    first, counts, rate = result.stdout.splitlines()
    assert re.fullmatch(rf"strangers/11\.jpg  {BOX}  Person \d  <?\d+ %", first)
    assert counts.endswith("1 named, 0 unknown") and rate.endswith("0.2, as --threshold says")


def test_an_approximate_index_finds_the_same_people(folder):
    pytest.importorskip("faiss")
    words = ("identify", "new", "strangers", GALLERY)
    found = facerec(folder, *words, "--probes", "8")
    assert found.returncode == 0 and found.stdout == facerec(folder, *words).stdout


def test_an_approximate_index_without_faiss_ends_with_what_installs_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    result = facerec(folder, "identify", "new", GALLERY, "--probes", "8")
    assert result.returncode == 1 and not result.stdout
    assert "`uv sync --inexact --only-group index`" in result.stderr


def test_a_bad_photograph_does_not_stop_the_others_and_the_end_line_counts_it(folder):
    bad = write_bad(folder)
    write_image(folder / "nobody.jpg", np.full((90, 90, 3), 128, np.uint8))
    result = facerec(folder, "identify", *bad, "nobody.jpg", "new/1.jpg", GALLERY)
    assert result.returncode == 3
    lines = result.stdout.splitlines()
    assert lines[0] == "nobody.jpg  no face found" and "Person 1" in lines[1]
    assert lines[2] == (
        "2 photographs, 1 face: 1 named, 0 unknown; 4 photographs could not be read"
    )
    assert result.stderr.splitlines() == [
        "bad/cut.jpg: not a readable image",
        "bad/empty.jpg: empty file",
        "bad/text.jpg: not a readable image",
        "bad/missing.jpg: no such file",
    ]
    result = facerec(folder, "identify", *bad, "new/1.jpg", GALLERY, "--json")
    photographs, summary = objects(result)
    assert result.returncode == 3 and not result.stderr and summary["not_read"] == 4
    assert photographs[3] == {"photograph": "bad/missing.jpg", "problem": "no such file"}


def test_a_model_without_thresholds_names_nobody_and_says_why(folder):
    calibrated(folder / MODEL).unlink()
    result = facerec(folder, "identify", "new/1.jpg", GALLERY)
    first, counts, why = result.stdout.splitlines()
    nearest = r"nearest by cosine: Person 1 0\.\d{3}, [^;]*"
    assert re.fullmatch(rf"new/1\.jpg  {BOX}  unknown  {nearest}", first)
    assert counts.endswith("0 named, 1 unknown")
    assert "no threshold was measured" in why and "facerec calibrate" in why
    result = facerec(folder, "identify", "new/1.jpg", GALLERY, "--threshold", "0.78")
    assert "Person 1  cosine 0." in result.stdout


def test_a_model_with_a_threshold_of_pairs_alone_says_that_more_strangers_are_named(folder):
    path = calibrated(folder / MODEL)
    values = json.loads(path.read_text())
    for name in ("fpir", "search_threshold", "gallery_people"):
        del values[name]
    path.write_text(json.dumps(values))
    result = facerec(folder, "identify", "new/1.jpg", GALLERY)
    assert "0.750, which 1.00% of different-person pairs exceed" in result.stdout
    assert "more strangers are named" in result.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["new", "none.gallery"], "none.gallery: no such gallery; `facerec enroll"),
        (["new", "new/1.jpg"], "new/1.jpg: not a gallery: expected an SQLite file"),
        (["photographs", "new"], "new: not a gallery"),
        (["empty", GALLERY], "empty: no photographs (endings: "),
    ],
)
def test_what_cannot_be_begun_is_one_line_and_exit_code_1(folder, words, problem):
    (folder / "empty").mkdir()
    result = facerec(folder, "identify", *words)
    assert result.returncode == 1 and not result.stdout
    assert result.stderr.startswith(f"error: {problem}") and result.stderr.count("\n") == 1


def test_the_gallery_of_another_model_is_refused_with_the_reason(folder):
    settings = folder / MODEL.replace(".onnx", ".yaml")
    settings.write_text(settings.read_text().replace("rgb", "bgr"))
    calibrated(folder / MODEL).unlink()
    result = facerec(folder, "identify", "new", GALLERY)
    assert result.returncode == 1 and "cosines between the two mean nothing" in result.stderr


def test_a_name_may_be_in_any_script_and_a_path_odd(folder):
    (folder / "new/1.jpg").rename(folder / "new/a b\udcff é.jpg")
    result = facerec(folder, "enroll", "new", GALLERY, "--name", "李 Zoë", "--force")
    assert result.returncode == 0, result.stderr
    result = facerec(folder, "identify", "new", GALLERY, "--json")
    photographs, _ = objects(result)
    assert photographs[1]["photograph"] == "new/a b\\udcff é.jpg"
    assert {one["faces"][0]["name"] for one in photographs} == {"李 Zoë"}


def test_several_faces_on_one_photograph_have_a_line_each(folder):
    pictures = [Image.open(folder / f"photographs/Person {n}/Foto ñ 1.jpg") for n in (1, 3)]
    both = Image.new("RGB", (sum(one.width for one in pictures), max(p.height for p in pictures)))
    both.paste(pictures[0], (0, 0))
    both.paste(pictures[1], (pictures[0].width, 0))
    both.save(folder / "both.png")
    result = facerec(folder, "identify", "both.png", GALLERY)
    lines = [line for line in result.stdout.splitlines() if line.startswith("both.png")]
    named = sorted(re.search(r"Person \d", line)[0] for line in lines)
    assert named == ["Person 1", "Person 3"]
    assert "1 photograph, 2 faces: 2 named" in result.stdout


@pytest.mark.parametrize("words", [["--model", MODEL], []])
def test_it_works_where_torch_cannot_be_imported(folder, words):
    if not words:  # our own networks, exported
        write_our_models(folder)
    gallery = f"{len(words)}.gallery"
    expected = as_command(folder, "facerec", "enroll", "photographs", gallery, *words)
    assert expected.returncode == 0, expected.stderr
    command = [sys.executable, "-c", WITHOUT_TORCH, "identify", "new", gallery, *words]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "LC_ALL": "C"}
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    expected = as_command(folder, "facerec", "identify", "new", gallery, *words)
    assert result.stdout == expected.stdout and "2 photographs, 2 faces" in result.stdout


def test_a_reader_that_has_seen_enough_ends_it_quietly(folder):
    identify = f"{sys.executable} -m facerec identify photographs {GALLERY} --model {MODEL}"
    result = subprocess.run(
        f"{identify} | head -1",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.stdout.count("\n") == 1 and "Person 1" in result.stdout and not result.stderr
