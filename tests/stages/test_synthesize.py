"""The stage that draws a collection writes CelebA's layout, and the truth about it."""

import os
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import yaml
from commands import as_command

from facerec.annotation_names import LANDMARKS

PEOPLE = 4
PHOTOS = 6
OUTPUTS = {
    "images": "img",
    "identity": "identity.txt",
    "boxes": "boxes.txt",
    "landmarks": "landmarks.txt",
    "attributes": "attributes.txt",
    "truth": "truth.csv",
}


def test_stage_writes_the_layout_of_celeba(tmp_path: Path):
    run_stage(tmp_path, workers=2)
    identity = pd.read_csv(
        tmp_path / "identity.txt", sep=" ", header=None, names=["image_id", "person_id"]
    )
    assert identity.image_id.tolist() == [
        f"{number:06d}.jpg" for number in range(1, PEOPLE * PHOTOS + 1)
    ]
    assert identity.person_id.value_counts().tolist() == [PHOTOS] * PEOPLE
    assert not identity.person_id.is_monotonic_increasing
    assert not identity.person_id.is_monotonic_decreasing
    assert sorted(path.name for path in (tmp_path / "img").iterdir()) == identity.image_id.tolist()

    boxes = pd.read_csv(tmp_path / "boxes.txt", sep=r"\s+", skiprows=1)
    assert boxes.columns.tolist() == ["image_id", "x_1", "y_1", "width", "height"]
    points = pd.read_csv(tmp_path / "landmarks.txt", sep=r"\s+", skiprows=1)
    assert points.columns.tolist() == LANDMARKS
    flags = pd.read_csv(tmp_path / "attributes.txt", sep=r"\s+", skiprows=1)
    assert flags.shape == (PEOPLE * PHOTOS, 40)
    assert set(np.unique(flags)) == {-1, 1}
    for name in ("boxes.txt", "landmarks.txt", "attributes.txt"):
        assert int((tmp_path / name).read_text().splitlines()[0]) == PEOPLE * PHOTOS
    assert (
        points.index.tolist()
        == flags.index.tolist()
        == boxes.image_id.tolist()
        == identity.image_id.tolist()
    )
    _check_boxes_hold_points(boxes.set_index("image_id"), points)


def test_output_does_not_depend_on_the_number_of_workers(tmp_path: Path):
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        run_stage(folder, workers)
    written = [
        sorted(path for path in (tmp_path / str(workers)).rglob("*.*") if path.is_file())
        for workers in (1, 2)
    ]
    assert len(written[0]) == len(written[1]) == PEOPLE * PHOTOS + 6  # and params.yaml
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(*written, strict=True))


def test_truth_tells_wrong_labels_and_copies(tmp_path):
    run_stage(tmp_path, workers=1, label_noise=0.2, duplicate_share=0.2)
    truth = pd.read_csv(tmp_path / "truth.csv", keep_default_na=False)
    given = pd.read_csv(
        tmp_path / "identity.txt", sep=" ", header=None, names=["image_id", "person_id"]
    )
    assert (given.person_id != truth.person_id).sum() == round(0.2 * len(truth))
    copies = truth[truth.copy_of != ""]
    person_of = truth.set_index("image_id").person_id
    assert len(copies) == round(0.2 * len(truth))
    assert (person_of[copies.copy_of].to_numpy() == copies.person_id.to_numpy()).all()


def run_stage(folder: Path, workers: int, **changes: object) -> None:
    section = {"runs": ["x"], "people": PEOPLE, "photos_per_person": PHOTOS, "seed": 9}
    section |= {"flaw_prob": 0.0, "label_noise": 0.0, "duplicate_share": 0.0, **changes}
    (folder / "params.yaml").write_text(yaml.safe_dump({"synthesize": section}))
    options = [word for name, path in OUTPUTS.items() for word in (f"--{name}", path)]
    with patch.dict(os.environ, {"FACEREC_WORKERS": str(workers)}):
        result = as_command(folder, "stages.synthesize", *options)
    assert result.returncode == 0, result.stderr


def _check_boxes_hold_points(boxes: pd.DataFrame, points: pd.DataFrame) -> None:
    for axis, low, size in (("x", "x_1", "width"), ("y", "y_1", "height")):
        nose = (points[f"nose_{axis}"] - boxes[low]) / boxes[size]
        assert nose.between(0.1, 0.95).all()
        assert nose.std() > 0.03  # a detector's boxes, not boxes that follow from the points
