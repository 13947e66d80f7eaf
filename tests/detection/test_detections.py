"""What all detectors share, and the detector that takes the whole photograph."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facerec import geometry
from facerec.detection.detections import Detections, enlarged, shrink
from facerec.detection.detector import make_detector
from facerec.detection.params import DetectorParams
from facerec.detection.photographs import detect_faces
from facerec.detection.retinaface import RetinaFace
from facerec.detection.whole_image import WholeImage
from facerec.synthetic.drawing import photograph

ROOT = Path(__file__).parents[2]


def params(**changes: object) -> DetectorParams:
    values = {
        "type": "retinaface",
        "long_side": 320,
        "min_score": 0.5,
        "max_overlap": 0.4,
        "yunet_model": "profiles/none.csv",
        "yunet_sha256": "",
    }
    return DetectorParams.model_validate({**values, **changes})


def test_the_parameters_name_the_detector():
    assert make_detector(params()) == RetinaFace(320, 0.5, 0.4)
    assert make_detector(params(type="whole_image")) == WholeImage()
    with pytest.raises(ValueError, match=r"none\.csv: detector\.yunet_sha256 expects nothing"):
        make_detector(params(type="yunet", yunet_model=str(ROOT / "profiles/none.csv")))


def test_the_whole_image_is_one_face_without_points_and_keeps_its_box():
    found = WholeImage().detect(np.zeros((30, 20, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, 20, 30]] == found.boxes_as_celeba().tolist()
    assert found.scores.tolist() == [1] and np.isnan(found.points).all()


def test_the_largest_face_is_that_of_the_largest_box_and_not_the_surest():
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 5, 30], [0, 0, 12, 12]])
    assert Detections(boxes, np.array([0.9, 0.8, 0.7]), np.zeros((3, 5, 2))).largest() == 1


def test_boxes_as_celebas_are_those_of_the_points():
    points = np.stack([geometry.template(112), geometry.template(50) + 7])
    found = Detections(np.ones((2, 4)), np.ones(2), points)
    assert np.array_equal(found.boxes_as_celeba(), geometry.box_from_points(points))


@pytest.mark.parametrize(("width", "height"), [(900, 601), (601, 900), (900, 2), (64, 64)])
def test_a_shrunk_image_keeps_its_proportions_and_boxes_come_back(width, height):
    image = np.zeros((height, width, 3), np.uint8)
    small, zoom = shrink(image, 300)
    assert max(small.shape[:2]) == min(max(width, height), 300) and min(small.shape[:2]) >= 1
    assert zoom == pytest.approx([small.shape[1] / width, small.shape[0] / height])
    whole = Detections(
        np.array([[0.0, 0, small.shape[1], small.shape[0]]]),
        np.ones(1),
        np.array([[[-0.5, -0.5]] * 4 + [[small.shape[1] - 0.5, small.shape[0] - 0.5]]]),
    )
    back = enlarged(whole, zoom)
    assert back.boxes == pytest.approx(np.array([[0, 0, width, height]]))
    assert back.points[0, [0, 4]] == pytest.approx(
        np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])
    )


def test_an_image_that_is_small_enough_stays_as_it_is():
    image = np.zeros((20, 30, 3), np.uint8)
    assert shrink(image, 30)[0] is image


def test_faces_of_many_photographs_come_in_order_and_unreadable_ones_with_a_reason(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number in (0, 2):
        paths[number].write_bytes(photograph(1, number, 0, 0.0).jpeg)
    paths[1].write_bytes(b"no image")
    found = list(detect_faces(paths, make_detector(params())))
    assert found[1] == "not a readable image" and found[3] == "No such file or directory"
    for number in (0, 2):
        image = cv2.imread(str(paths[number]), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(found[number].boxes, make_detector(params()).detect(image).boxes)
