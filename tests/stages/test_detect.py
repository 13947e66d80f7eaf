"""The stage that finds the faces of a collection without boxes."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from commands import as_command, options_of

from facerec import geometry, tables
from facerec.data.celeba import read_boxes, read_landmarks
from facerec.synthetic.drawing import Photograph, photograph
from facerec.tables import BOX

DETECTOR = {
    "runs": ["detected"],
    "type": "retinaface",
    "long_side": 640,
    "min_score": 0.5,
    "max_overlap": 0.4,
    "yunet_model": "none.csv",
    "yunet_sha256": "",
}
OUTPUTS = ("boxes", "landmarks", "faces", "without_face")


def run_stage(folder: Path, **changes: object) -> str:
    """Returns what the stage said, as an error or in its log."""
    (folder / "params.yaml").write_text(yaml.safe_dump({"detector": DETECTOR | changes}))
    (folder / "none.csv").write_text("image_id\n")
    paths = {name: f"out/{name}.csv" for name in OUTPUTS}
    files = {"identity": "identity.txt", "images": "img", "model": "none.csv", **paths}
    result = as_command(folder, "stages.detect", *options_of(files))
    return result.stdout + result.stderr


@pytest.fixture
def collection(tmp_path: Path) -> dict[str, Photograph]:
    """Two drawn faces, both of them in one photograph, a grey picture, a broken file."""
    first, second = (photograph(3, person, 1, 0.0) for person in (0, 1))
    pictures = [decoded(each.jpeg) for each in (first, second)]
    images = tmp_path / "img"
    images.mkdir()
    (images / "1.jpg").write_bytes(first.jpeg)
    (images / "2.jpg").write_bytes(second.jpeg)
    both = [cv2.resize(pictures[0], (200, 240)), cv2.resize(pictures[1], (400, 480))]
    canvas = np.full((480, 600, 3), 128, np.uint8)
    canvas[:240, :200], canvas[:, 200:] = both
    cv2.imwrite(str(images / "3.png"), canvas[..., ::-1])
    cv2.imwrite(str(images / "4.png"), np.full((100, 80, 3), 128, np.uint8))
    (images / "5.jpg").write_bytes(b"no image")
    names = ["1.jpg", "2.jpg", "3.png", "4.png", "5.jpg"]
    (tmp_path / "identity.txt").write_text("".join(f"{name} 7\n" for name in names))
    return {"1.jpg": first, "2.jpg": second}


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)


def test_boxes_and_points_are_read_as_a_collections(tmp_path, collection):
    said = run_stage(tmp_path)
    assert "3 of 5 photographs have a face, 1 of them several: the largest is taken" in said
    boxes = read_boxes(tmp_path / "out/boxes.csv").set_index("image_id")
    landmarks = read_landmarks(tmp_path / "out/landmarks.csv").set_index("image_id")
    assert boxes.index.tolist() == landmarks.index.tolist() == ["1.jpg", "2.jpg", "3.png"]
    points = tables.points(landmarks)
    assert boxes[BOX].to_numpy() == pytest.approx(geometry.box_from_points(points), abs=0.01)
    for found, truth in zip(points, collection.values(), strict=False):
        errors = np.linalg.norm(found - truth.landmarks, axis=1)
        assert errors.mean() < 0.2 * geometry.eye_distance(truth.landmarks[None])[0]
    assert points[2, :, 0].min() > 200  # of the larger face, on the right


def test_every_face_is_listed_and_the_photographs_without_one_have_a_reason(tmp_path, collection):
    run_stage(tmp_path)
    faces = tables.read(tmp_path / "out/faces.csv", tables.FACES)
    assert faces.image_id.value_counts().to_dict() == {"1.jpg": 1, "2.jpg": 1, "3.png": 2}
    assert faces.groupby("image_id").is_chosen.sum().tolist() == [1, 1, 1]
    area = faces.width * faces.height
    assert (area[faces.is_chosen == 1] == area.groupby(faces.image_id).max().to_numpy()).all()
    without = pd.read_csv(tmp_path / "out/without_face.csv").set_index("image_id").reason
    assert without.to_dict() == {"4.png": "no face found", "5.jpg": "not a readable image"}


def test_the_same_photographs_give_the_same_bytes(tmp_path, collection):
    def hashes() -> list[str]:
        run_stage(tmp_path)
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in outputs(tmp_path)]

    assert hashes() == hashes()


def test_whole_images_have_boxes_and_no_points(tmp_path, collection):
    run_stage(tmp_path, type="whole_image")
    boxes = read_boxes(tmp_path / "out/boxes.csv").set_index("image_id")[BOX]
    assert boxes.loc["4.png"].tolist() == [0, 0, 80, 100] and len(boxes) == 4
    assert read_landmarks(tmp_path / "out/landmarks.csv").empty


def test_no_face_in_any_photograph_is_an_error_and_writes_nothing(tmp_path, collection):
    (tmp_path / "identity.txt").write_text("4.png 7\n")
    said = run_stage(tmp_path)
    assert "error: img: not one of 1 photographs has a face, such as 4.png: no face found" in said
    assert outputs(tmp_path) == []


def outputs(folder: Path) -> list[Path]:
    return sorted((folder / "out").glob("*.csv"))
