"""`facerec calibrate`: people in folders or in a gallery in, thresholds beside the model out."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from collections_drawn import write_people
from engine_models import write_other
from new_faces import new_face

from facerec.commands import calibrate
from facerec.engine.load import load_engine
from facerec.engine.operating_point import OperatingPoint
from facerec.gallery.store import Gallery

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    write_other(tmp_path)


def test_thresholds_of_a_model_of_others_are_measured_and_used_from_then_on(capsys):
    write_people(Path("people"), 4, 2)
    calibrate.main(Path("people"), Path("other.onnx"), fpr=0.1, fpir=0.1)
    point = load_engine(Path("other.onnx")).operating_point
    assert point is not None and point.verify_fpr == 0.1 and point.people == 4
    printed = capsys.readouterr().out
    assert "measured on 8 photographs of 4 people of people" in printed
    assert "search: 0.1 of strangers needs at least 10 photographs" in printed
    assert "written to other.threshold.json" in printed


def test_a_gallery_is_measured_without_its_photographs():
    engine = load_engine(Path("other.onnx"))
    dim, rng = engine.embedding_dim, np.random.default_rng(0)
    with Gallery.open(Path("people"), engine.fingerprint, dim, create=True) as gallery:
        for number in range(24):
            vector = rng.normal(size=dim) + 2 * np.eye(dim)[number // 2] * dim**0.5
            vector = (vector / np.linalg.norm(vector)).astype("f4")
            gallery.add(new_face(f"person {number // 2}", number, vector))
    calibrate.main(Path("people"), Path("other.onnx"), fpr=0.1, fpir=0.1, out=Path("t.json"))
    point = OperatingPoint.read(Path("t.json"))
    assert (point.people, point.photographs, point.tpr, point.found) == (12, 24, 1, 1)


def test_too_few_people_change_nothing():
    write_people(Path("people"), 2, 1)
    with pytest.raises(ValueError, match="got 1 and 0"):
        calibrate.main(Path("people"), Path("other.onnx"), fpr=0.1, fpir=0.1)
    assert not Path("other.threshold.json").exists()
