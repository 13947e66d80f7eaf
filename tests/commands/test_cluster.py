"""`facerec cluster`: groups as text, JSON, a table and folders."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from facerec.commands.cluster import main

ANN, BOB, CID = np.eye(3, dtype="f4")
SHOWN = {  # who is on each photograph
    "a/1.jpg": [ANN],
    "a/2.jpg": [ANN, BOB],
    "b/1.jpg": [ANN, CID],
    "b/2.jpg": [BOB],
    "b/3.jpg": [0 * ANN],
    "b/4.jpg": [],
}


class FakeEngine:
    embedding_dim = 3
    operating_point = SimpleNamespace(
        verify_threshold=0.5, verify_fpr=0.01, measured_on="400 people"
    )

    def over_files(self, paths, title):
        for path in paths:
            vectors = SHOWN.get(f"{path.parent.name}/{path.name}")
            yield (
                path,
                ValueError(f"{path}: broken")
                if vectors is None
                else [
                    SimpleNamespace(
                        box=np.arange(4.0) + place, embedding=vector, usable=vector.any()
                    )
                    for place, vector in enumerate(vectors)
                ],
            )


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    folder = tmp_path / "photographs"
    for name in [*SHOWN, "b/broken.jpg"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    monkeypatch.setattr("facerec.engine.load.load_engine", lambda model: FakeEngine())
    return folder


def run(*arguments: object, code: int = 3) -> str:
    app = typer.Typer()
    app.command()(main)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exit_code != code:
        raise result.exception
    return result.stdout


def test_groups_as_text(photographs):
    one, two = photographs / "a", photographs / "b"
    assert run(photographs).splitlines() == [
        f"group 1: 3 photographs: {one}/1.jpg, {one}/2.jpg, {two}/1.jpg",
        f"group 2: 2 photographs: {one}/2.jpg, {two}/2.jpg",
        "6 photographs, 6 faces: 2 groups, and 1 faces alone",
        "one person from a mean cosine of 0.500, which 1.00% of different-person pairs exceed, "
        "measured on 400 people",
    ]
    assert "as --threshold says" in run(photographs, "--threshold", "0.7")


def test_groups_as_json(photographs):
    values = [json.loads(line) for line in run(photographs, "--json").splitlines()]
    assert values[0] == {"photograph": str(photographs / "b/broken.jpg"), "problem": "broken"}
    assert [one["group"] for one in values[1:-1]] == [1, 1, 2, 1, None, 2]
    assert values[-1]["summary"]["alone"] == 1


def test_groups_as_a_table_and_folders(photographs, tmp_path):
    table, out = tmp_path / "groups.csv", tmp_path / "out"
    run(photographs, "--csv", table, "--out", out)
    rows = list(csv.DictReader(table.open()))
    assert [row["group"] for row in rows] == ["1", "1", "2", "1", "", "2"]
    assert [float(rows[2][name]) for name in ("x", "y", "width", "height")] == [1, 2, 3, 4]
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*.jpg")}
    assert set(files) == {
        *("group 1/1.jpg", "group 1/1 (2).jpg", "group 1/2.jpg"),
        *("group 2/2.jpg", "group 2/2 (2).jpg"),
    }
    assert files["group 1/1 (2).jpg"].read_bytes() == b"b/1.jpg"
    with pytest.raises(ValueError, match="expected no such folder, or an empty one"):
        run(photographs, "--out", out)


def test_groups_as_links(photographs, tmp_path):
    run(photographs, "--out", tmp_path / "out", "--link")
    linked = tmp_path / "out/group 1/1.jpg"
    assert linked.is_symlink() and linked.samefile(photographs / "a/1.jpg")
    with pytest.raises(ValueError, match="--link: expected --out too"):
        run(photographs, "--link")


def test_a_model_without_a_threshold_asks_for_one(photographs, monkeypatch):
    monkeypatch.setattr(FakeEngine, "operating_point", None)
    with pytest.raises(ValueError, match="`facerec calibrate` measures one, or --threshold sets"):
        run(photographs)
    run(photographs, "--threshold", 0.5)


def test_photographs_without_faces(photographs):
    assert "1 photograph, 0 faces: 0 groups, and 0 faces alone" in run(
        photographs / "b/4.jpg", code=0
    )
