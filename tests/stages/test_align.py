"""The align stage on given points: degenerate faces end in a record, not in a smear."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from skimage.transform import AffineTransform, SimilarityTransform
from skimage.transform import warp as skimage_warp
from torch import nn

from facerec import geometry, tables
from facerec.alignment.points import FoundPoints
from facerec.alignment.record import alignment_table
from facerec.annotation_names import LANDMARKS
from facerec.imaging.io import read_image, write_image
from facerec.landmarks import hourglass
from facerec.tables import SQUARE
from stages import align

SIDE = 64  # of photographs, crops and aligned faces
OUTPUTS = [
    "a2",
    "a3",
    "a5",
    "predicted.csv",
    "alignment.csv",
    "m.json",
    "s.jpg",
    "s2.jpg",
    "s3.jpg",
    "s5.jpg",
]


class Dictated(nn.Module):
    """Stands for the network: says the points that it was given, whatever it sees."""

    face_size = SIDE

    def __init__(self, points: np.ndarray) -> None:
        super().__init__()
        self.points = points
        self.config = SimpleNamespace(image_size=SIDE, channels=8)

    def predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert faces.shape == (len(self.points), SIDE, SIDE, 3)
        return self.points, np.full(self.points.shape[:2], 0.5)


def faces() -> dict[str, np.ndarray]:
    """Returns points by what is the matter with them."""
    good = geometry.template(SIDE)
    result = {
        "good": good,
        "turned": SimilarityTransform(scale=0.8, rotation=0.4, translation=(14, -4))(good),
    }
    result["coincident"] = np.full((5, 2), 30.0)
    result["nan"] = np.full((5, 2), np.nan)
    result["one eye"] = good.copy()
    result["one eye"][1] = good[0] + [0.3, 0.2]
    result["collinear"] = good.copy()
    result["collinear"][2] = (good[0] + good[1]) / 2 + [
        0.0,
        1.0,
    ]  # three points would stretch it twelvefold
    result["eyes swapped"] = good[[1, 0, 2, 3, 4]]
    result["nose above"] = good * [1, -1] + [0, SIDE]
    result["outside"] = good.copy()
    result["outside"][3:, 1] += SIDE / 4
    return result


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Runs the stage; returns the tables, the metrics and the points, by the faces' names."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"align: {{image_size: {SIDE}, max_shear: 0.4}}\n")
    return run(monkeypatch, faces())


def run(monkeypatch, points: dict[str, np.ndarray], landmarks: float = 1.0):
    names = [f"{name}.png" for name in points]
    rng = np.random.default_rng(0)
    for name in names:
        picture = np.kron(rng.integers(60, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for folder in ("photographs", "crops"):
            write_image(Path(folder) / name, picture)
    frame = pd.DataFrame({"image_id": names, **dict.fromkeys(LANDMARKS, landmarks)})
    frame[SQUARE] = [0.0, 0.0, float(SIDE)]
    left_out = frame.iloc[:1].assign(image_id="left out.png")  # of which there is no picture
    tables.write(pd.concat([left_out, frame]), Path("cropped.csv"), tables.CROPPED)
    others = left_out.assign(person_id=1, label=0, **dict.fromkeys(tables.BOX, 1.0))
    tables.write(others, Path("landmarks_only.csv"), tables.SELECTED)
    monkeypatch.setattr(hourglass, "load", lambda *_: Dictated(np.stack([*points.values()])))
    align.main(
        *map(Path, ["h.pt", "cropped.csv", "landmarks_only.csv", "crops", "photographs", *OUTPUTS])
    )
    predicted = tables.read(Path("predicted.csv"), tables.PREDICTED).set_index("image_id")
    record = tables.read(Path("alignment.csv"), tables.ALIGNED).set_index("image_id")
    return predicted, record, json.loads(Path("m.json").read_text())


@pytest.mark.parametrize(
    ("name", "aligned"),
    [
        ("good", (1, 1, 1)),
        ("turned", (1, 1, 1)),
        ("coincident", (0, 0, 0)),
        ("nan", (0, 0, 0)),
        ("one eye", (0, 0, 1)),
        ("collinear", (1, 0, 1)),
        ("outside", (1, 1, 1)),
    ],
)
def test_each_face_is_flagged_for_each_alignment_and_black_where_it_has_none(ran, name, aligned):
    predicted, record, _ = ran
    for count, usable in zip(tables.ALIGNMENTS, aligned, strict=True):
        face = read_image(Path(f"a{count}/{name}.png"))
        assert predicted.loc[f"{name}.png", f"aligned_{count}"] == usable
        assert face.any() == bool(usable)
        values = record.loc[
            f"{name}.png", [f"{what}_{count}" for what in ("roll", "scale", "shear", "residual")]
        ]
        assert values.notna().all() == bool(usable)
        if usable:
            assert 0.5 < values[f"scale_{count}"] < 2  # no smear


@pytest.mark.parametrize("name", ["eyes swapped", "nose above"])
def test_a_face_that_three_points_mirror_is_flagged_however_little_it_is_sheared(ran, name):
    _, record, metrics = ran
    mirrored = record.loc[f"{name}.png"]
    assert mirrored.distorted_3 == 1 and mirrored.shear_3 < 0.1 and np.isnan(mirrored.roll_3)
    assert mirrored[["roll_2", "roll_5"]].notna().all() and mirrored.residual_5 > 1
    assert record.distorted_3.sum() == metrics["distorted_by_3_points"] == 2


def test_the_record_names_what_is_wrong_with_each_face(ran):
    _, record, _ = ran
    named = record.fault.rename(lambda name: name.removesuffix(".png")).to_dict()
    assert named == {
        **dict.fromkeys(["good", "turned", "outside"], "none"),
        **dict.fromkeys(["coincident", "one eye"], "coincident"),
        "nan": "not finite",
        "collinear": "collinear",
        **dict.fromkeys(["eyes swapped", "nose above"], "mirrored"),
    }


def test_a_face_sheared_beyond_the_limit_is_a_fault():
    points = geometry.template(SIDE)[None] * [0.5, 1] + [16, 0]
    matrices = geometry.alignment_matrices(points, SIDE)
    found = FoundPoints(points, np.ones(1), np.zeros(1, int))
    for max_shear, fault in ((0.4, "sheared"), (0.6, "none")):
        table = alignment_table(pd.Series(["a.png"]), found, matrices, SIDE, max_shear)
        assert table.shear_3.item() == pytest.approx(0.5) and table.fault.item() == fault


@pytest.mark.parametrize("count", [2, 3, 5])
def test_written_faces_are_what_scikit_image_cuts(ran, count):
    photograph, points = read_image(Path("photographs/turned.png")), faces()["turned"]
    matrix = geometry.alignment_matrices(points[None], SIDE)[count][0]
    expected = skimage_warp(
        photograph,
        np.linalg.inv([*matrix, [0, 0, 1]]),
        output_shape=(SIDE, SIDE),
        preserve_range=True,
    )
    off = np.abs(read_image(Path(f"a{count}/turned.png")) - expected)
    assert off.mean() < 1 and (off > 12).mean() < 0.01  # half a pixel off: 18 and 0.3


def test_the_record_and_the_metrics_count_them(ran):
    predicted, record, metrics = ran
    assert (
        [*predicted.index] == [*record.index] == [f"{name}.png" for name in faces()]
    )  # nothing of what is left out
    assert predicted.loc["nan.png", LANDMARKS].isna().all()
    assert record.points_outside.to_dict() == {
        **dict.fromkeys([f"{name}.png" for name in faces()], 0),
        "nan.png": 5,
        "outside.png": 2,
    }
    assert metrics["points_outside_the_crop"] == 7
    assert [metrics[f"not_aligned_by_{count}_points"] for count in (2, 3, 5)] == [3, 4, 2]
    assert record.loc["turned.png", ["roll_2", "roll_3", "roll_5"]].to_numpy(
        float
    ) == pytest.approx(np.degrees([0.4] * 3), abs=1e-3)


def test_sheets_show_the_faces_of_each_method(ran):
    for name in ("s.jpg", "s2.jpg", "s3.jpg", "s5.jpg"):
        assert read_image(Path(name)).std() > 10


@pytest.mark.parametrize("count", [2, 3, 5])
def test_aligned_faces_are_what_scikit_images_transforms_say(ran, count):
    """A matrix that scikit-image estimates takes the points to the same places."""
    points, target = faces()["turned"], geometry.template(SIDE)
    used = {2: [0, 1], 3: [0, 1, 2], 5: [0, 1, 2, 3, 4]}[count]
    kind = AffineTransform if count == 3 else SimilarityTransform
    expected = kind.from_estimate(points[used], target[used]).params[:2]
    assert geometry.alignment_matrices(points[None], SIDE)[count][0] == pytest.approx(
        expected, abs=1e-6
    )


def _files(path: Path) -> list[Path]:
    return [*path.iterdir()] if path.is_dir() else [path]


def test_the_annotated_points_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"align: {{image_size: {SIDE}, max_shear: 0.4}}\n")
    seen = []
    for landmarks in (1.0, -777.0):
        run(monkeypatch, faces(), landmarks)
        files = sorted(file for out in OUTPUTS for file in _files(Path(out)))
        seen.append({str(file): Path(file).read_bytes() for file in files})
    assert len(seen[0]) == 3 * len(faces()) + 7
    assert seen[0] == seen[1]
