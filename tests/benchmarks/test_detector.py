"""The measurements of the detector, at a tiny size."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import detector, detector_accuracy, detector_speed
from benchmarks.detector_accuracy import Annotated, draw, found, overlap, scores
from facerec.detection.detections import Detections
from facerec.detection.params import DetectorParams
from facerec.detection.retinaface import RetinaFace
from facerec.geometry import template
from facerec.tables import BOX, LANDMARKS

RETINAFACE = RetinaFace(320, 0.5, 0.4)


def test_intersection_over_union_is_that_of_the_pixels():
    one = np.array([2, 3, 10, 6])
    others = np.array([[2, 3, 10, 6], [7, 5, 10, 6], [40, 3, 2, 2]])
    expected = []
    for x, y, width, height in others:
        first, second = np.zeros((2, 60, 60), bool)
        first[3:9, 2:12] = True
        second[y : y + height, x : x + width] = True
        expected.append((first & second).sum() / (first | second).sum())
    assert overlap(others.astype(float), one.astype(float)) == pytest.approx(expected)


def test_recall_counts_annotated_boxes_and_precision_found_ones():
    points = template(100)
    box = np.array([0.0, 0, 100, 100])
    far = box + np.array([500, 0, 0, 0])
    half = box * [1, 1, 0.45, 1]
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    detections = [faces(box), faces(box, far), faces(half), none]
    annotated = Annotated([Path()] * 4, np.stack([box] * 4), np.stack([points] * 4))
    row = scores(detections, annotated)
    assert row["recall"].startswith("50.0 (") and row["precision"].startswith("50.0 (")
    assert row["frontal"] == row["recall"] and row["others"] == "–" and row["points"] == "0.0"


def faces(*boxes: np.ndarray) -> Detections:
    return Detections(np.stack(boxes), np.ones(len(boxes)), np.stack([template(100)] * len(boxes)))


def test_found_has_a_row_for_each_collection_that_is_there(tmp_path):
    collection = tmp_path / "cfp"
    drawn = draw(collection / "img_celeba", 3)
    names = [path.name for path in drawn.paths]
    write(collection / "list_bbox_celeba.txt", BOX, names, drawn.boxes)
    write(collection / "list_landmarks_celeba.txt", LANDMARKS, names, drawn.points.reshape(3, 10))
    table = found({"retinaface": RETINAFACE}, collection, 2)
    assert table.collection.tolist() == ["drawn", "cfp"] and table.photographs.tolist() == [2, 2]
    assert table.recall.str.startswith("100.0").all()
    assert len(found({"retinaface": RETINAFACE}, tmp_path / "none", 1)) == 1


def write(path: Path, columns: list[str], names: list[str], values: np.ndarray) -> None:
    rows = [" ".join([name, *map(str, row)]) for name, row in zip(names, values, strict=True)]
    path.write_text("\n".join([str(len(names)), " ".join(["image_id", *columns]), *rows]))


def test_times_are_of_each_size(monkeypatch):
    monkeypatch.setattr(detector_speed, "LONG_SIDES", (64, 96))
    monkeypatch.setattr(detector_speed, "REPEATS", 1)
    params = DetectorParams(
        type="retinaface",
        long_side=64,
        min_score=0.5,
        max_overlap=0.4,
        yunet_model="",
        yunet_sha256="",
    )
    table = detector_speed.time_by_size(params)
    assert table.photograph.tolist() == ["48 × 64", "72 × 96"]


def test_a_section_replaces_its_old_one_and_leaves_the_others():
    page = detector.with_section(detector.TITLE, "Time", "slow\n")
    page = detector.with_section(page, "Faces found", "all\n")
    page = detector.with_section(page, "Time", "fast\n")
    assert page == f"{detector.TITLE}\n## Time\n\nfast\n\n## Faces found\n\nall\n"


def test_an_unreadable_photograph_is_an_error_and_not_left_out(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    annotated = [tmp_path / "a.jpg"]
    with pytest.raises(ValueError, match=r"a\.jpg: not a readable image"):
        detector_accuracy._detections(annotated, RETINAFACE)
