"""`facerec gallery`: what it prints, as text and as JSON."""

import json
from types import SimpleNamespace

import pytest
from new_faces import DIM, new_face
from typer.testing import CliRunner

from facerec.commands.gallery import app
from facerec.gallery.re_embed import ReEmbedded
from facerec.gallery.store import Gallery


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "people.gallery"
    with Gallery.open(path, "model a", DIM, "models/a.onnx", create=True) as gallery:
        gallery.add_all([new_face("Zoë", 1), new_face("Ann", 2), new_face("Ann", 3)])
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def test_list(path):
    assert run("list", path).splitlines() == [
        "       2  Ann",
        "       1  Zoë",
        "2 people, 3 photographs, embedded by models/a.onnx (model a)",
    ]
    *people, end = map(json.loads, run("list", path, "--json").splitlines())
    assert people == [{"name": "Ann", "photographs": 2}, {"name": "Zoë", "photographs": 1}]
    assert end["summary"] == {
        "people": 2,
        "photographs": 3,
        "model": "models/a.onnx",
        "fingerprint": "model a",
    }
    assert run("list", path, "Ann").splitlines() == [
        "       2  /photographs/2.jpg",
        "       3  /photographs/3.jpg",
    ]


def test_rename_merge_and_remove(path):
    assert run("rename", path, "Zoë", "Zoe") == "Zoë is now Zoe\n"
    assert json.loads(run("remove", path, "Ann", "--photograph", 3, "--json"))["removed"] == 1
    with pytest.raises(ValueError, match=r"Ann has no photograph 1; .* lists them"):
        run("remove", path, "Ann", "--photograph", 1)
    text = "Ann has the photographs of Zoe too: 2 photographs\n"
    assert run("merge", path, "Zoe", "Ann") == text
    with pytest.raises(ValueError, match="nobody is called Zoe"):
        run("remove", path, "Zoe")
    assert run("remove", path, "Ann") == "removed 2 photographs of Ann\n"
    assert run("list", path).startswith("0 people, 0 photographs")


def test_re_embed(path, monkeypatch):
    engine = SimpleNamespace(description={"model": "models/b.onnx"})
    monkeypatch.setattr("facerec.engine.load.load_engine", lambda model: engine)
    calls = []

    def embed_again(gallery, engine, model, drop):
        calls.append((model, drop))
        return ReEmbedded(faces=2, dropped=int(drop))

    monkeypatch.setattr("facerec.gallery.re_embed.re_embed", embed_again)
    assert run("re-embed", path).endswith("2 faces embedded by models/b.onnx\n")
    assert run("re-embed", path, "--drop").endswith("by models/b.onnx, 1 removed\n")
    assert calls == [("models/b.onnx", False), ("models/b.onnx", True)]


def test_export(path, tmp_path):
    assert "3 faces in faces.csv" in run("export", path, tmp_path / "out")
    assert (tmp_path / "out/faces.csv").read_text().count("Ann") == 2


def test_no_gallery(tmp_path):
    with pytest.raises(ValueError, match="no such gallery; `facerec enroll PHOTOS"):
        run("list", tmp_path / "none")
    assert not (tmp_path / "none").exists()
